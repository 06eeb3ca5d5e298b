// The numbers of a real etcd for the same history (recorded by tests/mvcc/record_hashkv.sh).

#include <fstream>
#include <sstream>
#include <string>

#include "tests/mvcc/support.h"

namespace detcd::mvcc {
namespace {

struct Replay {
  Store store{512};
  Sweeper sweeper;
  bool sweeping = false;
  int hashes = 0;

  void transaction(std::istringstream& words) {
    std::string word;
    while (words >> word) {
      const std::size_t first = word.find(':');
      const std::size_t second = word.find(':', first + 1);
      const std::string key = word.substr(first + 1, second - first - 1);
      if (word.starts_with("put")) {
        store.put({.key = key, .value = std::string_view(word).substr(second + 1)});
      } else {
        erase_range(store, {key, ""});
      }
    }
    store.commit();
  }

  void change(const std::string& verb, std::istringstream& words) {
    if (verb == "txn") {
      transaction(words);
      return;
    }
    std::string key;
    std::string rest;
    words >> key >> rest;
    if (verb == "put") put(store, key, rest);
    if (verb == "del") erase_range(store, {key, rest == "-" ? "" : rest});
    if (verb == "compact") store.compact(std::stoll(key));
    store.commit();
    if (sweeping) sweep(sweeper, store);
  }

  void hash(const std::string& verb, std::istringstream& words, const std::string& line) {
    Revision revision = 0;
    Revision compacted = 0;
    std::uint32_t expected = 0;
    words >> revision >> compacted >> expected;
    const Revision at = revision == 0 ? store.revision() : revision;
    ++hashes;
    if (verb == "refused") {
      EXPECT_TRUE(at > store.revision() || at < store.compact_revision()) << line;
      return;
    }
    HashRead work(at, store.compact_revision());
    finish([&](Meter& meter) { return work.advance(store, meter); }, 1 + hashes % 20);
    EXPECT_EQ(work.hash(), expected) << line;
    EXPECT_EQ(store.compact_revision(), compacted) << line;
  }

  void run(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "#") return;
    if (verb == "hash" || verb == "refused") {
      hash(verb, words, line);
    } else {
      change(verb, words);
    }
  }
};

class HashKv : public ::testing::TestWithParam<const char*> {};

TEST_P(HashKv, IsTheNumberOfEtcdWhateverWasSwept) {
  for (const bool sweeping : {false, true}) {
    std::ifstream file(std::string(DETCD_TEST_DATA) + "/" + GetParam());
    ASSERT_TRUE(file.is_open());
    Replay replay;
    replay.sweeping = sweeping;
    std::string line;
    while (std::getline(file, line)) replay.run(line);
    EXPECT_GT(replay.hashes, 50);
  }
}

// Two chunks, compacted: the first is almost full of live records and has one dead put, for which
// the second one's dead tombstones wait. So the second is rewritten, then the first, and then the
// second again at the same revision, which gives it the same id.
void fill_for_two_rewrites(Store& store) {
  const std::string deleted(44, 'd');
  for (const char live : {'1', '2', '3', '4', '5', '6'}) {
    put(store, std::string("a") + live, std::string(230, 'v'));
  }
  put(store, deleted, "");
  for (const std::size_t length : {300, 100, 100, 100}) {
    put(store, deleted, std::string(length, 'v'));
    erase_range(store, {deleted, ""});
    store.commit();
  }
  put(store, "live", std::string(240, 'v'));
  put(store, "next chunk", std::string(500, 'v'));
  store.compact(store.revision());
}

std::uint32_t hash_with_pause(std::uint64_t steps) {
  Store store(2000);
  fill_for_two_rewrites(store);
  const auto second = [&store]() -> const Chunk& {
    return store.chunks().at(store.chunks().order().at(1));
  };
  Sweeper sweeper;
  while (!second().rewritten) {
    Meter meter({.units = 1});
    EXPECT_FALSE(std::holds_alternative<Done>(sweeper.advance(store, meter)));
  }
  const ChunkId id = second().id;
  const std::uint64_t hash = second().hash;
  HashRead work(store.revision(), store.compact_revision());
  for (std::uint64_t i = 0; i < steps; ++i) {
    Meter meter({.units = 1});
    static_cast<void>(work.advance(store, meter));
  }
  sweep(sweeper, store);
  EXPECT_EQ(second().id, id);
  EXPECT_NE(second().hash, hash);
  finish([&](Meter& meter) { return work.advance(store, meter); });
  return work.hash();
}

TEST(HashRead, GoesOnRightlyInAChunkThatWasRewrittenUnderItsId) {
  const std::uint32_t undisturbed = hash_with_pause(1000);
  for (std::uint64_t steps = 0; steps < 40; ++steps) {
    EXPECT_EQ(hash_with_pause(steps), undisturbed) << "paused after " << steps << " steps";
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, HashKv,
                         ::testing::Values("hashkv_1.txt", "hashkv_2.txt", "hashkv_3.txt"));

}  // namespace
}  // namespace detcd::mvcc
