// Any crash, any flipped byte: RapidCheck chooses, and its last line says how to choose so again.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>

#include "tests/wal/crashing_node.h"

namespace detcd::wal {
namespace {

using Health = Recovered::Health;

// Every run draws the same cases unless RC_PARAMS says otherwise (RC_PARAMS="reproduce=..."
// replays).
[[maybe_unused]] const int kSeeded = setenv("RC_PARAMS", "seed=1", 0);

RC_GTEST_PROP(CrashProperty, AnyCrashesKeepWhatWasAcknowledged, (std::uint32_t seed, bool power)) {
  const std::uint64_t at = *rc::gen::inRange<std::uint64_t>(0, 400);
  const std::uint64_t second = *rc::gen::inRange<std::uint64_t>(0, 200);
  crash_twice(seed, at, second, power ? CrashKind::kPower : CrashKind::kProcess);
  RC_ASSERT(!::testing::Test::HasFailure());
}

// A log of three segments, each batch acknowledged, as the disk holds it.
struct Written {
  sim::DiskImage image;
  Model model;
};

Written write_log() {
  Written written;
  Machine machine(1);
  auto made =
      machine.run(Wal::create(machine.world(), Machine::kDirectory, kIdentity, kCrashOptions));
  for (int i = 0; i < 15; ++i) {
    raft::Save save = save_of(written.model.next(), 1 + i % 3, 100 + 150 * (i % 4));
    save.hard_state = raft::HardState{.term = raft::Term(i + 1)};
    save.must_sync_hard_state = true;
    written.model.apply(save);
    EXPECT_TRUE(machine.run((**made)->save({save}))->ok());
  }
  EXPECT_GE((**made)->numbers().segments, 3u);
  machine.crash(CrashKind::kProcess);
  made.reset();
  written.image = machine.disk().image();
  return written;
}

bool is_prefix(const std::vector<raft::Entry>& part, const std::vector<raft::Entry>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

// What may be said of a log whose every batch was acknowledged: it is whole only with all of its
// entries, and a torn write is no excuse for a missing one.
void expect_honest(const Recovered& log, const Model& model) {
  ASSERT_TRUE(is_prefix(log.entries, model.entries)) << ::testing::PrintToString(log);
  if (log.health == Health::kWhole || log.health == Health::kTorn) {
    EXPECT_TRUE(model.matches(log)) << ::testing::PrintToString(log);
  }
  if (!model.matches(log)) {
    ASSERT_TRUE(log.damage.has_value());
    const std::uint64_t next = log.entries.empty() ? 1 : log.entries.back().index.value() + 1;
    EXPECT_EQ(log.damage->index, raft::Index(next));
  }
}

Recovered open(const sim::DiskImage& image) {
  Machine machine(1);
  machine.crash(CrashKind::kProcess);
  machine.disk().replace_image(image);
  machine.restart();
  auto opened =
      machine.run(Wal::open(machine.world(), Machine::kDirectory, kIdentity, kCrashOptions, false));
  EXPECT_TRUE(opened->ok());
  if (!opened->ok()) return {};
  return std::move((*opened)->recovered);
}

TEST(FlippedByte, OfAnAcknowledgedLogIsNeverAcceptedNorExplainedAway) {
  const Written written = write_log();
  for (const std::string& path : written.image.files()) {
    const std::size_t size = written.image.read_file(path)->size();
    for (std::size_t offset = 0; offset < size; offset += 61) {
      SCOPED_TRACE(path + " at " + std::to_string(offset));
      sim::DiskImage image = written.image;
      ASSERT_TRUE(image.flip(path, offset, 0x10));
      expect_honest(open(image), written.model);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

RC_GTEST_PROP(FlippedByteProperty, AnyFewAreNeverAcceptedNorExplainedAway,
              (std::vector<std::uint32_t> where, std::uint8_t mask)) {
  static const Written written = write_log();
  sim::DiskImage image = written.image;
  const std::vector<std::string> files = image.files();
  for (const std::uint32_t word : where) {
    const std::string& path = files[word % files.size()];
    image.flip(path, word / files.size() % 8192, static_cast<unsigned char>(mask | 1));
  }
  expect_honest(open(image), written.model);
  RC_ASSERT(!::testing::Test::HasFailure());
}

}  // namespace
}  // namespace detcd::wal
