// A real failure made small, end to end.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "sim/campaign/commands.h"
#include "sim/campaign/trace_file.h"
#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

// Beyond the budget: alone, a member can't tell a torn sector from damage, and must refuse to
// start.
std::optional<RunOptions> failing_run(std::uint64_t seed) {
  RunOptions options = drawn(seed, "lite");
  options.settings.nodes = 1;
  options.settings.garbage_ppm = 1'000'000;
  options.settings.families = "all";
  options.plan.faults.clear();
  for (int n = 1; n <= 8; ++n) {
    options.plan.faults.push_back({n * 400ms, "power-loss n1 down 100ms boundary 7"});
  }
  if (!run_in_child(options).result.violation) return std::nullopt;
  return options;
}

class ShrinkCommand : public testing::Test {
 protected:
  ShrinkCommand() : path_(testing::TempDir() + "detcd-sim-shrink-" + std::to_string(getpid())) {}
  ~ShrinkCommand() override {
    for (const char* end : {"", ".small", ".scenario"}) unlink((path_ + end).c_str());
  }
  // Exit code, and what was said.
  std::pair<int, std::string> shrink(const std::vector<std::string>& flags) const {
    // What bounds it is the number of runs, on however slow a machine.
    std::vector<std::string> arguments{path_, "--scenario", path_ + ".scenario", "--seconds",
                                       "3600"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    testing::internal::CaptureStdout();
    const int code = shrink_command("detcd-sim", arguments);
    return {code, testing::internal::GetCapturedStdout()};
  }
  [[nodiscard]] static std::string content(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  std::string path_;
};

TEST_F(ShrinkCommand, MakesARealFailureSmallAndTellsItsStory) {
  std::optional<RunOptions> failing;
  for (std::uint64_t seed = 1; seed <= 12 && !failing; ++seed) failing = failing_run(seed);
  ASSERT_TRUE(failing) << "the planted failure happens";
  const RunResult before = run_in_child(*failing).result;
  std::ofstream(path_, std::ios::binary) << print(trace_of(*failing, before));
  const auto [code, said] = shrink({"--runs", "200", "--jobs", "2"});
  EXPECT_EQ(code, 0) << said;
  EXPECT_NE(said.find("loses power"), std::string::npos) << said;
  EXPECT_NE(said.find("Then it went wrong: "), std::string::npos) << said;
  EXPECT_NE(said.find("reproduce: detcd-sim replay " + path_ + ".small"), std::string::npos);
  const Result<Trace> small = read_trace(path_ + ".small", Strictness::kWhole);
  ASSERT_TRUE(small) << small.error().message;
  EXPECT_LE(small->plan.size(), 4U);
  const RunResult again = run_in_child(options_of(*small)).result;
  ASSERT_TRUE(again.violation);
  EXPECT_EQ(again.violation->fingerprint(), before.violation->fingerprint());
  EXPECT_EQ(again.hash, small->hash);
  const Result<Trace> scenario = parse_trace(content(path_ + ".scenario"), Strictness::kEdited);
  ASSERT_TRUE(scenario) << scenario.error().message;
  EXPECT_EQ(run_in_child(options_of(*scenario)).result.hash, again.hash);
  EXPECT_LT(std::ranges::count(content(path_ + ".scenario"), '\n'), 20);
  // One job, the same answer.
  const std::string two = content(path_ + ".small");
  EXPECT_EQ(shrink({"--runs", "200", "--jobs", "1"}).first, 0);
  EXPECT_EQ(content(path_ + ".small"), two);
}

TEST_F(ShrinkCommand, RefusesARunThatDoesNotFail) {
  const RunOptions options = scenario("seed 1\n" + puts(9, 300ms, 100ms));
  std::ofstream(path_, std::ios::binary) << print(trace_of(options, run_in_child(options).result));
  testing::internal::CaptureStderr();
  const int code = shrink({}).first;
  EXPECT_EQ(code, 1);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("nothing to shrink"), std::string::npos);
}

}  // namespace
}  // namespace detcd::sim
