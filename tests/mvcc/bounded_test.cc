// No step is long: what one advance does is bounded by its budget, whatever the size of the store.

#include <algorithm>
#include <cstdint>
#include <string>

#include "tests/mvcc/support.h"

namespace detcd::mvcc {
namespace {

constexpr int kKeys = 20'000;
constexpr std::uint64_t kBudget = 300;
const KeyRange kAll{std::string(1, '\0'), std::string(1, '\0')};

std::string key(int i) {
  return "key/" + std::to_string(100'000 + i);
}

// Chunks with room for a few records, so that what a step frees or makes can be counted in chunks.
struct Filled {
  Store store{400};
  Filled() {
    for (int i = 0; i < kKeys; ++i) put(store, key(i), "value");
  }
};

// The number of advances, and the most that `measure` moved in one of them.
struct Steps {
  std::uint64_t count = 0;
  std::uint64_t moved_max = 0;
};
template <class Step, class Measure>
Steps run(Step step, Measure measure) {
  Steps steps;
  for (bool done = false; !done; ++steps.count) {
    const std::uint64_t before = measure();
    Meter meter({.units = kBudget});
    done = std::holds_alternative<Done>(step(meter));
    const std::uint64_t after = measure();
    steps.moved_max = std::max(steps.moved_max, std::max(after, before) - std::min(after, before));
  }
  return steps;
}
std::uint64_t nothing() {
  return 0;
}

TEST(Bounded, CountVisitsAtMostABudgetOfKeysPerStep) {
  Filled filled;
  RangeRead work({.range = kAll, .at = filled.store.revision(), .count_only = true});
  const Steps steps = run([&](Meter& m) { return work.advance(filled.store, m); }, nothing);
  EXPECT_GE(steps.count, kKeys / kBudget);
  EXPECT_EQ(work.take().count, kKeys);
}

TEST(Bounded, SortedRangeCollectsSortsAndCutsInSteps) {
  Filled filled;
  RangeRead work({.range = kAll,
                  .at = filled.store.revision(),
                  .order = RangeOrder::kDescend,
                  .target = RangeTarget::kMod});
  const Steps steps = run([&](Meter& m) { return work.advance(filled.store, m); }, nothing);
  // Collecting costs several units a row, each of nine merge passes one, cutting another.
  EXPECT_GE(steps.count, 13 * kKeys / kBudget);
  const RangeResult result = work.take();
  ASSERT_EQ(result.rows.size(), static_cast<std::size_t>(kKeys));
  EXPECT_EQ(result.rows.front().key.view(), key(kKeys - 1));
  EXPECT_EQ(result.rows.back().key.view(), key(0));
}

TEST(Bounded, HashReadsAtMostABudgetOfRecordsPerStep) {
  Filled filled;
  HashRead work(filled.store.revision(), -1);
  const Steps steps = run([&](Meter& m) { return work.advance(filled.store, m); }, nothing);
  EXPECT_GE(steps.count, 4 * kKeys / kBudget);
}

TEST(Bounded, SweepDropsAtMostABudgetOfKeysAndChunksPerStep) {
  Filled filled;
  Store& store = filled.store;
  erase_range(store, kAll);
  store.commit();
  put(store, "last", "");
  store.compact(store.revision());
  Sweeper sweeper;
  const auto advance = [&](Meter& m) { return sweeper.advance(store, m); };
  const std::size_t keys_before = store.index().size();
  const std::size_t chunks_before = store.chunks().order().size();
  const Steps steps =
      run(advance, [&] { return store.index().size() + store.chunks().order().size(); });
  EXPECT_LT(store.index().size(), keys_before);
  EXPECT_LT(store.chunks().order().size(), chunks_before / 10);
  EXPECT_LE(steps.moved_max, kBudget);
  EXPECT_GT(steps.count, keys_before / kBudget);
}

TEST(Bounded, MuchWrittenKeyIsTrimmedInSteps) {
  Store store(4000);
  for (int i = 0; i < kKeys; ++i) put(store, "hot", std::to_string(i));
  const KeyEntry* const entry = store.index().find("hot");
  EXPECT_EQ(entry->versions.size(), static_cast<std::size_t>(kKeys));
  store.compact(store.revision());
  Sweeper sweeper;
  const Steps steps = run([&](Meter& m) { return sweeper.advance(store, m); },
                          [&] { return entry->versions.size(); });
  EXPECT_EQ(entry->versions.size(), 1U);
  EXPECT_LE(steps.moved_max, kBudget);
}

}  // namespace
}  // namespace detcd::mvcc
