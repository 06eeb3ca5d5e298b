#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "runtime/timeout.h"
#include "sim/disk/node_disk.h"
#include "sim/kernel/scheduler.h"
#include "tests/sim/disk_fixture.h"

namespace detcd::sim {
namespace {

using runtime::File;
using runtime::OpenMode;
using runtime::Task;
using runtime::TaskGroup;

TEST_F(DiskTest, WhatWasWrittenIsReadBack) {
  File& file = open("/a");
  write(file, 0, "hello");
  write(file, 10'000, "far");
  EXPECT_EQ(*run(file.read(0, 100)), std::string("hello") + std::string(95, '\0'));
  EXPECT_EQ(*run(file.read(9'999, 100)), std::string("\0far", 4));
  EXPECT_EQ(*run(file.read(20'000, 5)), "");
  EXPECT_EQ(*run(file.size()), 10'003U);
  device.faults().cold_ppm = 0;
  EXPECT_EQ(*file.try_read(0, 5), "hello");
  device.faults().cold_ppm = 1'000'000;
  EXPECT_EQ(file.try_read(0, 5).error().code, Errc::kWouldBlock);
}

TEST_F(DiskTest, OpeningObeysItsMode) {
  EXPECT_EQ(run(life->disk.open("/a", OpenMode::kRead)).error().code, Errc::kNotFound);
  EXPECT_EQ(run(life->disk.open("/a", OpenMode::kReadWrite)).error().code, Errc::kNotFound);
  EXPECT_EQ(run(life->disk.open("/no/a", OpenMode::kCreate)).error().code, Errc::kNotFound);
  EXPECT_TRUE(run(life->disk.open("/a", OpenMode::kCreateNew)).ok());
  EXPECT_EQ(run(life->disk.open("/a", OpenMode::kCreateNew)).error().code, Errc::kExists);
  File& reader = open("/a", OpenMode::kRead);
  EXPECT_EQ(run(reader.write(0, "x")).error().code, Errc::kPermission);
}

TEST_F(DiskTest, NamesAreListedRenamedAndRemoved) {
  EXPECT_TRUE(run(life->disk.make_directory("/d/e")).ok());
  EXPECT_TRUE(run(life->disk.make_directory("d/e")).ok());
  open("/d/b");
  write(open("/d/a"), 0, "12345");
  using runtime::DirectoryEntry;
  EXPECT_EQ(*run(life->disk.list("/d/")),
            (std::vector<DirectoryEntry>{{"a", false, 5}, {"b", false, 0}, {"e", true, 0}}));
  EXPECT_TRUE(run(life->disk.rename("/d/a", "/d/b")).ok());
  EXPECT_TRUE(run(life->disk.remove("/d/e")).ok());
  EXPECT_EQ(*run(life->disk.list("/d")), (std::vector<DirectoryEntry>{{"b", false, 5}}));
  EXPECT_EQ(run(life->disk.remove("/d/a")).error().code, Errc::kNotFound);
  EXPECT_EQ(run(life->disk.rename("/d/a", "/x")).error().code, Errc::kNotFound);
  EXPECT_EQ(run(life->disk.list("/e")).error().code, Errc::kNotFound);
}

TEST_F(DiskTest, ARemovedFileLivesUntilItIsClosed) {
  File& file = open("/a");
  write(file, 0, "still here");
  EXPECT_TRUE(run(life->disk.remove("/a")).ok());
  sync_directory("/");
  EXPECT_EQ(*run(file.read(0, 100)), "still here");
  EXPECT_EQ(*run(life->disk.space("/")), device.options().capacity_bytes - 10);
  held.clear();
  EXPECT_EQ(*run(life->disk.space("/")), device.options().capacity_bytes);
}

TEST_F(DiskTest, AProcessCrashKeepsWhatWasWritten) {
  write(open("/a"), 0, "never synced");
  end(false);
  EXPECT_EQ(text("/a"), "never synced");
}

TEST_F(DiskTest, APowerLossKeepsAllThatWasSynced) {
  save("/a", "synced");
  end(true);
  EXPECT_EQ(text("/a"), "synced");
}

// Over many blocks, also where only the later ones changed.
TEST_F(DiskTest, APowerLossKeepsEverySyncedBlock) {
  const std::string whole(40'000, 'x');
  save("/a", whole);
  File& file = open("/a");
  write(file, 30'000, "y");
  sync(file);
  write(file, 1, "unsynced");
  device.options().power_loss.file_new = device.options().power_loss.file_mixed = 0;
  end(true);
  std::string expected = whole;
  expected[30'000] = 'y';
  EXPECT_EQ(text("/a"), expected);
}

TEST_F(DiskTest, SyncOfAFileDoesNotPersistItsName) {
  device.options().power_loss.name_kept_ppm = 0;
  File& file = open("/a");
  write(file, 0, "data");
  sync(file);
  end(true);
  EXPECT_EQ(text("/a"), "(missing)");
}

TEST_F(DiskTest, ARenameIsLostOrKeptAsAWhole) {
  for (const std::uint32_t kept : {0U, 1'000'000U}) {
    save("/a", "old");
    save("/a.new", "new");
    device.options().power_loss.name_kept_ppm = kept;
    EXPECT_TRUE(run(life->disk.rename("/a.new", "/a")).ok());
    EXPECT_EQ(text("/a"), "new");
    end(true);
    EXPECT_EQ(text("/a"), kept == 0 ? "old" : "new");
    EXPECT_EQ(text("/a.new"), kept == 0 ? "new" : "(missing)");
  }
}

TEST_F(DiskTest, ARemovedNameComesBackWithoutADirectorySync) {
  save("/a", "data");
  device.options().power_loss.name_kept_ppm = 0;
  EXPECT_TRUE(run(life->disk.remove("/a")).ok());
  end(true);
  EXPECT_EQ(text("/a"), "data");
  EXPECT_TRUE(run(life->disk.remove("/a")).ok());
  sync_directory("/");
  end(true);
  EXPECT_EQ(text("/a"), "(missing)");
}

TEST_F(DiskTest, AnOrderedJournalKeepsAPrefix) {
  std::set<std::size_t> counts;
  for (int round = 0; round < 40; ++round) {
    device.replace_image(DiskImage());
    device.options().power_loss.ordered_journal = true;
    for (const char* name : {"/a", "/b", "/c", "/d"}) open(name);
    end(true);
    const std::vector<std::string> files = device.image().files();
    const std::vector<std::string> all{"/a", "/b", "/c", "/d"};
    ASSERT_TRUE(std::equal(files.begin(), files.end(), all.begin()));
    counts.insert(files.size());
  }
  EXPECT_EQ(counts.size(), 5U);
}

TEST_F(DiskTest, ACrossDirectoryRenameNeedsBothSyncs) {
  EXPECT_TRUE(run(life->disk.make_directory("/d")).ok());
  save("/a", "data");
  device.options().power_loss.name_kept_ppm = 0;
  EXPECT_TRUE(run(life->disk.rename("/a", "/d/a")).ok());
  sync_directory("/");
  EXPECT_EQ(device.image().durable_only().read_file("/a"), "data");
  sync_directory("/d");
  end(true);
  EXPECT_EQ(text("/a"), "(missing)");
  EXPECT_EQ(text("/d/a"), "data");
}

TEST_F(DiskTest, AllocateWritesZerosAndTheSize) {
  File& file = open("/a");
  write(file, 0, "x");
  EXPECT_TRUE(run(file.allocate(100'000)).ok());
  EXPECT_EQ(*run(file.size()), 100'000U);
  EXPECT_EQ(*run(file.read(50'000, 3)), std::string(3, '\0'));
  EXPECT_TRUE(run(file.allocate(10)).ok());
  EXPECT_EQ(*run(file.size()), 100'000U);
  sync(file);
  sync_directory("/");
  end(true);
  EXPECT_EQ(text("/a").size(), 100'000U);
}

TEST_F(DiskTest, TruncatedBytesDoNotComeBackWhenTheFileGrows) {
  save("/a", std::string(9000, 'x'));
  File& file = open("/a");
  EXPECT_TRUE(run(file.truncate(100)).ok());
  EXPECT_TRUE(run(file.truncate(9000)).ok());
  EXPECT_EQ(text("/a"), std::string(100, 'x') + std::string(8900, '\0'));
  sync(file);
  end(true);
  EXPECT_EQ(text("/a"), std::string(100, 'x') + std::string(8900, '\0'));
}

TEST_F(DiskTest, AFullDiskTakesWhatFits) {
  File& file = open("/a");
  write(file, 0, std::string(100, 'a'));
  device.set_capacity(150);
  EXPECT_EQ(*run(life->disk.space("/")), 50U);
  EXPECT_EQ(run(file.write(100, std::string(80, 'b'))).error().code, Errc::kNoSpace);
  EXPECT_EQ(run(file.allocate(200)).error().code, Errc::kNoSpace);
  EXPECT_TRUE(run(file.write(0, std::string(100, 'c'))).ok());
  device.set_capacity(1000);
  EXPECT_TRUE(run(file.write(100, std::string(80, 'b'))).ok());
}

TEST_F(DiskTest, WhatFilesGiveBackServesOthers) {
  device.set_capacity(1000);
  File& file = open("/a");
  File& other = open("/b");
  for (int i = 0; i < 5; ++i) {
    write(file, 0, std::string(900, 'a'));
    EXPECT_EQ(run(other.write(0, std::string(200, 'b'))).error().code, Errc::kNoSpace);
    EXPECT_TRUE(run(other.truncate(0)).ok());
    EXPECT_TRUE(run(file.truncate(700)).ok());
    EXPECT_TRUE(run(other.write(0, std::string(200, 'b'))).ok());
    EXPECT_TRUE(run(file.truncate(900)).ok()) << "a hole, which the simulated disk counts";
    EXPECT_EQ(run(other.allocate(300)).error().code, Errc::kNoSpace);
    EXPECT_TRUE(run(other.truncate(0)).ok());
  }
}

TEST_F(DiskTest, FilesThatComeAndGoLeaveTheOthersAlone) {
  write(open("/kept"), 0, "kept");
  for (int i = 0; i < 300; ++i) {
    const std::string name = "/" + std::to_string(i);
    write(open(name), 0, "x");
    EXPECT_TRUE(run(life->disk.remove(name)).ok());
    EXPECT_TRUE(run(life->disk.sync_directory("/")).ok());
  }
  EXPECT_EQ(device.image().files(), std::vector<std::string>{"/kept"});
  EXPECT_EQ(text("/kept"), "kept");
}

Task<void> write_quietly(File& file, std::uint64_t offset, std::string bytes) {
  const Result<void> done = co_await file.write(offset, std::move(bytes));
  static_cast<void>(done);
}

TEST_F(DiskTest, AbandonedOperationsTakePlaceInTheirOrder) {
  File& file = open("/a");
  group = std::make_unique<TaskGroup>(life->scheduler);
  for (int i = 0; i < 9; ++i) group->spawn(write_quietly(file, 0, std::string(1, char('a' + i))));
  kernel.run_until([&] { return device.under_way() == 9; }, kNeverVirtual);
  group.reset();
  EXPECT_EQ(device.under_way(), 9U);
  EXPECT_EQ(*run(file.read(0, 1)), "i");
}

TEST_F(DiskTest, AFileMayBeClosedOverItsOperations) {
  File& file = open("/a");
  group = std::make_unique<TaskGroup>(life->scheduler);
  group->spawn(write_quietly(file, 0, "last words"));
  kernel.run_until([&] { return device.under_way() == 1; }, kNeverVirtual);
  group.reset();
  held.clear();
  kernel.run_all();
  EXPECT_EQ(text("/a"), "last words");
}

TEST_F(DiskTest, TheLockIsGivenBackAfterTheDrain) {
  EXPECT_EQ(run(life->disk.lock("/no")).error().code, Errc::kNotFound);
  auto lock = run(life->disk.lock("/"));
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(run(life->disk.lock("/")).error().code, Errc::kBusy);
  EXPECT_EQ(text("/LOCK"), "");
  File& file = open("/a");
  group = std::make_unique<TaskGroup>(life->scheduler);
  group->spawn(write_quietly(file, 0, "x"));
  kernel.run_until([&] { return device.under_way() == 1; }, kNeverVirtual);
  group.reset();
  (*lock).reset();
  EXPECT_FALSE(device.take_lock("/"));
  kernel.run_all();
  EXPECT_EQ(text("/a"), "x");
  EXPECT_TRUE(run(life->disk.lock("/")).ok());
}

TEST_F(DiskTest, ACrashFreesTheLock) {
  auto lock = run(life->disk.lock("/"));
  ASSERT_TRUE(lock.ok());
  life->fence.begin_teardown();
  life->scheduler.stop();
  device.crash();
  (*lock).reset();
  life->fence.close();
  life.reset();
  begin();
  EXPECT_TRUE(run(life->disk.lock("/")).ok());
}

TEST_F(DiskTest, AStalledDeviceAnswersOnlyAfterwards) {
  File& file = open("/a");
  group = std::make_unique<TaskGroup>(life->scheduler);
  device.stall_until(kNeverVirtual);
  group->spawn(write_quietly(file, 0, "x"));
  kernel.run_until(VirtualTime(100s));
  EXPECT_EQ(group->size(), 1U);
  device.stall_until(kernel.now());
  kernel.run_all();
  EXPECT_EQ(group->size(), 0U);
  device.stall_until(kernel.now() + 5s);
  const VirtualTime before = kernel.now();
  sync(file);
  EXPECT_GE(kernel.now(), before + 5s);
}

TEST_F(DiskTest, DrawnStallsTakeLong) {
  device.faults().stall_ppm = 1'000'000;
  File& file = open("/a");
  const VirtualTime before = kernel.now();
  write(file, 0, "x");
  EXPECT_GE(kernel.now(), before + 10ms);
}

TEST_F(DiskTest, ANodeCanBeKilledAtEachBoundary) {
  const auto kill_at = [&](std::uint64_t number) {
    device.replace_image(DiskImage());
    save("/a", "old");
    group = std::make_unique<TaskGroup>(life->scheduler);
    File& file = open("/a");
    const std::uint64_t base = device.boundaries();
    std::string seen;
    device.set_boundary_hook([&](const Boundary& boundary) {
      if (boundary.number != base + number) return;
      seen = std::string(name_of(boundary.call)) + (boundary.after ? " after" : " before");
      device.set_boundary_hook({});
      life->fence.begin_teardown();
      life->scheduler.stop();
      device.crash();
    });
    group->spawn(write_quietly(file, 0, "new"));
    kernel.run_all();
    held.clear();
    group.reset();
    life->fence.close();
    life.reset();
    begin();
    return seen + ": " + text("/a");
  };
  EXPECT_EQ(kill_at(0), "write before: old");
  EXPECT_EQ(kill_at(1), "write after: new");
}

TEST_F(DiskTest, ASlowDiskTakesSoManyTimesAsLong) {
  File& file = open("/a");
  const auto time_of_sync = [&](const std::string& bytes) {
    write(file, 0, bytes);
    const VirtualTime before = kernel.now();
    sync(file);
    return kernel.now() - before;
  };
  device.options().sync = {.floor = 1ms};
  EXPECT_EQ(time_of_sync("quick"), 1ms);
  device.faults().slowness = 20;
  EXPECT_EQ(time_of_sync("slow"), 20ms);
  device.faults().slowness = 1;
  EXPECT_EQ(time_of_sync("again"), 1ms);
}

TEST_F(DiskTest, OperationsTakeTimeByTheirSize) {
  File& file = open("/a");
  const VirtualTime before = kernel.now();
  write(file, 0, std::string(64 * kMiB, 'x'));
  EXPECT_GE(kernel.now() - before, 32ms);
}

}  // namespace
}  // namespace detcd::sim
