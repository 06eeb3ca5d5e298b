// Files of every shape, read back by a reader that shares nothing with the writer.
#include "bbolt/file_builder.h"

#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/hash.h"
#include "tests/support/bbolt_reader.h"
#include "tests/support/replay.h"

namespace detcd::bbolt {
namespace {

using Buckets = std::map<std::string, std::map<std::string, std::string>>;

void go_through(FileBuilder& builder, const Buckets& buckets, bool measuring) {
  for (const auto& [name, items] : buckets) {
    builder.begin_bucket(name);
    for (const auto& [key, value] : items) {
      if (measuring) {
        builder.measure(key, value.size());
      } else {
        builder.add(key, value);
      }
    }
    builder.end_bucket();
  }
}

std::string file_of(const Buckets& buckets) {
  FileBuilder measuring;
  go_through(measuring, buckets, true);
  const Layout layout = measuring.finish();
  FileBuilder writing(layout);
  go_through(writing, buckets, false);
  EXPECT_EQ(writing.finish(), layout);
  std::string file = writing.take();
  EXPECT_EQ(file.size(), layout.bytes());
  return file;
}

// The reader's depth: pages from a bucket's root to its leaves.
std::size_t expect_reads_back(const Buckets& buckets) {
  const std::string file = file_of(buckets);
  try {
    const test::BboltReader reader(file);
    EXPECT_EQ(reader.names().size(), buckets.size());
    for (const auto& [name, items] : buckets) {
      const test::BboltReader::Items& read = reader.bucket(name);
      EXPECT_TRUE(std::ranges::equal(read, items, [](const auto& a, const auto& b) {
        return a.first == b.first && a.second == b.second;
      })) << name;
    }
    return reader.depth();
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
    return 0;
  }
}

std::map<std::string, std::string> numbered(int count, std::size_t value_bytes) {
  std::map<std::string, std::string> items;
  for (int i = 0; i < count; ++i) {
    std::string digits = std::to_string(i);
    items["k" + std::string(8 - digits.size(), '0') + digits] = std::string(value_bytes, 'v');
  }
  return items;
}

TEST(FileBuilder, EmptyBucketsAreInline) {
  EXPECT_EQ(expect_reads_back({{"alarm", {}}, {"key", {}}}), 1U);
}

TEST(FileBuilder, AFileWithoutBucketsHasARoot) {
  EXPECT_EQ(expect_reads_back({}), 1U);
}

TEST(FileBuilder, BucketsGrowFromInlineToManyLevels) {
  EXPECT_EQ(expect_reads_back({{"key", numbered(20, 10)}}), 1U);
  EXPECT_EQ(expect_reads_back({{"key", numbered(60, 10)}}), 1U) << "one leaf of its own";
  EXPECT_EQ(expect_reads_back({{"key", numbered(1'000, 10)}}), 2U);
  EXPECT_EQ(expect_reads_back({{"key", numbered(60'000, 200)}}), 3U);
}

TEST(FileBuilder, EveryNumberOfItemsAroundABranchsSizeFits) {
  // Leaves of two items: where a branch is full, one more leaf, and one less.
  for (int count = 300; count < 360; ++count) {
    expect_reads_back({{"key", numbered(count, 1'900)}});
  }
}

TEST(FileBuilder, ValuesLargerThanAPageOverflow) {
  for (const std::size_t bytes : {4'000, 4'054, 4'055, 4'056, 4'096, 8'191, 100'000, 1'500'000}) {
    expect_reads_back({{"key", {{"a", "1"}, {"b", std::string(bytes, 'x')}, {"c", "2"}}}});
  }
}

TEST(FileBuilder, ManySmallBucketsMakeADeepRoot) {
  Buckets buckets;
  for (int i = 0; i < 500; ++i) buckets["bucket" + std::to_string(i)] = numbered(i % 20, 30);
  EXPECT_EQ(expect_reads_back(buckets), 2U);
}

TEST(FileBuilder, PagesComeOutAsTheyAreDone) {
  FileBuilder measuring;
  const Buckets buckets = {{"key", numbered(10'000, 100)}};
  go_through(measuring, buckets, true);
  const Layout layout = measuring.finish();
  EXPECT_EQ(measuring.ready(), 0U);
  FileBuilder writing(layout);
  std::string file;
  std::size_t most = 0;
  writing.begin_bucket("key");
  for (const auto& [key, value] : buckets.at("key")) {
    writing.add(key, value);
    most = std::max(most, writing.ready());
    file += writing.take();
  }
  writing.end_bucket();
  writing.finish();
  file += writing.take();
  EXPECT_LE(most, 4 * kPageBytes);
  EXPECT_EQ(file, file_of(buckets));
}

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return mix64(seed_, ++draws_) % bound; }

 private:
  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
};

TEST(FileBuilder, RandomFilesReadBack) {
  const bool held = rc::check("random files read back", [](std::uint64_t seed) {
    Dice dice(seed);
    Buckets buckets;
    for (std::uint64_t b = dice.below(6); b > 0; --b) {
      auto& items = buckets["b" + std::to_string(dice.below(100))];
      const std::uint64_t value_max = 1ULL << dice.below(14);
      const std::uint64_t key_max = 1ULL << dice.below(10);
      for (std::uint64_t i = dice.below(1ULL << dice.below(11)); i > 0; --i) {
        std::string key = std::to_string(dice.below(1'000'000));
        key.append(dice.below(key_max), 't');
        items[key] = std::string(dice.below(value_max), 'v');
      }
    }
    expect_reads_back(buckets);
    RC_ASSERT(!testing::Test::HasFailure());
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace detcd::bbolt
