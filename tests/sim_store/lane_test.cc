// Which plans a campaign tries, and how a plan is changed.
#include "sim/explore/lane.h"

#include <gtest/gtest.h>

#include <set>

#include "sim/faults/registry.h"
#include "sim/profile/generate.h"

namespace detcd::sim {
namespace {

Draft drawn(std::uint64_t seed) {
  Draft draft;
  draft.seed = seed;
  draft.settings = *draw_settings(seed, "swarm");
  draft.plan = draw_plan(seed, draft.settings);
  return draft;
}

TEST(Change, IsAFunctionOfThePlanAndTheKey) {
  int different = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Draft before = drawn(seed);
    Draft one = before;
    Draft other = before;
    change(one, 1000 + seed);
    change(other, 1000 + seed);
    EXPECT_EQ(one, other) << "seed " << seed;
    if (!(one == before)) ++different;
  }
  EXPECT_GE(different, 50);
}

// Whom it hits, when it is bound to a minority; else 0.
std::uint32_t rotten_member(const FaultEntry& entry) {
  if (!family_of(entry.fault)->info().minority) return 0;
  FieldsLook look;
  read_fault(entry.fault)->fields(look);
  return look.nodes.front();
}

TEST(Change, LeavesWhatAProfileWouldNotDraw) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Draft before = drawn(seed);
    Draft after = before;
    for (std::uint64_t key = 1; key <= 12; ++key) change(after, seed * 100 + key);
    EXPECT_EQ(after.settings.nodes, before.settings.nodes);
    EXPECT_EQ(after.settings.length, before.settings.length);
    EXPECT_EQ(after.plan.operations, before.plan.operations);
    std::set<std::uint32_t> rotten;
    for (const FaultEntry& entry : before.plan.faults) {
      if (rotten_member(entry) != 0) rotten.insert(rotten_member(entry));
    }
    Duration last{};
    for (const FaultEntry& entry : after.plan.faults) {
      EXPECT_GE(entry.at, last) << "seed " << seed;
      EXPECT_LT(entry.at, after.settings.length) << "seed " << seed;
      last = entry.at;
      const std::uint32_t rots = rotten_member(entry);
      EXPECT_TRUE(rots == 0 || rotten.contains(rots)) << "seed " << seed;
      // What a trace file says of it is the same fault again.
      const Result<FaultEntry> again = parse_fault(print(entry));
      ASSERT_TRUE(again.ok()) << print(entry);
      EXPECT_EQ(*again, entry);
    }
  }
}

TEST(Change, KeysAreReadAsTheyArePrinted) {
  const std::vector<std::uint64_t> keys{203, 7};
  EXPECT_EQ(print_changes(keys), "203,7");
  EXPECT_EQ(*parse_changes("203,7"), keys);
  EXPECT_TRUE(parse_changes("")->empty());
  EXPECT_FALSE(parse_changes("7,x").ok());
  EXPECT_FALSE(parse_changes("7,,8").ok());
}

TEST(Lane, DrawsUntilSomethingWasFoundThenChangesItInItsShare) {
  Lane lane(50);
  EXPECT_EQ(lane.next(5), (Recipe{5, {}}));
  EXPECT_EQ(lane.take({5, {}}, true, {1, 2}), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(lane.take({69, {}}, true, {2, 3}), (std::vector<std::uint32_t>{3}));
  int changed = 0;
  for (std::uint64_t number = 100; number < 1100; ++number) {
    const Recipe recipe = lane.next(number);
    if (recipe.changes.empty()) {
      EXPECT_EQ(recipe.seed, number);
      continue;
    }
    ++changed;
    EXPECT_TRUE(recipe.seed == 5 || recipe.seed == 69);
    EXPECT_EQ(recipe.changes, std::vector<std::uint64_t>{number});
  }
  EXPECT_NEAR(changed, 500, 60);
}

TEST(Lane, WhatFailedOrFoundNothingIsNoParent) {
  Lane lane(100);
  lane.take({5, {}}, false, {1, 2});
  EXPECT_EQ(lane.next(6).seed, 6U);
  lane.take({6, {}}, true, {1, 2});
  EXPECT_EQ(lane.next(7).seed, 7U);
  lane.take({7, {}}, true, {9});
  EXPECT_EQ(lane.next(8), (Recipe{7, {8}}));
}

TEST(Lane, WhatItFoundIsAllThatAResumedOneNeeds) {
  Lane first(50);
  Lane resumed(50);
  for (std::uint64_t number = 1; number < 200; ++number) {
    const Recipe recipe = first.next(number);
    EXPECT_EQ(recipe, resumed.next(number));
    std::vector<std::uint32_t> seen;
    for (std::uint32_t state = 0; state < 10; ++state) {
      seen.push_back(state * static_cast<std::uint32_t>(number % 13));
    }
    const auto found = first.take(recipe, number % 5 != 0, seen);
    resumed.take(recipe, number % 5 != 0, found);
  }
  EXPECT_EQ(first.known(), resumed.known());
}

}  // namespace
}  // namespace detcd::sim
