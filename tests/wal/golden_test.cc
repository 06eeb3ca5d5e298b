// Directories of released formats: what was written once is read for ever, and what is written
// today is the newest released format to the byte. DETCD_WRITE_GOLDEN=1 writes a directory that is
// missing.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/machine.h"
#include "tests/wal/logs.h"

namespace detcd::wal {
namespace {

namespace fs = std::filesystem;
using test::CrashKind;
using test::Machine;

constexpr Options kOptions{.segment_bytes = 4096, .recycled_max = 0};
const fs::path kGolden = fs::path(DETCD_TEST_DATA) / "golden-v1";

// Every kind of batch and of record but those of a loss, several segments.
Model write_log(Machine& machine) {
  Model model;
  auto made = machine.run(Wal::create(machine.world(), Machine::kDirectory, kIdentity, kOptions));
  Wal& wal = ***made;
  const auto save = [&](raft::Save one) {
    one.hard_state = raft::HardState{raft::Term(4), raft::NodeId(9), raft::Index(model.next() - 1)};
    one.must_sync_hard_state = true;
    model.apply(one);
    EXPECT_TRUE(machine.run(wal.save({std::move(one)}))->ok());
  };
  raft::Save install;
  install.snapshot = mark_at(100);
  install.snapshot->configuration.learners = {raft::NodeId(3)};
  save(std::move(install));
  for (int i = 0; i < 4; ++i) save(save_of(model.next(), 2, 700));
  raft::Save truncation = save_of(model.next() - 2, 1, 20);
  truncation.truncate_from = truncation.entries.front().index;
  truncation.entries.front().kind = raft::EntryKind::kConfiguration;
  save(std::move(truncation));
  model.trim(mark_at(103), model.hard_state);
  EXPECT_TRUE(machine.run(wal.trim(mark_at(103), model.hard_state))->ok());
  machine.idle(1s);  // An idle witness; the trimmed segments go.
  save(save_of(model.next(), 1, 0));
  EXPECT_TRUE(machine.run(wal.close())->ok());
  machine.crash(CrashKind::kPower);
  return model;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Golden, WhatIsWrittenTodayIsFormatOneToTheByte) {
  Machine machine(1);
  write_log(machine);
  const sim::DiskImage& image = machine.disk().image();
  if (std::getenv("DETCD_WRITE_GOLDEN") != nullptr && !fs::exists(kGolden)) {
    fs::create_directories(kGolden);
    for (const std::string& path : image.files()) {
      std::ofstream(kGolden / fs::path(path).filename(), std::ios::binary)
          << *image.read_file(path);
    }
  }
  std::size_t count = 0;
  for (const fs::directory_entry& file : fs::directory_iterator(kGolden)) {
    const auto today =
        image.read_file(std::string(Machine::kDirectory) + "/" + file.path().filename().string());
    ASSERT_TRUE(today.has_value()) << file.path();
    EXPECT_TRUE(*today == read(file.path())) << file.path();
    ++count;
  }
  EXPECT_EQ(count, image.files().size());
}

TEST(Golden, FormatOneIsRead) {
  Machine written(1);
  const Model model = write_log(written);
  Machine machine(2);
  machine.crash(CrashKind::kPower);
  sim::DiskImage image = machine.disk().image();
  for (const fs::directory_entry& file : fs::directory_iterator(kGolden)) {
    const auto number =
        image.open(std::string(Machine::kDirectory) + "/" + file.path().filename().string(),
                   runtime::OpenMode::kCreateNew);
    ASSERT_TRUE(number);
    image.content(*number).write(0, read(file.path()));
  }
  machine.disk().replace_image(image);
  machine.restart();
  auto opened =
      machine.run(Wal::open(machine.world(), Machine::kDirectory, kIdentity, kOptions, false));
  ASSERT_TRUE(opened->ok()) << opened->error().message;
  const Recovered& log = (*opened)->recovered;
  EXPECT_EQ(log.health, Recovered::Health::kWhole);
  EXPECT_TRUE(log.clean_stop);
  EXPECT_TRUE(model.matches(log)) << ::testing::PrintToString(log);
}

}  // namespace
}  // namespace detcd::wal
