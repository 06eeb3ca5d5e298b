#include "wal/wal.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/support/machine.h"
#include "tests/wal/logs.h"

namespace detcd::wal {
namespace {

using test::CrashKind;
using test::Machine;

constexpr Options kSmall{.segment_bytes = 8192, .recycled_max = 1};

class WalTest : public ::testing::Test {
 protected:
  void create(Options options = kSmall) {
    auto made =
        machine_.run(Wal::create(machine_.world(), Machine::kDirectory, kIdentity, options));
    ASSERT_TRUE(made && made->ok());
    wal_ = std::move(**made);
  }
  Recovered open(Options options = kSmall, bool accept_loss = false) {
    auto opened = machine_.run(
        Wal::open(machine_.world(), Machine::kDirectory, kIdentity, options, accept_loss));
    EXPECT_TRUE(opened && opened->ok()) << (opened && !opened->ok() ? opened->error().message : "");
    if (!opened || !opened->ok()) return {};
    wal_ = std::move((*opened)->wal);
    return std::move((*opened)->recovered);
  }
  Recovered reopen_after(CrashKind kind, Options options = kSmall) {
    machine_.crash(kind);
    wal_.reset();
    machine_.restart();
    return open(options);
  }
  void save(raft::Save save) {
    model_.apply(save);
    std::vector<raft::Save> saves;
    saves.push_back(std::move(save));
    const auto done = machine_.run(wal_->save(std::move(saves)));
    ASSERT_TRUE(done && done->ok()) << (done ? done->error().message : "");
  }
  void save_entries(std::size_t count, std::size_t bytes) {
    save(save_of(model_.next(), count, bytes));
  }
  void trim(std::uint64_t index) {
    model_.trim(mark_at(index), model_.hard_state);
    const auto done = machine_.run(wal_->trim(mark_at(index), model_.hard_state));
    ASSERT_TRUE(done && done->ok());
  }
  std::vector<std::string> files() { return machine_.disk().image().files(); }

  Machine machine_{1};
  Model model_;
  std::unique_ptr<Wal> wal_;
};

TEST_F(WalTest, ReplaysWhatWasSaved) {
  create();
  save_entries(3, 100);
  raft::Save save = save_of(4, 1, 10);
  save.hard_state = raft::HardState{raft::Term(3), raft::NodeId(9), raft::Index(3)};
  this->save(std::move(save));
  const Recovered log = reopen_after(CrashKind::kPower);
  EXPECT_EQ(log.health, Recovered::Health::kWhole);
  EXPECT_FALSE(log.clean_stop);
  EXPECT_TRUE(model_.matches(log)) << ::testing::PrintToString(log);
}

TEST_F(WalTest, IsEmptyAfterItWasCreated) {
  create();
  const Recovered log = reopen_after(CrashKind::kPower);
  EXPECT_EQ(log.health, Recovered::Health::kWhole);
  EXPECT_TRUE(model_.matches(log)) << ::testing::PrintToString(log);
}

TEST_F(WalTest, IsCreatedOnceAndOpenedOnlyWhereItIs) {
  auto missing =
      machine_.run(Wal::open(machine_.world(), Machine::kDirectory, kIdentity, kSmall, false));
  EXPECT_EQ(missing->error().code, Errc::kNotFound);
  create();
  auto again = machine_.run(Wal::create(machine_.world(), Machine::kDirectory, kIdentity, kSmall));
  EXPECT_EQ(again->error().code, Errc::kExists);
}

TEST_F(WalTest, OfAnotherMemberIsRefused) {
  create();
  wal_.reset();
  auto opened =
      machine_.run(Wal::open(machine_.world(), Machine::kDirectory, Identity{7, 8}, kSmall, true));
  EXPECT_EQ(opened->error().code, Errc::kIncompatible);
}

TEST_F(WalTest, ReplaysTruncationsAndInstalledSnapshots) {
  create();
  save_entries(5, 50);
  raft::Save save = save_of(4, 3, 60);
  save.truncate_from = raft::Index(4);
  this->save(std::move(save));
  EXPECT_TRUE(model_.matches(reopen_after(CrashKind::kPower)));
  raft::Save install;
  install.snapshot = mark_at(100);
  this->save(std::move(install));
  save_entries(2, 50);
  EXPECT_TRUE(model_.matches(reopen_after(CrashKind::kPower)));
  EXPECT_EQ(model_.next(), 103u);
}

TEST_F(WalTest, GoesOnOverManySegmentsAndRestarts) {
  create();
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 12; ++i) save_entries(2, 700);
    const Recovered log = reopen_after(round % 2 == 0 ? CrashKind::kPower : CrashKind::kProcess);
    ASSERT_EQ(log.health, Recovered::Health::kWhole) << log.damage->what;
    ASSERT_TRUE(model_.matches(log)) << ::testing::PrintToString(log);
  }
  EXPECT_GT(wal_->numbers().segments, 10u);
}

