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

INSTANTIATE_TEST_SUITE_P(Recorded, HashKv,
                         ::testing::Values("hashkv_1.txt", "hashkv_2.txt", "hashkv_3.txt"));

}  // namespace
}  // namespace detcd::mvcc
