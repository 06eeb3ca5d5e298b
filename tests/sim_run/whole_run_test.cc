// A run is a function of its options: in every process, and entry by entry.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "sim/campaign/commands.h"
#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

TEST(Run, TheSameSeedGivesTheSameRunInEveryProcess) {
  for (const std::uint64_t seed : {3, 4, 5}) {
    const RunOptions options = drawn(seed, "swarm");
    const RunResult one = run_in_child(options).result;
    const RunResult other = run_in_child(options).result;
    const RunResult here = run(options);
    EXPECT_NE(one.hash, 0U);
    EXPECT_EQ(one.hash, other.hash) << "reproduce: detcd-sim run --profile swarm --seed " << seed;
    EXPECT_EQ(one.hash, here.hash) << "reproduce: detcd-sim run --profile swarm --seed " << seed;
    EXPECT_EQ(one.checkpoints, here.checkpoints);
    EXPECT_EQ(one.acknowledged, here.acknowledged);
  }
}

TEST(Run, AnotherSeedGivesAnotherRun) {
  EXPECT_NE(run_in_child(drawn(3, "lite")).result.hash, run_in_child(drawn(4, "lite")).result.hash);
  // The same plan under another seed: other delays, another order of events.
  RunOptions options = drawn(3, "lite");
  const std::uint64_t before = run_in_child(options).result.hash;
  options.seed = 4;
  const RunResult after = run_in_child(options).result;
  EXPECT_NE(after.hash, before);
  EXPECT_EQ(after.verdict, Verdict::kPass);
}

TEST(Run, CollectingStatesChangesNothingOfIt) {
  // Messages that arrive a second time, too: who watches must not keep them from the world.
  const std::string lines = "seed 9\n" + puts(60, 300ms, 100ms);
  const RunOptions echoing = scenario(lines + "fault at 400ms echo for 20s\n");
  EXPECT_NE(run_in_child(echoing).result.hash, run_in_child(scenario(lines)).result.hash);
  for (RunOptions options : {echoing, drawn(3, "swarm"), drawn(64, "swarm")}) {
    const RunResult plain = run_in_child(options).result;
    options.states = true;
    const RunResult watched = run_in_child(options).result;
    EXPECT_EQ(plain.hash, watched.hash) << "seed " << options.seed;
    EXPECT_EQ(plain.events, watched.events);
    EXPECT_TRUE(plain.states.empty());
    EXPECT_GT(watched.states.size(), 5U);
    EXPECT_TRUE(std::ranges::is_sorted(watched.states));
  }
}

std::size_t equal_checkpoints(const RunResult& a, const RunResult& b) {
  std::size_t at = 0;
  while (at < std::min(a.checkpoints.size(), b.checkpoints.size()) &&
         a.checkpoints[at] == b.checkpoints[at]) {
    ++at;
  }
  return at;
}

TEST(Run, AnEntryTakenOutChangesNothingBeforeIt) {
  const std::string lines = "seed 9\nfault at 1s crash n1 down 300ms\n" + puts(40, 300ms, 100ms);
  const std::string late = "fault at 4s crash leader down 300ms\n";
  const RunResult with = run_in_child(scenario(lines + late)).result;
  const RunResult without = run_in_child(scenario(lines)).result;
  EXPECT_EQ(with.verdict, Verdict::kPass);
  EXPECT_EQ(without.verdict, Verdict::kPass);
  EXPECT_EQ(with.faults, without.faults + 1);
  EXPECT_NE(with.hash, without.hash);
  // Up to its time they are the same, to the event; then follow its effects and the calm.
  EXPECT_GE(equal_checkpoints(with, without) * 3, without.checkpoints.size());
}

TEST(Run, TooLittleToProveAnythingIsVoid) {
  const RunResult result = run_in_child(scenario("seed 1\n" + puts(2, 300ms, 100ms))).result;
  EXPECT_EQ(result.verdict, Verdict::kVoid);
  EXPECT_NE(result.void_reason.find("at least 5"), std::string::npos) << result.void_reason;
  EXPECT_EQ(run_in_child(scenario("seed 1\n" + puts(9, 300ms, 100ms))).result.verdict,
            Verdict::kPass);
}

TEST(Run, ClientsThatEnterAtTheSeamAreJudgedAllTheSame) {
  const std::string lines = "seed 4\n" + puts(40, 300ms, 50ms) +
                            "fault at 1s crash leader down 300ms\n"
                            "fault at 1600ms power-loss n2 down 200ms boundary 3\n";
  const RunResult wire = run_in_child(scenario(lines)).result;
  const RunResult seam = run_in_child(scenario(lines + "set clients-enter api\n")).result;
  EXPECT_EQ(wire.verdict, Verdict::kPass) << failure_text(wire);
  EXPECT_EQ(seam.verdict, Verdict::kPass) << failure_text(seam);
  EXPECT_GE(seam.acknowledged, 30U);
  EXPECT_EQ(seam.faults, 2U);
  EXPECT_LT(seam.events, wire.events) << "no bytes of theirs on the network";
  EXPECT_EQ(run_in_child(scenario(lines + "set clients-enter api\n")).result.hash, seam.hash);
}

TEST(Run, TheSwarmDrawsWhereClientsEnter) {
  std::size_t at_seam = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    if (draw_settings(seed, "swarm")->clients_enter == Entrance::kApi) ++at_seam;
  }
  EXPECT_GT(at_seam, 25U);
  EXPECT_LT(at_seam, 80U);
}

