// The two phases after the faults: a core recovers alone, then everybody; leanings of the order in
// which things happen; knobs that members have of their own.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "sim/run/watcher.h"
#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

std::uint64_t count(const RunResult& result, const std::string& probe) {
  const auto found = result.probes.find(probe);
  return found == result.probes.end() ? 0 : found->second;
}

TEST(Liveness, ACoreRecoversWithoutTheOthers) {
  for (const std::string nodes : {"1", "3", "5"}) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      RunOptions options =
          scenario("set core 1\nset nodes " + nodes +
                   "\nfault at 4900ms crash leader down 30s\nfault at 4950ms pause n1 for 60s\n" +
                   puts(20, 300ms, 200ms));
      options.seed = seed;
      const RunResult result = run(options);
      EXPECT_EQ(result.verdict, Verdict::kPass) << failure_text(result) << ", seed " << seed;
      EXPECT_EQ(count(result, "a core recovered without the rest"), 1U);
    }
  }
}

TEST(Liveness, TheCoreIsAMajorityAndTheRestStaysAwayUntilTheEnd) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    RunOptions options = scenario("set core 1\nset nodes 5\n" + puts(10, 300ms, 100ms));
    options.seed = seed;
    std::string core;
    std::set<std::string> leaders_alone;
    bool alone = false;
    options.on_happening = [&](VirtualTime, const std::string& who, const std::string& what) {
      if (what.starts_with("all faults end for a core")) {
        core = what;
        alone = true;
      }
      if (what.starts_with("all faults end; ")) alone = false;
      if (alone && what.find("leads term") != std::string::npos) leaders_alone.insert(who);
    };
    ASSERT_EQ(run(options).verdict, Verdict::kPass) << "seed " << seed;
    EXPECT_EQ(std::ranges::count(core, 'n') >= 3, true) << core;
    for (const std::string& leader : leaders_alone) {
      EXPECT_NE(core.find(" " + leader), std::string::npos) << leader << " isn't of " << core;
    }
  }
}

// Messages take longer than an election waits: nobody is ever elected.
TEST(Liveness, ACoreThatDoesntRecoverIsReported) {
  RunOptions options = scenario("set core 1\nset link-latency 2s\nset length 2s\n");
  const RunResult result = run(options);
  ASSERT_TRUE(result.violation);
  EXPECT_EQ(result.violation->oracle, "liveness");
  EXPECT_TRUE(result.violation->message.starts_with("a whole and connected majority"))
      << result.violation->message;
  options.settings.core = false;
  const RunResult later = run(options);
  ASSERT_TRUE(later.violation);
  EXPECT_TRUE(later.violation->message.starts_with("the cluster didn't recover"));
}

TEST(Bias, ARunLeantOnIsStillAFunctionOfItsOptions) {
  std::set<std::uint64_t> hashes;
  for (const std::string bias : {"0", "1", "2"}) {
    const RunOptions options = scenario("seed 5\nset bias " + bias + "\n" + puts(40, 300ms, 50ms));
    const RunResult result = run(options);
    EXPECT_EQ(result.verdict, Verdict::kPass) << failure_text(result);
    EXPECT_EQ(result.hash, run(options).hash) << bias;
    EXPECT_TRUE(hashes.insert(result.hash).second) << bias;
  }
}

TEST(Knobs, MembersWithFlagsOfTheirOwnAgree) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    for (const std::string vary : {"0", "1"}) {
      RunOptions options = scenario("set members-vary " + vary +
                                    "\nset snapshot-count 10\nset catch-up-entries 5\n"
                                    "fault at 1s crash n1 down 1s\n" +
                                    puts(60, 300ms, 30ms));
      options.seed = seed;
      const RunResult result = run(options);
      EXPECT_EQ(result.verdict, Verdict::kPass) << failure_text(result) << ", seed " << seed;
      hashes.insert(result.hash);
    }
  }
  EXPECT_GE(hashes.size(), 8U) << "the flags do differ, in most runs";
}

// A watcher stands between the members and those who judge and repeat their messages.
TEST(Watching, ChangesNoRunWithEchoes) {
  const RunOptions options =
      scenario("seed 5\nfault at 500ms echo for 3s\n" + puts(40, 300ms, 50ms));
  const RunResult alone = run(options);
  Watcher watcher;
  RunOptions watched_options = options;
  watched_options.watcher = &watcher;
  const RunResult watched_run = run(watched_options);
  EXPECT_EQ(alone.hash, watched_run.hash);
  EXPECT_EQ(alone.probes, watched_run.probes);
  EXPECT_GT(count(alone, "a message arrived a second time"), 0U);
}

TEST(BeyondTheBudget, MembersMayStopButNobodyIsLiedTo) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    RunOptions options = scenario(
        "set beyond-budget 1\nset minimum-acked 0\nset minimum-acked-per-minute 0\n"
        "set minimum-leaders 0\nset snapshot-count 10\n"
        "fault at 1s rot n1 down 100ms where 17\nfault at 1s rot n2 down 200ms where 99\n"
        "fault at 2s rot n3 down 100ms where 5\nfault at 2s rot-snapshot n2 down 100ms where 4\n" +
        puts(60, 300ms, 60ms));
    options.seed = seed;
    const RunResult result = run(options);
    EXPECT_EQ(result.verdict, Verdict::kPass) << failure_text(result) << ", seed " << seed;
    EXPECT_EQ(result.faults, 4U) << "the budget forbids none of them";
  }
}

TEST(Paths, OfTheProductAreCounted) {
  const RunResult result =
      run(scenario("seed 3\nset snapshot-count 5\nset catch-up-entries 2\n"
                   "fault at 1s crash n1 down 2s\nfault at 3500ms rot n2 down 300ms where 3\n" +
                   puts(60, 300ms, 60ms)));
  EXPECT_EQ(result.verdict, Verdict::kPass) << failure_text(result);
  EXPECT_GT(count(result, "path: an election was won"), 0U);
  EXPECT_GT(count(result, "path: a snapshot was taken over"), 0U);
  EXPECT_TRUE(result.probes.contains("path: an election was lost")) << "also what never happened";
}

}  // namespace
}  // namespace detcd::sim
