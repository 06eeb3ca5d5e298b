// Scenario files: what they say, what they expect, and what is wrong with them.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/campaign/commands.h"
#include "sim/campaign/known_probes.h"
#include "sim/campaign/scenario.h"
#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kSmall =
    "# Small and quick.\n\nset clients 2\nset length 3s\nset heartbeat 20ms\nset election 200ms\n"
    "load c1..c2 mixed every 50ms from 400ms to 2500ms\n";

ScenarioOutcome outcome_of(const std::string& lines, Aim aim = Aim::kHolds) {
  const Result<Scenario> scenario = parse_scenario(std::string(kSmall) + lines);
  if (!scenario) ADD_FAILURE() << scenario.error().message;
  return scenario ? play(*scenario, aim) : ScenarioOutcome{};
}

std::string why_unreadable(std::string_view text) {
  const Result<Scenario> scenario = parse_scenario(text);
  return scenario ? "" : scenario.error().message;
}

using Kind = ScenarioOutcome::Kind;

TEST(StoryFile, PassesWhenWhatItExpectsHappens) {
  const ScenarioOutcome outcome = outcome_of(
      "seeds 3..5\nfault at 1s crash leader down 300ms\nfault at 2s crash n2 down 100ms\n"
      "expect leaders >= 2\nexpect crashes == 2\nexpect starts n2\nexpect recoveries == 0\n"
      "expect total starts >= 6\nexpect acknowledged >= 40\nexpect power-losses <= 0\n");
  EXPECT_EQ(outcome.kind, Kind::kPass) << outcome.why;
  EXPECT_EQ(outcome.runs, 3U);
}

TEST(StoryFile, AMissedExpectationNamesSeedAndCount) {
  ScenarioOutcome outcome = outcome_of("seeds 3..5\nexpect crashes >= 1\n");
  EXPECT_EQ(outcome.kind, Kind::kFail);
  EXPECT_EQ(outcome.seed, 3U);
  EXPECT_EQ(outcome.why, "expected crashes >= 1, but there were 0");
  outcome = outcome_of("seeds 3..4\nfault at 1s crash n2 down 100ms\nexpect total crashes == 3\n");
  EXPECT_EQ(outcome.kind, Kind::kFail);
  EXPECT_EQ(outcome.why, "expected total crashes == 3, but there were 2");
  outcome = outcome_of("seed 3\nfault at 1s crash n2 down 100ms\nexpect crashes n1\n");
  EXPECT_EQ(outcome.why, "expected crashes n1 >= 1, but there were 0");
}

TEST(StoryFile, AProbeCanBeExpectedByItsName) {
  const std::string crash = "seed 3\nfault at 1s crash n2 down 100ms\n";
  ScenarioOutcome outcome = outcome_of(
      crash +
      "expect probe \"a process was killed\" == 1\nreach probe \"path: an election was won\"\n");
  EXPECT_EQ(outcome.kind, Kind::kPass) << outcome.why;
  outcome = outcome_of(crash + "expect probe \"a clock stood still\"\n");
  EXPECT_EQ(outcome.kind, Kind::kFail);
  EXPECT_EQ(outcome.why, "expected probe \"a clock stood still\" >= 1, but there were 0");
}

// Whatever a run reports has a rule: one that is missing there would never be missed.
TEST(StoryFile, EveryProbeThatARunHitsIsKnown) {
  std::map<std::string, std::uint64_t> hit;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    hit.merge(run_in_child(drawn(seed, "swarm")).result.probes);
  }
  EXPECT_GT(hit.size(), 30U);
  for (const auto& [name, times] : hit) {
    EXPECT_EQ(std::ranges::count(known_probes(), name), 1) << name;
  }
}

TEST(StoryFile, AProfileRequiresOnlyWhatItsRunsMayReach) {
  std::vector<Settings> lite;
  std::vector<Settings> swarm;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    lite.push_back(*draw_settings(seed, "lite"));
    swarm.push_back(*draw_settings(seed, "swarm"));
  }
  const auto required = [](const std::vector<ProbeRule>& rules, std::string_view name) {
    const auto rule = std::ranges::find(rules, name, &ProbeRule::name);
    return rule != rules.end() && rule->required;
  };
  for (const std::string_view name : {"a process was killed", "path: a recovery ended",
                                      "rare: a proposal goes alone", "a clock stood still"}) {
    EXPECT_TRUE(required(probe_rules(swarm), name)) << name;
    EXPECT_EQ(required(probe_rules(lite), name), name == "a process was killed") << name;
  }
  EXPECT_EQ(probe_rules({}).size(), known_probes().size());
}

