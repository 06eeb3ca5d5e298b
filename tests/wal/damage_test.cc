// One kind of damage each: what it is taken for, and what remains after its loss was accepted.
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "tests/support/machine.h"
#include "tests/wal/logs.h"
#include "wal/frame.h"
#include "wal/segment.h"

namespace detcd::wal {
namespace {

using test::CrashKind;
using test::Machine;

using Health = Recovered::Health;

// Eight batches of three sectors each, one entry in each: five in segment 1, the rest in segment 2,
// behind which segment 3 is prepared.
class DamageTest : public ::testing::Test {
 protected:
  static constexpr Options kOptions{.segment_bytes = 512 * 16, .recycled_max = 1};
  static constexpr std::size_t kBatch = 3 * kSectorBytes;

  void SetUp() override {
    auto made =
        machine_.run(Wal::create(machine_.world(), Machine::kDirectory, kIdentity, kOptions));
    wal_ = std::move(**made);
    for (std::uint64_t index = 1; index <= 8; ++index) save(index);
    ASSERT_EQ(wal_->numbers().segments, 2u);
    crash();
  }
  void save(std::uint64_t index) {
    const auto saved = machine_.run(wal_->save({save_of(index, 1, 1200)}));
    ASSERT_TRUE(saved->ok());
  }
  void crash() {
    machine_.run(wait());
    machine_.crash(CrashKind::kProcess);
    wal_.reset();
    machine_.restart();
  }
  // Until the next segment is prepared, and before the idle witness.
  runtime::Task<int> wait() {
    co_await runtime::sleep_for(machine_.world().scheduler, 50ms);
    co_return 0;
  }
  Recovered open(bool accept_loss = false) {
    auto opened = machine_.run(
        Wal::open(machine_.world(), Machine::kDirectory, kIdentity, kOptions, accept_loss));
    EXPECT_TRUE(opened->ok()) << opened->error().message;
    EXPECT_EQ((*opened)->wal != nullptr,
              accept_loss || (*opened)->recovered.health == Health::kWhole);
    wal_ = std::move((*opened)->wal);
    return std::move((*opened)->recovered);
  }
  // Found as `health`, with entries up to `last`; then accepted, gone on with, and remembered until
  // it is made good.
  void expect(Health health, std::uint64_t last) {
    for (const bool accept_loss : {false, true}) {
      const Recovered log = open(accept_loss);
      ASSERT_EQ(log.health, health) << ::testing::PrintToString(log);
      ASSERT_TRUE(log.damage.has_value());
      EXPECT_EQ(log.damage->index, raft::Index(last + 1)) << ::testing::PrintToString(log);
      EXPECT_EQ(log.entries.size(), last);
    }
    save(last + 1);
    crash();
    EXPECT_EQ(open().health, health);
    EXPECT_EQ(open(true).entries.size(), last + 1);
    ASSERT_TRUE(machine_.run(wal_->declare_whole())->ok());
    crash();
    EXPECT_EQ(open().health, Health::kWhole);
    EXPECT_EQ(files("damaged") > 0, health != Health::kTorn);
  }
  std::size_t files(std::string_view kind) {
    std::size_t count = 0;
    for (const std::string& name : machine_.disk().image().files()) {
      count += name.find(kind) != std::string::npos ? 1 : 0;
    }
    return count;
  }
  static std::string path(std::uint64_t sequence) {
    return std::string(Machine::kDirectory) + "/" + file_name(sequence, kSegmentKind);
  }
  // Where the `batch`-th batch of a segment begins, from 0.
  static constexpr std::uint64_t at(std::uint64_t batch) { return kSectorBytes + batch * kBatch; }
  void cut(std::uint64_t sequence, std::uint64_t bytes) {
    sim::DiskImage& image = machine_.disk().image();
    image.content(*image.find_file(path(sequence))).truncate(bytes);
  }
  std::uint64_t sizes(std::uint64_t sequence) {
    sim::DiskImage& image = machine_.disk().image();
    return image.content(*image.find_file(path(sequence))).size();
  }
  void flip(std::uint64_t sequence, std::uint64_t offset) {
    ASSERT_TRUE(machine_.disk().image().flip(path(sequence), offset, 0x20));
  }
  void overwrite(std::uint64_t sequence, std::uint64_t offset, std::string bytes) {
    sim::DiskImage& image = machine_.disk().image();
    sim::FileContent& content = image.content(*image.find_file(path(sequence)));
    content.write(offset, bytes);
    content.sync();
  }
  void zero(std::uint64_t sequence, std::uint64_t offset, std::size_t bytes) {
    overwrite(sequence, offset, std::string(bytes, '\0'));
  }
  std::string bytes_of(std::uint64_t sequence) {
    return *machine_.disk().image().read_file(path(sequence));
  }

