// Random lives of clusters, checked after every step. DETCD_RAFT_RUNS=n makes the runs longer, for
// the night; RC_PARAMS replays a failure.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

#include "base/hash.h"
#include "schedule.h"

namespace detcd::raft::testing {
namespace {

using Actions = std::vector<std::uint32_t>;

rc::Gen<Actions> actions(std::size_t length) {
  const auto any = rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint32_t>());
  return rc::gen::container<Actions>(length, any);
}

// RapidCheck's parameters: a fixed seed, or what RC_PARAMS and DETCD_RAFT_RUNS say.
rc::detail::TestParams params(int runs) {
  const auto& configured = rc::detail::configuration();
  rc::detail::TestParams params = configured.testParams;
  if (std::getenv("RC_PARAMS") != nullptr) return params;
  const char* wanted = std::getenv("DETCD_RAFT_RUNS");
  params.maxSuccess = wanted != nullptr ? std::atoi(wanted) : runs;
  // Long runs explore; short ones are the same every time.
  params.seed = wanted != nullptr ? configured.testParams.seed : 20261121;
  return params;
}

template <class Property>
void expect_property(int runs, Property&& property) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  rc::detail::TestMetadata metadata;
  metadata.id = std::string(test->test_suite_name()) + "/" + test->name();
  metadata.description = test->name();
  const rc::detail::TestParams chosen = params(runs);
  const auto result = rc::detail::checkTestable(std::forward<Property>(property), metadata, chosen);
  if (result.template is<rc::detail::SuccessResult>()) return;
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  FAIL() << text.str() << "\nseed " << chosen.seed << "\nreproduce: RC_PARAMS='seed=" << chosen.seed
         << " max_success=" << chosen.maxSuccess
         << "' test_raft --gtest_filter=" << test->test_suite_name() << "." << test->name();
}

void run(const Plan& plan, const Actions& list) {
  Schedule schedule(plan);
  if (schedule.run(list)) return;
  RC_LOG() << "voters " << plan.voters << ", seed " << plan.seed << "\n" << schedule.trace();
  RC_FAIL(schedule.violations().front());
}

Plan any_plan() {
  const Number seed = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<Number>(0, 1 << 20));
  Plan plan;
  plan.seed = seed;
  plan.voters = 1 + mix64(seed, 1) % 5;
  plan.pre_vote = mix64(seed, 2) % 4 != 0;
  plan.check_quorum = mix64(seed, 3) % 4 != 0;
  plan.lease_reads = mix64(seed, 4) % 2 == 0;
  plan.leeway = mix64(seed, 5) % 2 == 0;
  return plan;
}

TEST(RaftProperty, AnyScheduleKeepsEveryPromise) {
  expect_property(60, [] {
    const Plan plan = any_plan();
    run(plan, *actions(400));
  });
}

TEST(RaftProperty, ThreeVotersThroughLongSchedules) {
  expect_property(12, [] {
    Plan plan = any_plan();
    plan.voters = 3;
    run(plan, *actions(1500));
  });
}

// A disk that forgets votes and acknowledgements, and knows it, harms nothing when its member
// comes back as Recovering.
TEST(RaftProperty, RecoveringMembersKeepEveryPromise) {
  expect_property(50, [] {
    Plan plan = any_plan();
    plan.voters = 3 + 2 * (plan.seed % 2);
    plan.damage = true;
    run(plan, *actions(500));
  });
}

// The checks see what they are for: each way of breaking the world is found.
bool is_found(Sabotage sabotage) {
  // Syncs, deliveries, campaigns, crashes and starts, so that votes are what it is about.
  constexpr std::uint32_t kKinds[] = {20, 20, 20, 45, 45, 62, 89, 96, 96, 73};
  for (Number seed = 0; seed < 1000; ++seed) {
    Plan plan;
    plan.seed = seed;
    plan.pre_vote = false;
    plan.check_quorum = false;
    plan.sabotage = sabotage;
    Actions list;
    for (Number i = 0; i < 300; ++i) {
      const auto draw = static_cast<std::uint32_t>(keyed_draw(seed, 7, 0, i));
      list.push_back(draw / 200 * 100 + kKinds[draw % 10]);
    }
    Schedule schedule(plan);
    if (!schedule.run(list)) return true;
  }
  return false;
}

TEST(RaftProperty, AForgottenVoteIsFound) {
  EXPECT_TRUE(is_found(Sabotage::kForgetVotes));
}
TEST(RaftProperty, AnAnswerBeforeItsSaveIsFound) {
  EXPECT_TRUE(is_found(Sabotage::kAnswerBeforeSync));
}
TEST(RaftProperty, AForgottenLogIsFound) {
  EXPECT_TRUE(is_found(Sabotage::kForgetLog));
}

}  // namespace
}  // namespace detcd::raft::testing