TEST(StoryFile, AnotherVerdictThanExpectedFails) {
  // On links this slow nobody wins an election.
  const std::string slow = "set link-latency 40s\n";
  ScenarioOutcome outcome = outcome_of(slow);
  EXPECT_EQ(outcome.kind, Kind::kFail);
  EXPECT_NE(outcome.why.find("expected pass, but: FAIL liveness"), std::string::npos)
      << outcome.why;
  EXPECT_EQ(outcome_of(slow + "expect FAIL \"liveness\"\n").kind, Kind::kPass);
  outcome = outcome_of(slow + "expect FAIL \"durable log\"\n");
  EXPECT_EQ(outcome.kind, Kind::kFail);
  EXPECT_NE(outcome.why.find("expected a failure of \"durable log\""), std::string::npos);
  EXPECT_EQ(outcome_of("expect FAIL\n").kind, Kind::kFail);
}

TEST(StoryFile, OneThatNoLongerReachesWhatItIsAboutIsStale) {
  const std::string about = "reach truncations >= 1000\n";
  const ScenarioOutcome outcome = outcome_of(about);
  EXPECT_EQ(outcome.kind, Kind::kStale);
  EXPECT_NE(outcome.why.find("it no longer reaches truncations >= 1000, but there were"),
            std::string::npos)
      << outcome.why;
  EXPECT_EQ(outcome_of("reach elections\n").kind, Kind::kPass);
  // A failure is worse, and said first.
  EXPECT_EQ(outcome_of(about + "expect crashes >= 1\n").kind, Kind::kFail);
}

TEST(StoryFile, TheJudgeOfABugMustFindItWhereItIs) {
  EXPECT_EQ(outcome_of("set link-latency 40s\njudge \"liveness\"\n", Aim::kFind).kind, Kind::kPass);
  const ScenarioOutcome outcome = outcome_of("judge \"liveness\"\n", Aim::kFind);
  EXPECT_EQ(outcome.kind, Kind::kFail);
  EXPECT_EQ(outcome.why, "\"liveness\" didn't find the bug that this once was");
}

TEST(StoryFile, AJudgesNameMayHaveSpaces) {
  const Result<Scenario> scenario = parse_scenario("judge \"durable log\"\n");
  ASSERT_TRUE(scenario) << scenario.error().message;
  EXPECT_EQ(scenario->judge, "durable log");
}

// Where the sources are at hand: whoever changes the words of stories changes these.
TEST(StoryFile, AllOfOursCanBeRead) {
  const std::filesystem::path root =
      std::filesystem::path(DETCD_TEST_DATA).parent_path().parent_path().parent_path();
  std::size_t read = 0;
  for (const char* folder : {"sim/scenarios", "sim/corpus"}) {
    for (const auto& entry : std::filesystem::directory_iterator(root / folder)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text(std::istreambuf_iterator<char>(file), {});
      const Result<Scenario> scenario = parse_scenario(text);
      ASSERT_TRUE(scenario) << entry.path() << ": " << scenario.error().message;
      const bool corpus = std::string_view(folder) == "sim/corpus";
      EXPECT_EQ(corpus, !scenario->reaches.empty()) << entry.path();
      EXPECT_EQ(corpus, !scenario->judge.empty()) << entry.path();
      ++read;
    }
  }
  EXPECT_GE(read, 30U);
}

TEST(StoryFile, WhatShrinkWritesIsOne) {
  const Result<Scenario> scenario = parse_scenario(
      "detcd-trace 1\nseed 9\nset nodes 5\nfault at 1s crash n5 down 1s\n"
      "op at 2s c1 #7 put \"k\" value \"v\"\noverride 1 2 3 4\nverdict FAIL\n"
      "fingerprint \"hash:\\x20x\"\nend 0\n");
  ASSERT_TRUE(scenario) << scenario.error().message;
  EXPECT_EQ(scenario->options.seed, 9U);
  EXPECT_EQ(scenario->options.settings.nodes, 5U);
  EXPECT_EQ(scenario->options.plan.size(), 2U);
  EXPECT_EQ(scenario->options.overrides.size(), 1U);
  EXPECT_EQ(scenario->verdict, Verdict::kPass) << "the bug is fixed";
}

TEST(StoryFile, EntriesStandInAnyOrder) {
  const Result<Scenario> scenario = parse_scenario(
      "fault at 2s crash n1 down 1s\nfault at 1s crash n2 down 1s\n"
      "op at 2s c1 #2 put \"k\"\nop at 1s c1 #1 put \"k\"\n");
  ASSERT_TRUE(scenario) << scenario.error().message;
  EXPECT_EQ(scenario->options.plan.faults.front().at, 1s);
  EXPECT_EQ(scenario->options.plan.operations.front().id, 1U);
}

