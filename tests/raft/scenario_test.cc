// Runs the stories of testdata/*.txt: comment, commands, ----, what they print. REWRITE=1 writes
// what is printed now into the files. The commands are in scenario.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "scenario.h"

namespace detcd::raft::testing {
namespace {

struct Block {
  std::string before;  // Comments and empty lines, as they are.
  std::vector<std::string> commands;
  std::string expected;
};

std::vector<Block> parse(std::istream& in) {
  std::vector<Block> blocks;
  Block block;
  bool printed = false;
  for (std::string line; std::getline(in, line);) {
    if (printed && line.empty()) {
      blocks.push_back(std::move(block));
      block = Block();
      printed = false;
      block.before = "\n";
    } else if (printed) {
      block.expected += line + "\n";
    } else if (line == "----") {
      printed = true;
    } else if (block.commands.empty() && (line.empty() || line.front() == '#')) {
      block.before += line + "\n";
    } else {
      block.commands.push_back(line);
    }
  }
  if (!block.commands.empty()) blocks.push_back(std::move(block));
  return blocks;
}

class Stories : public ::testing::TestWithParam<std::string> {};

TEST_P(Stories, PrintWhatTheySay) {
  const std::string path = std::string(DETCD_TEST_DATA) + "/" + GetParam() + ".txt";
  std::ifstream in(path);
  ASSERT_TRUE(in.good()) << path;
  const bool rewrite = std::getenv("REWRITE") != nullptr;
  Scenario scenario;
  std::string written;
  for (const Block& block : parse(in)) {
    std::string printed;
    std::string asked;
    for (const std::string& command : block.commands) {
      printed += scenario.run(command);
      asked += command + "\n";
    }
    if (printed.empty()) printed = "ok\n";
    if (!rewrite) {
      EXPECT_EQ(printed, block.expected) << path << "\n" << asked;
    }
    written += block.before + asked + "----\n" + printed;
  }
  EXPECT_EQ(scenario.violations(), std::vector<std::string>());
  if (!rewrite) return;
  in.close();
  std::ofstream(path) << written;
}

std::vector<std::string> stories() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(DETCD_TEST_DATA)) {
    if (file.path().extension() == ".txt") names.push_back(file.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Raft, Stories, ::testing::ValuesIn(stories()),
                         [](const auto& story) { return story.param; });

}  // namespace
}  // namespace detcd::raft::testing
