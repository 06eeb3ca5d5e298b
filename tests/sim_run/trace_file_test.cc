// Trace files as they lie on disk: packed or plain, whole or not.
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "http2/gzip.h"
#include "sim/campaign/commands.h"
#include "sim/campaign/trace_file.h"
#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

class PackedTrace : public testing::Test {
 protected:
  PackedTrace() : path_(testing::TempDir() + "detcd-trace-file-" + std::to_string(getpid())) {}
  ~PackedTrace() override { unlink(path_.c_str()); }
  void write(std::string_view text) const { std::ofstream(path_, std::ios::binary) << text; }
  std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static Trace recorded() {
    const RunOptions options = scenario("seed 6\n" + puts(9, 300ms, 100ms));
    return trace_of(options, run_in_child(options).result);
  }
  std::pair<int, std::string> replay(std::vector<std::string> flags = {}) const {
    flags.insert(flags.begin(), path_);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = replay_command("detcd-sim", flags);
    // The child writes to the same stream.
    return {code, testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr()};
  }
  std::string why_not(Strictness strictness = Strictness::kWhole) const {
    const Result<Trace> trace = read_trace(path_, strictness);
    return trace ? "" : trace.error().message;
  }
  std::string path_;
};

TEST_F(PackedTrace, IsReadBackAndReplaysAsThePlainOneDoes) {
  const Trace trace = recorded();
  for (const TraceForm form : {TraceForm::kPacked, TraceForm::kPlain}) {
    ASSERT_TRUE(write_trace(path_, trace, form));
    const Result<Trace> read = read_trace(path_, Strictness::kWhole);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, trace);
    const auto [code, said] = replay();
    EXPECT_EQ(code, 0) << said;
    EXPECT_EQ(said.find("diverged"), std::string::npos) << said;
  }
  EXPECT_TRUE(content().starts_with("detcd-trace "));
}

TEST_F(PackedTrace, OfADenseRunIsSmall) {
  RunOptions options = drawn(3, "swarm");
  const RunResult result = run_in_child(options).result;
  ASSERT_TRUE(write_trace(path_, trace_of(options, result), TraceForm::kPacked));
  EXPECT_LT(content().size(), 100'000U);
  EXPECT_LT(content().size() * 4, print(trace_of(options, result)).size());
}

TEST_F(PackedTrace, CutShortAnywhereIsRefused) {
  const std::string whole = pack(print(recorded()));
  for (std::size_t length = 0; length < whole.size(); length += 1 + length / 8) {
    write(whole.substr(0, length));
    for (const Strictness strictness : {Strictness::kWhole, Strictness::kEdited}) {
      const std::string why = why_not(strictness);
      EXPECT_TRUE(why.starts_with(path_)) << why;
      const bool plain = why.find(length < 2 ? "isn't a trace file" : "truncated") != why.npos;
      EXPECT_TRUE(plain) << "length " << length << ": " << why;
    }
  }
}

TEST_F(PackedTrace, WithAFlippedBitIsRefused) {
  const std::string whole = pack(print(recorded()));
  const auto refuses = [&](std::size_t at, unsigned bit) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(static_cast<unsigned>(flipped[at]) ^ (1U << bit));
    write(flipped);
    EXPECT_NE(why_not(Strictness::kEdited), "") << "byte " << at << ", bit " << bit;
  };
  // The head of ten bytes says when and where it was packed.
  for (std::size_t at = 10; at < whole.size(); at += 7) refuses(at, 4);
  // Every bit of the last bytes: the text's last ones, those that fill up its last byte, and the
  // sum and the length.
  for (std::size_t at = whole.size() - 16; at < whole.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) refuses(at, bit);
  }
  std::string wrong_sum = whole;
  wrong_sum[whole.size() - 6] = static_cast<char>(wrong_sum[whole.size() - 6] ^ 1);
  write(wrong_sum);
  EXPECT_NE(why_not().find("damaged"), std::string::npos) << why_not();
}

// Those bits are there: of a text and its end in a byte of their own, seven of eight.
TEST_F(PackedTrace, BitsThatNoSumCoversAreZeros) {
  std::set<std::size_t> accepted_by_gzip;
  for (int lines = 1; lines <= 40; ++lines) {
    const std::string text = "detcd-trace 1\n" + std::string(static_cast<std::size_t>(lines), 'x');
    const std::string whole = pack(text);
    const std::size_t last = whole.size() - 9;
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string flipped = whole;
      flipped[last] = static_cast<char>(static_cast<unsigned>(flipped[last]) ^ (1U << bit));
      const Result<std::string> loosely = http2::gunzip(flipped, 1 << 20);
      if (loosely && *loosely == text) accepted_by_gzip.insert(bit);
      EXPECT_FALSE(unpack(flipped)) << lines << " bytes, bit " << bit;
    }
    EXPECT_TRUE(unpack(whole)) << lines;
  }
  EXPECT_GE(accepted_by_gzip.size(), 3U) << "else there is nothing to refuse";
}

TEST_F(PackedTrace, EditedAndPackedAgainNeedsEdited) {
  std::string text = print(recorded());
  text.replace(text.find("seed 6"), 6, "seed 7");
  write(pack(text));
  EXPECT_NE(why_not().find("was edited"), std::string::npos) << why_not();
  const Result<Trace> read = read_trace(path_, Strictness::kEdited);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->seed, 7U);
}

TEST_F(PackedTrace, IsNotWhateverElseIsPacked) {
  write(pack("something else\n"));
  EXPECT_NE(why_not().find("isn't a trace file"), std::string::npos) << why_not();
  write(pack(print(recorded()) + "more\n"));
  EXPECT_NE(why_not().find("after the end"), std::string::npos) << why_not();
  write("");
  EXPECT_NE(why_not().find("isn't a trace file"), std::string::npos) << why_not();
  std::filesystem::remove(path_);
  EXPECT_NE(why_not().find("can't read"), std::string::npos) << why_not();
}

TEST_F(PackedTrace, ThatCannotBeWrittenIsSaid) {
  testing::internal::CaptureStderr();
  EXPECT_FALSE(write_trace("/dev/full", recorded(), TraceForm::kPacked));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("can't write /dev/full"),
            std::string::npos);
}

TEST_F(PackedTrace, OfOtherCodeIsFollowedToItsEndAndSaysWhereItDiverged) {
  Trace trace = recorded();
  ASSERT_GT(trace.checkpoints.size(), 3U);
  trace.hash ^= 1;
  for (std::size_t at = 2; at < trace.checkpoints.size(); ++at) trace.checkpoints[at] ^= 1;
  ASSERT_TRUE(write_trace(path_, trace, TraceForm::kPacked));
  auto [code, said] = replay();
  EXPECT_EQ(code, 1);
  EXPECT_NE(said.find("diverged: checkpoint 3 of "), std::string::npos) << said;
  EXPECT_NE(said.find("same up to event 2048 at 0."), std::string::npos) << said;
  EXPECT_NE(said.find("with the verdict it had: pass"), std::string::npos) << said;
  EXPECT_NE(said.find("pass seed=6"), std::string::npos) << said;
  trace.verdict = "FAIL";
  trace.fingerprint = "linearizability: what it was";
  ASSERT_TRUE(write_trace(path_, trace, TraceForm::kPacked));
  std::tie(code, said) = replay();
  EXPECT_EQ(code, 1);
  EXPECT_NE(said.find("recorded: FAIL, linearizability: what it was; now: pass"), std::string::npos)
      << said;
}

}  // namespace
}  // namespace detcd::sim