TEST(StoryFile, ALoadIsOneOperationEverySoOftenByEachClient) {
  const Result<std::vector<OperationEntry>> entries =
      parse_load("c2..c3 mixed every 100ms from 1s to 2s", 4);
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 20U);
  EXPECT_EQ(entries->front().at, 1s);
  EXPECT_EQ(entries->front().client, 2U);
  EXPECT_EQ(entries->at(1).at, 1050ms);
  EXPECT_EQ(entries->at(1).client, 3U);
  EXPECT_EQ(entries->back().at, 1950ms);
  EXPECT_NE(entries->front().id, entries->at(1).id);
}

TEST(StoryFile, WhatCannotBeReadIsNamedWithItsLine) {
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"seed 1\nfalt at 1s\n", "line 2: unknown word \"falt\""},
           {"# one\n\nfault at 1s crush n1\n", "line 3: "},
           {"set colour red\n", "line 1: "},
           {"expect happiness\n", "line 1: can't read: happiness"},
           {"expect leaders > 2\n", "line 1: can't read"},
           {"expect leaders >= two\n", "line 1: can't read"},
           {"expect leaders n0\n", "line 1: can't read"},
           {"expect operations n1\n", "line 1: can't read"},
           {"expect probe \"a miracle happened\"\n", "line 1: can't read"},
           {"reach total leaders\n", "line 1: can't read"},
           {"judge\n", "line 1: can't read"},
           {"judge liveness\n", "line 1: can't read"},
           {"judge \"liveness\n", "line 1: can't read"},
           {"expect FAIL liveness\n", "line 1: can't read"},
           {"seeds 5..4\n", "line 1: can't read"},
           {"seeds 5\n", "line 1: can't read"},
           {"checkpoint 0011\n", "line 1: a scenario has no hashes"},
           {"load c1 puts from 1s to 2s every 1s\n", "line 1: can't read the load"},
           {"load c1 puts every 0s from 1s to 2s\n", "line 1: can't read the load"},
           {"load c2..c1 puts every 1s from 1s to 2s\n", "line 1: can't read the load"},
           {"load c1 puts every 1ns from 1s to 2s\n", "line 1: can't read the load"},
           {"load c9 puts every 10ms from 1s to 2s\n", "no client c9"},
           {"op at 1s c1 #1 put \"k\"\nop at 2s c1 #1 put \"k\"\n", "two operations"}}) {
    EXPECT_NE(why_unreadable(text).find(why), std::string::npos)
        << text << " gives: " << why_unreadable(text);
  }
}

class StoryCommand : public testing::Test {
 protected:
  StoryCommand() : folder_(testing::TempDir() + "detcd-stories-" + std::to_string(getpid())) {
    std::filesystem::create_directory(folder_);
  }
  ~StoryCommand() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& lines) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << kSmall << lines;
  }
  std::pair<int, std::string> play(const std::vector<std::string>& arguments) const {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = scenario_command("detcd-sim", arguments);
    return {code, testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr()};
  }
  std::string folder_;
};

TEST_F(StoryCommand, PlaysAFolderAndLeavesATraceOfAFailure) {
  write("a.txt", "");
  write("b.txt", "set link-latency 40s\n");
  write("c.txt", "reach truncations >= 1000\n");
  write("notes.md", "not a story");
  const auto [code, said] = play({folder_, "--trace", folder_ + "/failed.trace"});
  EXPECT_EQ(code, 1);
  EXPECT_NE(said.find("pass " + folder_ + "/a.txt"), std::string::npos) << said;
  EXPECT_NE(said.find("FAIL " + folder_ + "/b.txt"), std::string::npos) << said;
  EXPECT_NE(said.find("stale " + folder_ + "/c.txt"), std::string::npos) << said;
  EXPECT_NE(said.find("FAIL 3 scenarios, 2 failed"), std::string::npos) << said;
  EXPECT_NE(said.find("reproduce: detcd-sim scenario " + folder_ + "/b.txt"), std::string::npos);
  EXPECT_EQ(replay_command("detcd-sim", {folder_ + "/failed.trace"}), 0) << "of the stale one";
}

TEST_F(StoryCommand, SaysWhatItCannotRead) {
  auto [code, said] = play({folder_});
  EXPECT_EQ(code, 1);
  EXPECT_NE(said.find("no scenario"), std::string::npos) << said;
  std::tie(code, said) = play({folder_ + "/none.txt"});
  EXPECT_EQ(code, 1);
  EXPECT_NE(said.find("can't read"), std::string::npos) << said;
  std::tie(code, said) = play({});
  EXPECT_EQ(code, 2);
  write("a.txt", "");
  std::tie(code, said) = play({"--find", folder_});
  EXPECT_EQ(code, 1);
  EXPECT_NE(said.find("names no judge"), std::string::npos) << said;
}

}  // namespace
}  // namespace detcd::sim
