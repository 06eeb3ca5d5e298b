#include "sim/campaign/shrink.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

// Fails exactly when all of these are there.
struct Culprits {
  std::set<std::uint64_t> operations;
  std::vector<FaultEntry> faults;

  [[nodiscard]] bool all_in(const Plan& plan) const {
    for (const FaultEntry& fault : faults) {
      if (std::ranges::count(plan.faults, fault) == 0) return false;
    }
    const auto wanted = [this](const OperationEntry& entry) {
      return operations.contains(entry.id);
    };
    return std::ranges::count_if(plan.operations, wanted) ==
           static_cast<std::ptrdiff_t>(operations.size());
  }
  [[nodiscard]] StillFails judge() const {
    return [this](const std::vector<RunOptions>& candidates) {
      std::vector<bool> fails;
      for (const RunOptions& candidate : candidates) fails.push_back(all_in(candidate.plan));
      return fails;
    };
  }
};

RunOptions whole(std::uint64_t seed) {
  RunOptions options;
  options.seed = seed;
  options.settings = *draw_settings(seed, "lite");
  options.plan = draw_plan(seed, options.settings);
  return options;
}

Culprits culprits_of(const Plan& plan) {
  Culprits culprits;
  for (const std::size_t at : {std::size_t{5}, plan.operations.size() / 2}) {
    culprits.operations.insert(plan.operations[at].id);
  }
  culprits.faults.push_back(plan.faults.back());
  return culprits;
}

TEST(Shrink, FindsExactlyWhatTheFailureNeeds) {
  for (const std::uint64_t seed : {2, 3, 5, 7, 9}) {
    const RunOptions options = whole(seed);
    ASSERT_GT(options.plan.operations.size(), 100U);
    ASSERT_FALSE(options.plan.faults.empty());
    const Culprits culprits = culprits_of(options.plan);
    const Shrunk one = shrink(options, Duration{}, {1, 4000}, culprits.judge());
    EXPECT_TRUE(one.minimal);
    EXPECT_EQ(one.options.plan.size(), 3U) << "seed " << seed;
    EXPECT_TRUE(culprits.all_in(one.options.plan));
    EXPECT_LT(one.judged, 250U) << "logarithmic in the plan, not linear";
    EXPECT_LE(one.options.settings.length, options.settings.length);
    const Shrunk four = shrink(options, Duration{}, {4, 4000}, culprits.judge());
    EXPECT_EQ(one.options.plan, four.options.plan) << "however many are judged at once";
  }
}

TEST(Shrink, TakesOutWhatComesAfterTheFailureFirst) {
  const RunOptions options = whole(2);
  Culprits culprits;
  culprits.operations.insert(options.plan.operations[3].id);
  const Duration failed_at = options.plan.operations[10].at;
  std::size_t first = 0;
  const StillFails judge = [&](const std::vector<RunOptions>& candidates) {
    if (first == 0) first = candidates.front().plan.size();
    return culprits.judge()(candidates);
  };
  const Shrunk shrunk = shrink(options, failed_at, {2, 4000}, judge);
  EXPECT_LT(first, options.plan.size() / 4);
  EXPECT_EQ(shrunk.options.plan.size(), 1U);
}

TEST(Shrink, StopsAtItsLimitWithWhatItHas) {
  const RunOptions options = whole(3);
  const Culprits culprits = culprits_of(options.plan);
  const Shrunk shrunk = shrink(options, Duration{}, {1, 8}, culprits.judge());
  EXPECT_FALSE(shrunk.minimal);
  EXPECT_LE(shrunk.judged, 8U);
  EXPECT_TRUE(culprits.all_in(shrunk.options.plan));
}

// Beyond the budget: alone, a member can't tell a torn sector from damage, and must refuse to
// start.
TEST(Shrink, ARealFailureGetsSmallAndReplays) {
  std::size_t failed = 0;
  for (std::uint64_t seed = 1; seed <= 12 && failed < 2; ++seed) {
    RunOptions options = drawn(seed, "lite");
    options.settings.nodes = 1;
    options.settings.garbage_ppm = 1'000'000;
    options.plan.faults.clear();
    for (int n = 1; n <= 8; ++n) options.plan.faults.push_back({n * 400ms, PowerLoss{1, 100ms, 7}});
    const ChildResult first = run_in_child(options);
    if (!first.result.violation) continue;
    ++failed;
    const std::string fingerprint = first.result.violation->fingerprint();
    const Shrunk small = shrink(options, first.result.virtual_time, {2, 400},
                                [&](const std::vector<RunOptions>& candidates) {
                                  return fail_like(candidates, fingerprint);
                                });
    EXPECT_LE(small.options.plan.size(), 15U) << "seed " << seed;
    const RunResult once = run_in_child(small.options).result;
    const RunResult again = run_in_child(small.options).result;
    ASSERT_TRUE(once.violation);
    EXPECT_EQ(once.violation->fingerprint(), fingerprint);
    EXPECT_EQ(once.hash, again.hash);
  }
  EXPECT_GT(failed, 0U) << "the planted failure happens";
}

}  // namespace
}  // namespace detcd::sim