TEST_F(WalTest, TakesABatchThatIsLargerThanASegment) {
  create();
  save_entries(1, 10);
  save_entries(3, 3 << 20);
  save_entries(1, 10);
  const Recovered log = reopen_after(CrashKind::kPower);
  EXPECT_EQ(log.health, Recovered::Health::kWhole);
  EXPECT_TRUE(model_.matches(log)) << ::testing::PrintToString(log);
}

TEST_F(WalTest, WritesAndSyncsABatchOfManySavesOnce) {
  create();
  const std::uint64_t before = wal_->numbers().syncs;
  std::vector<raft::Save> saves;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    saves.push_back(save_of(i, 1, 20));
    model_.apply(saves.back());
  }
  ASSERT_TRUE(machine_.run(wal_->save(std::move(saves)))->ok());
  EXPECT_EQ(wal_->numbers().syncs, before + 1);
  EXPECT_TRUE(model_.matches(reopen_after(CrashKind::kPower)));
}

TEST_F(WalTest, ACommitIndexAloneWaitsForTheNextBatchOrTheIdleWitness) {
  create();
  save_entries(2, 20);
  machine_.idle(1s);
  const std::uint64_t before = wal_->numbers().syncs;
  raft::Save lazy;
  lazy.hard_state = raft::HardState{.commit = raft::Index(2)};
  save(lazy);
  EXPECT_EQ(wal_->numbers().syncs, before);
  machine_.idle(1s);
  EXPECT_EQ(wal_->numbers().syncs, before + 1);
  EXPECT_TRUE(model_.matches(reopen_after(CrashKind::kPower)));
}

TEST_F(WalTest, AnIdleLogIsWitnessedOnce) {
  create();
  save_entries(1, 20);
  const std::uint64_t before = wal_->numbers().syncs;
  machine_.idle(10s);
  EXPECT_EQ(wal_->numbers().syncs, before + 1);
}

TEST_F(WalTest, RemembersACleanStop) {
  create();
  save_entries(2, 20);
  ASSERT_TRUE(machine_.run(wal_->close())->ok());
  EXPECT_EQ(machine_.run(wal_->save({save_of(3, 1, 1)}))->error().code, Errc::kClosed);
  Recovered log = reopen_after(CrashKind::kPower);
  EXPECT_TRUE(log.clean_stop);
  EXPECT_TRUE(model_.matches(log)) << ::testing::PrintToString(log);
  save_entries(1, 20);
  log = reopen_after(CrashKind::kPower);
  EXPECT_FALSE(log.clean_stop);
}