  Machine machine_{1};
  std::unique_ptr<Wal> wal_;
};

TEST_F(DamageTest, NoneIsWhole) {
  EXPECT_EQ(open().health, Health::kWhole);
}

TEST_F(DamageTest, AFlippedBitInAnEntryThatWasWitnessed) {
  flip(1, at(2) + 700);
  expect(Health::kDamaged, 2);
}

TEST_F(DamageTest, AFlippedBitInTheHeadOfAWitnessedBatch) {
  flip(1, at(2) + 20);
  expect(Health::kDamaged, 2);
}

TEST_F(DamageTest, AFlippedBitInThePaddingOfAWitnessedBatch) {
  flip(1, at(3) - 1);
  expect(Health::kDamaged, 2);
}

TEST_F(DamageTest, AFlippedBitInTheLastBatchOfASegment) {
  flip(1, at(4) + 700);
  expect(Health::kDamaged, 4);
}

TEST_F(DamageTest, AFileThatWasCutBetweenTwoBatches) {
  cut(2, at(1));
  expect(Health::kDamaged, 6);
}

TEST_F(DamageTest, AFileThatWasCutWithinItsLastBatch) {
  cut(2, at(2) + 700);
  expect(Health::kDamaged, 7);
}

TEST_F(DamageTest, AFileThatLostOnlyItsUnusedEnd) {
  cut(2, sizes(2) - kSectorBytes);
  expect(Health::kDamaged, 8);
}

TEST_F(DamageTest, AFlippedBitInTheFirstHeader) {
  flip(1, 9);
  expect(Health::kDamaged, 0);
}

TEST_F(DamageTest, AFlippedBitInALaterHeader) {
  flip(2, 50);
  expect(Health::kDamaged, 5);
}

TEST_F(DamageTest, AWitnessedBatchOfZeros) {
  zero(1, at(2), kBatch);
  expect(Health::kDamaged, 2);
}

TEST_F(DamageTest, ASectorOfZerosInAWitnessedBatch) {
  zero(1, at(2) + kSectorBytes, kSectorBytes);
  expect(Health::kDamaged, 2);
}

TEST_F(DamageTest, TheLastBatchOfASegmentOfZeros) {
  zero(1, at(4), kBatch);
  expect(Health::kDamaged, 4);
}

TEST_F(DamageTest, AFlippedBitInTheLastBatchMayBeRot) {
  flip(2, at(2) + 700);
  expect(Health::kUnknown, 7);
}

TEST_F(DamageTest, AFlippedBitInTheHeadOfTheLastBatchMayBeRot) {
  flip(2, at(2) + 30);
  expect(Health::kUnknown, 7);
}

TEST_F(DamageTest, AFlippedBitInTheTailOfTheLastBatchMayBeRot) {
  flip(2, at(3) - 200);
  expect(Health::kUnknown, 7);
}

TEST_F(DamageTest, TheFirstSectorOfTheLastBatchIsMissing) {
  zero(2, at(2), kSectorBytes);
  expect(Health::kTorn, 7);
}

TEST_F(DamageTest, AMiddleSectorOfTheLastBatchIsMissing) {
  zero(2, at(2) + kSectorBytes, kSectorBytes);
  expect(Health::kTorn, 7);
}

TEST_F(DamageTest, TheLastSectorOfTheLastBatchIsMissing) {
  zero(2, at(2) + 2 * kSectorBytes, kSectorBytes);
  expect(Health::kTorn, 7);
}

TEST_F(DamageTest, AMissingSectorBesideAnAlteredOneIsNotExplainedByATornWrite) {
  zero(2, at(2) + kSectorBytes, kSectorBytes);
  flip(2, at(2) + 2 * kSectorBytes + 10);
  expect(Health::kUnknown, 7);
}

TEST_F(DamageTest, AWholeBatchThatNeverArrivedLeavesAWholeLog) {
  zero(2, at(2), kBatch);
  const Recovered log = open();
  EXPECT_EQ(log.health, Health::kWhole);
  EXPECT_EQ(log.entries.size(), 7u);
}

TEST_F(DamageTest, AMissingHeaderOfASegmentWithOneBatchIsTorn) {
  zero(2, at(1), 2 * kBatch);
  zero(2, 0, kSectorBytes);
  expect(Health::kTorn, 5);
}

TEST_F(DamageTest, AMissingHeaderOfASegmentWithMoreBatchesIsDamage) {
  zero(2, 0, kSectorBytes);
  expect(Health::kDamaged, 5);
}

TEST_F(DamageTest, ABatchInTheWrongPlace) {
  const std::string bytes = bytes_of(1);
  overwrite(1, at(2), bytes.substr(at(1), kBatch));
  expect(Health::kDamaged, 2);
}

TEST_F(DamageTest, AnOlderLastBatchInTheLastPlace) {
  const std::string bytes = bytes_of(2);
  overwrite(2, at(2), bytes.substr(at(1), kBatch));
  expect(Health::kUnknown, 7);
}

TEST_F(DamageTest, ASegmentThatIsMissing) {
  sim::DiskImage& image = machine_.disk().image();
  ASSERT_TRUE(image.rename(path(1), "/elsewhere").ok());
  expect(Health::kDamaged, 0);
}

TEST_F(DamageTest, ASegmentThatIsMissingBetweenOthers) {
  auto log = open();
  for (std::uint64_t index = 9; index <= 12; ++index) save(index);
  crash();
  sim::DiskImage& image = machine_.disk().image();
  ASSERT_TRUE(image.rename(path(2), "/elsewhere").ok());
  expect(Health::kDamaged, 5);
}

TEST_F(DamageTest, AFileThatIsCutShort) {
  sim::DiskImage& image = machine_.disk().image();
  image.content(*image.find_file(path(1))).truncate(at(2) + 700);
  expect(Health::kDamaged, 2);
}

TEST_F(DamageTest, ASectorThatCannotBeRead) {
  machine_.disk().spoil(path(1), at(2) + 600, 1);
  const Recovered log = open();
  EXPECT_EQ(log.health, Health::kDamaged);
  EXPECT_EQ(log.entries.size(), 2u);
}

// The option was larger when the segment was made, and its header says so.
TEST_F(DamageTest, ARepairedSegmentIsAsLongAsItsHeaderSays) {
  cut(2, at(1));
  const Options smaller{.segment_bytes = 512 * 4, .recycled_max = 1};
  auto opened =
      machine_.run(Wal::open(machine_.world(), Machine::kDirectory, kIdentity, smaller, true));
  ASSERT_TRUE(opened->ok()) << opened->error().message;
  EXPECT_EQ((*opened)->recovered.entries.size(), 6u);
}

// The copy that a start makes of the last segment takes its place: it must be one.
TEST_F(DamageTest, AReadThatFailsDuringACopyFailsTheStartAndNothingElse) {
  machine_.disk().set_boundary_hook([&](const sim::Boundary& boundary) {
    if (boundary.call != sim::DiskCall::kCreate || boundary.after) return;
    machine_.disk().fail_next(sim::DiskCall::kRead, ".wal", 2);
  });
  auto opened =
      machine_.run(Wal::open(machine_.world(), Machine::kDirectory, kIdentity, kOptions, false));
  EXPECT_FALSE(opened->ok());
  opened.reset();
  crash();
  const Recovered log = open();
  EXPECT_EQ(log.health, Health::kWhole) << ::testing::PrintToString(log);
  EXPECT_EQ(log.entries.size(), 8u);
}

TEST_F(DamageTest, RotInTheUnusedEndOfASegmentLosesNothing) {
  open();
  ASSERT_TRUE(machine_.run(wal_->save({save_of(9, 1, 4000)}))->ok());
  ASSERT_EQ(wal_->numbers().segments, 3u);
  crash();
  flip(2, at(3) + 100);
  const Recovered log = open();
  EXPECT_EQ(log.health, Health::kWhole);
  EXPECT_EQ(log.entries.size(), 9u);
}

TEST_F(DamageTest, GarbageInThePreparedSegmentIsNotWhole) {
  overwrite(3, 4000, std::string(100, 'x'));
  expect(Health::kTorn, 8);
}

TEST_F(DamageTest, ADeclaredLossIsRememberedUntilItIsMadeGood) {
  open();
  ASSERT_TRUE(machine_.run(wal_->declare_loss())->ok());
  save(9);
  crash();
  EXPECT_EQ(open().health, Health::kDamaged);
  Recovered log = open(true);
  EXPECT_EQ(log.health, Health::kDamaged);
  EXPECT_EQ(log.entries.size(), 9u);
  ASSERT_TRUE(machine_.run(wal_->trim(mark_at(9), log.hard_state))->ok());
  crash();
  log = open(true);
  EXPECT_EQ(log.health, Health::kDamaged) << "also after the segments before it went";
  ASSERT_TRUE(machine_.run(wal_->declare_whole())->ok());
  crash();
  EXPECT_EQ(open().health, Health::kWhole);
  EXPECT_EQ(files("damaged"), 0u) << "nothing was wrong with the files";
}

TEST_F(DamageTest, ALogBegunAnewKeepsOnlyTheHardStateAndTheLoss) {
  open();
  raft::Save vote;
  vote.hard_state = raft::HardState{raft::Term(6), raft::NodeId(2), raft::Index(8)};
  vote.must_sync_hard_state = true;
  ASSERT_TRUE(machine_.run(wal_->save({std::move(vote)}))->ok());
  crash();
  const std::string before = bytes_of(1);
  auto opened =
      machine_.run(Wal::begin_anew(machine_.world(), Machine::kDirectory, kIdentity, kOptions));
  ASSERT_TRUE(opened->ok()) << opened->error().message;
  EXPECT_TRUE((*opened)->recovered.entries.empty());
  wal_ = std::move((*opened)->wal);
  save(1);
  crash();
  const Recovered log = open(true);
  EXPECT_EQ(log.health, Health::kDamaged);
  EXPECT_EQ(log.entries.size(), 1u);
  EXPECT_EQ(log.hard_state.term, raft::Term(6));
  EXPECT_EQ(log.hard_state.vote, raft::NodeId(2));
  EXPECT_EQ(log.hard_state.commit, raft::Index(0));
  const auto kept = machine_.disk().image().read_file(std::string(Machine::kDirectory) + "/" +
                                                      file_name(1, kDamagedKind));
  EXPECT_EQ(kept, before) << "what was there is set aside";
}

TEST_F(DamageTest, ANewerFormatIsRefusedAndNothingIsTouched) {
  const std::string before = bytes_of(1);
  std::string header = before.substr(0, kSectorBytes - 4);
  header[8] = 2;
  Writer crc;
  crc.u32(crc32c(header));
  overwrite(1, 0, header + crc.take());
  auto opened =
      machine_.run(Wal::open(machine_.world(), Machine::kDirectory, kIdentity, kOptions, true));
  EXPECT_EQ(opened->error().code, Errc::kIncompatible);
  EXPECT_EQ(files("damaged"), 0u);
}

}  // namespace
}  // namespace detcd::wal
