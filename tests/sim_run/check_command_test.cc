// detcd-sim check as its user meets it: exit codes and files.
#include "sim/campaign/check.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "sim/campaign/commands.h"
#include "sim/profile/generate.h"
#include "sim/run/run.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kLegal = R"({"process":0,"type":"invoke","f":"write","value":1})"
                                    "\n"
                                    R"({"process":0,"type":"ok"})"
                                    "\n";
constexpr std::string_view kStale = R"({"process":1,"type":"invoke","f":"read"})"
                                    "\n"
                                    R"({"process":1,"type":"ok","value":null})";

class CheckCommand : public ::testing::Test {
 protected:
  // A file of its own, removed at the end.
  std::string file(std::string_view text) {
    const ::testing::TestInfo* const test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = ::testing::TempDir() + "check_command_" + test->name() + ".jsonl";
    std::ofstream(path_, std::ios::binary) << text;
    return path_;
  }
  void TearDown() override {
    if (!path_.empty()) std::filesystem::remove(path_);
  }
  std::string path_;
};

TEST_F(CheckCommand, ExitsByTheVerdict) {
  const std::string legal = file(kLegal);
  EXPECT_EQ(check_command({legal, "--model", "register"}), 0);
  EXPECT_EQ(main_command("detcd-sim", {"check", legal, "--model=kv"}), 2);
  const std::string stale = file(std::string(kLegal) + std::string(kStale));
  EXPECT_EQ(check_command({"--model", "cas-register", stale}), 1);
  EXPECT_EQ(check_command({stale, "--model", "register", "--steps", "1"}), 3);
}

TEST_F(CheckCommand, RefusesWhatItDoesNotUnderstand) {
  const std::string path = file("{}\n");
  EXPECT_EQ(check_command({}), 2);
  EXPECT_EQ(check_command({path}), 2);
  EXPECT_EQ(check_command({path, "--model", "register"}), 2);
  EXPECT_EQ(check_command({path, "--model", "tree"}), 2);
  EXPECT_EQ(check_command({path, "--model", "set", "--seconds", "0"}), 2);
  EXPECT_EQ(check_command({path, "--model", "set", "--memory-mb", "x"}), 2);
  EXPECT_EQ(check_command({path, "--modle", "set"}), 2);
  EXPECT_EQ(check_command({path + ".missing", "--model", "set"}), 2);
  EXPECT_EQ(check_command({"--help"}), 0);
}

TEST_F(CheckCommand, ALineWithoutAnEndIsBounded) {
  const std::string path = file(std::string(40 << 20, '['));
  EXPECT_EQ(check_command({path, "--model", "set"}), 2);
}

// What the exact judge finds legal, a search that knows nothing of the log finds legal, too.
TEST(CrossCheck, RunsAreLegalBySearch) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    RunOptions options;
    options.seed = seed;
    const Result<Settings> settings = draw_settings(seed, "lite");
    ASSERT_TRUE(settings);
    options.settings = *settings;
    options.settings.length = 4s;
    options.plan = draw_plan(seed, options.settings);
    options.cross_check = true;
    const RunResult result = run(options);
    EXPECT_FALSE(result.violation) << "seed " << seed << ": " << result.violation->message;
    EXPECT_GT(result.cross_checked, 0U) << "seed " << seed;
  }
}

}  // namespace
}  // namespace detcd::sim