// No operation of theirs may hang on a member that isn't there.
TEST(Run, AtTheSeamTheDeadAnswerNobody) {
  const RunResult result =
      run_in_child(scenario("seed 4\nset nodes 1\nset clients-enter api\nset torn-ppm 0\n"
                            "set garbage-ppm 0\n" +
                            puts(40, 300ms, 50ms) + "fault at 1s crash n1 down 1s\n"))
          .result;
  EXPECT_EQ(result.verdict, Verdict::kPass) << failure_text(result);
  EXPECT_GE(result.acknowledged, 30U) << "those that were asked meanwhile waited for it";
}

TEST(Run, ADeathStrikesAtABoundaryOfTheDisk) {
  const std::string lines = "seed 2\n" + puts(20, 300ms, 100ms);
  const RunResult quiet = run_in_child(scenario(lines)).result;
  std::set<std::uint64_t> hashes{quiet.hash};
  for (int boundary = 1; boundary <= 6; ++boundary) {
    const std::string death = "fault at 1s power-loss leader down 300ms boundary ";
    const RunResult result =
        run_in_child(scenario(lines + death + std::to_string(boundary) + "\n")).result;
    EXPECT_EQ(result.verdict, Verdict::kPass) << failure_text(result);
    EXPECT_GE(result.leaders, quiet.leaders + 1) << "boundary " << boundary;
    hashes.insert(result.hash);
  }
  EXPECT_EQ(hashes.size(), 7U) << "each boundary is another moment";
}

TEST(Child, ABrokenPromiseIsAFailureWithItsPlace) {
  RunOptions options = scenario("seed 1\n");
  options.on_event = [](const EventRecord& event) {
    check(event.number < 100, "nothing happens after event 100");
  };
  const RunResult result = run_in_child(options).result;
  ASSERT_EQ(result.verdict, Verdict::kFail);
  EXPECT_EQ(result.violation->oracle, "check");
  const std::string& message = result.violation->message;
  EXPECT_NE(message.find("nothing happens after event 100 ("), std::string::npos) << message;
  EXPECT_NE(message.find("run_test.cc:"), std::string::npos) << message;
  EXPECT_NE(result.violation->fingerprint().find("nothing happens after event #"),
            std::string::npos);
}

TEST(Child, ACrashAndAHangAreFailures) {
  RunOptions options = scenario("seed 1\n");
  options.on_event = [](const EventRecord&) { raise(SIGKILL); };
  RunResult result = run_in_child(options).result;
  ASSERT_TRUE(result.violation);
  EXPECT_EQ(result.violation->oracle, "crash");
  EXPECT_NE(result.violation->message.find("Killed"), std::string::npos);
  options.on_event = [](const EventRecord&) { _exit(0); };
  result = run_in_child(options).result;
  ASSERT_TRUE(result.violation) << "an early end without a result isn't a pass";
  EXPECT_EQ(result.violation->oracle, "crash");
  options.on_event = [](const EventRecord&) { pause(); };
  result = run_in_child(options, 1).result;
  ASSERT_TRUE(result.violation);
  EXPECT_EQ(result.violation->oracle, "hang");
}

class TraceFile : public testing::Test {
 protected:
  TraceFile() : path_(testing::TempDir() + "detcd-sim-run-test-" + std::to_string(getpid())) {}
  ~TraceFile() override { unlink(path_.c_str()); }
  void write(std::string_view text) const { std::ofstream(path_, std::ios::binary) << text; }
  // Exit code, and what was said on both streams.
  std::pair<int, std::string> replay(bool edited = false) const {
    std::vector<std::string> arguments{path_};
    if (edited) arguments.emplace_back("--edited");
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = replay_command("detcd-sim", arguments);
    return {code, testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr()};
  }
  static std::string recorded() {
    const RunOptions options = scenario("seed 6\n" + puts(9, 300ms, 100ms));
    return print(trace_of(options, run_in_child(options).result));
  }
  std::string path_;
};

TEST_F(TraceFile, ReplaysToTheSameRun) {
  write(recorded());
  const auto [code, said] = replay();
  EXPECT_EQ(code, 0) << said;
  EXPECT_EQ(said.find("diverged"), std::string::npos) << said;
}

TEST_F(TraceFile, ATruncatedOneIsRefused) {
  const std::string whole = recorded();
  write(whole.substr(0, whole.size() - 5));
  for (const bool edited : {false, true}) {
    const auto [code, said] = replay(edited);
    EXPECT_EQ(code, 1);
    EXPECT_NE(said.find("truncated"), std::string::npos) << said;
  }
}

TEST_F(TraceFile, AnotherSeedInTheHeaderNeedsEditedAndRunsDifferently) {
  std::string text = recorded();
  text.replace(text.find("seed 6"), 6, "seed 7");
  write(text);
  const auto [refused, why] = replay();
  EXPECT_EQ(refused, 1);
  EXPECT_NE(why.find("edited"), std::string::npos) << why;
  const auto [code, said] = replay(true);
  EXPECT_EQ(code, 0) << said;
  EXPECT_NE(said.find("seed=7"), std::string::npos) << said;
}

TEST_F(TraceFile, AHashThatIsNoLongerReachedIsADivergence) {
  const RunOptions options = scenario("seed 6\n" + puts(9, 300ms, 100ms));
  RunResult result = run_in_child(options).result;
  result.hash ^= 1;
  write(print(trace_of(options, result)));
  const auto [code, said] = replay();
  EXPECT_EQ(code, 1);
  EXPECT_NE(said.find("diverged"), std::string::npos) << said;
}

}  // namespace
}  // namespace detcd::sim