TEST_F(WalTest, DropsAndRecyclesSegmentsBeforeAMark) {
  create();
  for (int i = 0; i < 40; ++i) save_entries(2, 700);
  const std::size_t many = wal_->numbers().segments;
  trim(70);
  EXPECT_LT(wal_->numbers().segments, many / 2);
  machine_.idle(1s);
  EXPECT_LE(files().size(), wal_->numbers().segments + 2);  // The next one and a spare.
  Recovered log = reopen_after(CrashKind::kPower);
  ASSERT_EQ(log.health, Recovered::Health::kWhole) << log.damage->what;
  EXPECT_TRUE(model_.matches(log)) << ::testing::PrintToString(log);
  for (int i = 0; i < 40; ++i) save_entries(2, 700);
  trim(130);
  for (int i = 0; i < 10; ++i) save_entries(2, 700);
  log = reopen_after(CrashKind::kPower);
  ASSERT_EQ(log.health, Recovered::Health::kWhole) << log.damage->what;
  EXPECT_TRUE(model_.matches(log)) << ::testing::PrintToString(log);
}

TEST_F(WalTest, AFailedSyncIsFinal) {
  create();
  save_entries(1, 20);
  machine_.disk().fail_next(sim::DiskCall::kSync, ".wal", 1);
  EXPECT_EQ(machine_.run(wal_->save({save_of(2, 1, 20)}))->error().code, Errc::kIo);
  EXPECT_EQ(machine_.run(wal_->save({save_of(2, 1, 20)}))->error().code, Errc::kIo);
  EXPECT_EQ(machine_.run(wal_->close())->error().code, Errc::kIo);
}

// The failed sync marked the page clean: it is read as written, and a sync of the same file proves
// nothing. After the restart the entry counts, so it must be on the disk.
TEST_F(WalTest, WhatAFailedSyncLeftInTheCacheIsMadeDurableBeforeItCounts) {
  create();
  save_entries(1, 20);
  machine_.disk().fail_next(sim::DiskCall::kSync, ".wal", 1);
  const auto failed = machine_.run(wal_->save({save_of(2, 1, 20)}));
  ASSERT_FALSE(failed->ok());
  const Recovered first = reopen_after(CrashKind::kProcess);
  const Recovered second = reopen_after(CrashKind::kPower);
  EXPECT_EQ(second.health, Recovered::Health::kWhole);
  EXPECT_EQ(second.entries, first.entries);
}

// The same of a witness: what comes after it must not stand behind a hole.
TEST_F(WalTest, AWitnessWhoseSyncFailedIsMadeDurableBeforeTheLogGoesOn) {
  create();
  for (int round = 0; round < 8; ++round) {
    save_entries(1, 20);
    machine_.disk().fail_next(sim::DiskCall::kSync, "/", 1);
    machine_.idle(10s);
    const Recovered first = reopen_after(CrashKind::kProcess);
    ASSERT_EQ(first.health, Recovered::Health::kWhole) << "round " << round;
    save_entries(1, 20);
    const Recovered second = reopen_after(CrashKind::kPower);
    ASSERT_EQ(second.health, Recovered::Health::kWhole) << "round " << round;
    EXPECT_TRUE(model_.matches(second)) << ::testing::PrintToString(second);
  }
}

TEST_F(WalTest, IsOpenedAgainAfterASaveWasDestroyedInTheMiddle) {
  create();
  save_entries(1, 20);
  {
    runtime::TaskGroup group(machine_.world().scheduler);
    group.spawn([](Wal& wal) -> runtime::Task<void> {
      std::vector<raft::Save> saves(1, save_of(2, 1, 5000));
      const Result<void> saved = co_await wal.save(std::move(saves));
      static_cast<void>(saved);
    }(*wal_));
    machine_.idle(12us);
  }
  EXPECT_EQ(machine_.run(wal_->save({save_of(2, 1, 20)}))->error().code, Errc::kIo);
  wal_.reset();
  machine_.idle(1s);
  const Recovered log = reopen_after(CrashKind::kProcess);
  EXPECT_EQ(log.health, Recovered::Health::kWhole);
  EXPECT_GE(log.entries.size(), 1u);
}

}  // namespace
}  // namespace detcd::wal
