// A snapshot directory of the first released format: read for ever, and written so today.
// DETCD_WRITE_GOLDEN=1 writes the directory when it is missing.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "snapshot/store.h"
#include "tests/support/machine.h"

namespace detcd::snapshot {
namespace {

namespace fs = std::filesystem;
using test::CrashKind;
using test::Machine;

const fs::path kGolden = fs::path(DETCD_TEST_DATA) / "golden-v1";

Contents contents() {
  Contents contents;
  contents.meta = {.index = raft::Index(17), .term = raft::Term(3), .time_ms = 1700};
  contents.meta.configuration.voters = {raft::NodeId(9), raft::NodeId(10)};
  contents.meta.configuration.learners = {raft::NodeId(11)};
  contents.state_hash = 0x1234567890abcdef;
  for (const bool sealed : {true, false}) {
    const std::string text(sealed ? 300 : 40, sealed ? 's' : 'o');
    contents.chunks.push_back({contents.chunks.size() + 1, hash64(text), sealed, Bytes(text)});
  }
  contents.small_state = "small state";
  return contents;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Golden, FormatOneIsWrittenToTheByteAndRead) {
  Machine machine(1);
  const auto open = [&] {
    return machine.run(Store::open(machine.world(), Machine::kDirectory, Identity{7, 9}));
  };
  auto store = open();
  ASSERT_TRUE(machine.run((**store)->save(contents()))->ok());
  sim::DiskImage& image = machine.disk().image();
  if (std::getenv("DETCD_WRITE_GOLDEN") != nullptr && !fs::exists(kGolden)) {
    fs::create_directories(kGolden);
    for (const std::string& path : image.files()) {
      std::ofstream(kGolden / fs::path(path).filename(), std::ios::binary)
          << *image.read_file(path);
    }
  }
  std::size_t count = 0;
  for (const fs::directory_entry& file : fs::directory_iterator(kGolden)) {
    const std::string path =
        std::string(Machine::kDirectory) + "/" + file.path().filename().string();
    ASSERT_TRUE(image.read_file(path).has_value()) << path;
    EXPECT_TRUE(*image.read_file(path) == read(file.path())) << path;
    // What is read below is the golden content.
    image.content(*image.find_file(path)).write(0, read(file.path()));
    ++count;
  }
  EXPECT_EQ(count, image.files().size());
  store.reset();
  machine.restart();
  store = open();
  const auto found = machine.run((**store)->load());
  ASSERT_TRUE(found->ok() && (**found).has_value());
  EXPECT_EQ(pack(***found), pack(contents()));
}

}  // namespace
}  // namespace detcd::snapshot
