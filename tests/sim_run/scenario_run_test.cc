// Stories that once went wrong, or would have.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kAlone = "set nodes 1\nset torn-ppm 0\nset garbage-ppm 0\n";

std::string seed_line(int seed) {
  return "seed " + std::to_string(seed) + "\n";
}

// A name is durable only after a sync of its directory: of each one on the way down to the log.
TEST(Scenario, APowerLossRightAfterTheFirstAnswersKeepsTheDirectory) {
  for (int seed = 1; seed <= 25; ++seed) {
    const RunOptions options =
        scenario(seed_line(seed) + std::string(kAlone) + puts(6, 100ms, 10ms) +
                 "fault at 170ms power-loss n1 down 100ms\n");
    const RunResult result = run_in_child(options).result;
    EXPECT_EQ(result.verdict, Verdict::kPass) << "seed " << seed << ": " << failure_text(result);
    EXPECT_EQ(result.faults, 1U);
  }
}

TEST(Scenario, APowerLossAtAnyMomentOfTheBootstrapIsSurvived) {
  for (int boundary = 1; boundary <= 120; ++boundary) {
    const RunOptions options =
        scenario(seed_line(boundary) + std::string(kAlone) + puts(6, 400ms, 10ms) +
                 "fault at 0s power-loss n1 down 50ms boundary " + std::to_string(boundary) + "\n");
    const RunResult result = run_in_child(options).result;
    EXPECT_EQ(result.verdict, Verdict::kPass)
        << "boundary " << boundary << ": " << failure_text(result);
  }
}

// At most one member at a time may be other than provably whole: what would make a second one so
// hits nobody, and a mere crash does.
TEST(Scenario, ASecondPowerLossWaitsForTheFirstToBeMadeGood) {
  const std::string first = puts(30, 300ms, 50ms) + "fault at 1s power-loss n1 down 1s\n";
  const auto faults_with = [&first](const std::string& second) {
    const RunResult result = run_in_child(scenario(seed_line(1) + first + second)).result;
    EXPECT_EQ(result.verdict, Verdict::kPass) << failure_text(result);
    return result.faults;
  };
  EXPECT_EQ(faults_with("fault at 1500ms power-loss n2 down 100ms\n"), 1U);
  EXPECT_EQ(faults_with("fault at 1500ms crash n2 down 100ms\n"), 2U);
  EXPECT_EQ(faults_with("fault at 4s power-loss n2 down 100ms\n"), 2U);
}

// Rot in the first sectors takes the whole log along: such a member still knows whom to ask.
TEST(Scenario, AMemberWhoseWholeLogIsLostComesBack) {
  std::uint64_t recoveries = 0;
  for (int where = 0; where < 24; ++where) {
    const RunOptions options = scenario(
        seed_line(where + 1) + puts(30, 300ms, 50ms) + "fault at 900ms rot n2 down 200ms where " +
        std::to_string(where * 0x10001) + "\nfault at 3s crash leader down 500ms\n");
    const RunResult result = run_in_child(options).result;
    EXPECT_EQ(result.verdict, Verdict::kPass) << "where " << where << ": " << failure_text(result);
    recoveries += result.recoveries;
  }
  EXPECT_GT(recoveries, 4U);
}

std::string story(int seed, const std::string& faults) {
  return seed_line(seed) + "set snapshot-count 10\nset catch-up-entries 5\n" +
         puts(40, 300ms, 50ms) + faults;
}

TEST(Scenario, AMemberWhoseSnapshotRottedComesBack) {
  std::uint64_t recoveries = 0;
  for (int where = 1; where <= 24; ++where) {
    const RunOptions options = scenario(story(
        where, "fault at 1500ms rot-snapshot n2 down 200ms where " +
                   std::to_string(where * 0x10001) + "\nfault at 3s crash leader down 500ms\n"));
    const RunResult result = run_in_child(options).result;
    EXPECT_EQ(result.verdict, Verdict::kPass) << "where " << where << ": " << failure_text(result);
    recoveries += result.recoveries;
  }
  EXPECT_GT(recoveries, 12U);
}

// It forgets what it acknowledged, and its disk shows nothing of that: the others tell it, and it
// remembers being told when it dies before it is whole.
TEST(Scenario, AMemberWhoseDirectoryWasPutBackRecovers) {
  std::uint64_t recoveries = 0;
  for (int seed = 1; seed <= 24; ++seed) {
    const std::string dies = seed % 2 == 0 ? "fault at 2s crash n2 down 100ms\n"
                                           : "fault at 1620ms crash n2 down 100ms boundary " +
                                                 std::to_string(seed) + "\n";
    const RunOptions options =
        scenario(story(seed, "fault at 900ms put-back n2 after 500ms down 100ms\n" + dies));
    const RunResult result = run_in_child(options).result;
    EXPECT_EQ(result.verdict, Verdict::kPass) << "seed " << seed << ": " << failure_text(result);
    recoveries += result.recoveries;
  }
  EXPECT_GE(recoveries, 12U);
}

// It comes back while a peer can't hear it: what it says in its new life must not pass, there, for
// what it promised in the life before.
TEST(Scenario, NobodyWhoseDiskIsHonestIsTakenForForgetful) {
  for (int seed = 1; seed <= 24; ++seed) {
    const RunOptions options =
        scenario(seed_line(seed) + puts(40, 300ms, 50ms) +
                 "fault at 800ms echo for 3s\nfault at 1s partition n2 for 1500ms\n"
                 "fault at 1300ms crash n1 down 100ms\n");
    const RunResult result = run_in_child(options).result;
    EXPECT_EQ(result.verdict, Verdict::kPass) << "seed " << seed << ": " << failure_text(result);
    EXPECT_EQ(result.recoveries, 0U) << "seed " << seed;
  }
}

// The votes that elect a leader of term 4 reach it when one of term 5 has already committed: Raft's
// promise is about leaders of later terms, and the judge once complained.
TEST(Scenario, ALeaderOfAnEarlierTermMayLackWhatALaterOneCommitted) {
  std::ifstream file(DETCD_TEST_DATA "/late-leader.trace");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const Result<Trace> trace = parse_trace(text, Strictness::kWhole);
  ASSERT_TRUE(trace) << trace.error().message;
  const RunResult result = run_in_child(options_of(*trace)).result;
  EXPECT_EQ(result.verdict, Verdict::kPass) << failure_text(result);
  EXPECT_GT(result.leaders, 3U);
}

}  // namespace
}  // namespace detcd::sim
