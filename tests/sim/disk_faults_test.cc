// What goes wrong with a virtual disk: failures, full disks, harm, and what is known of it.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/sim/disk_fixture.h"

namespace detcd::sim {
namespace {

using runtime::File;
using runtime::OpenMode;

TEST_F(DiskTest, PlannedFailuresStrikeOnce) {
  File& file = open("/a");
  device.fail_next(DiskCall::kWrite, "a", 1);
  EXPECT_EQ(run(file.write(0, "x")).error().code, Errc::kIo);
  EXPECT_TRUE(run(file.write(0, "x")).ok());
  device.fail_next(DiskCall::kRead, "a", 1);
  EXPECT_EQ(run(file.read(0, 1)).error().code, Errc::kIo);
  EXPECT_TRUE(run(file.read(0, 1)).ok());
  device.fail_next(DiskCall::kRename, "a", 1);
  EXPECT_EQ(run(life->disk.rename("/a", "/b")).error().code, Errc::kIo);
}

TEST_F(DiskTest, DrawnErrorsStrikeAtTheirRate) {
  File& file = open("/a");
  device.faults().write_error_ppm = 200'000;
  device.faults().read_error_ppm = 200'000;
  int writes = 0;
  int reads = 0;
  for (int i = 0; i < 500; ++i) {
    writes += run(file.write(0, "abc")).ok() ? 0 : 1;
    reads += run(file.read(0, 3)).ok() ? 0 : 1;
  }
  EXPECT_NEAR(writes, 100, 40);
  EXPECT_NEAR(reads, 100, 40);
}

TEST_F(DiskTest, AFailedSyncThatDropsDirtLiesAtTheNextOne) {
  save("/a", std::string(8192, 'o'));
  File& file = open("/a");
  write(file, 0, std::string(8192, 'n'));
  device.faults().sync_failure = SyncFailure::kDropDirty;
  device.fail_next(DiskCall::kSync, "/a", 1);
  EXPECT_EQ(run(file.sync()).error().code, Errc::kIo);
  sync(file);
  EXPECT_EQ(text("/a"), std::string(8192, 'n'));
  end(true);
  EXPECT_NE(text("/a").find('o'), std::string::npos);
}

TEST_F(DiskTest, AFailedSyncThatKeepsDirtMaySucceedLater) {
  save("/a", std::string(8192, 'o'));
  File& file = open("/a");
  write(file, 0, std::string(8192, 'n'));
  device.faults().sync_failure = SyncFailure::kKeepDirty;
  device.fail_next(DiskCall::kSync, "/a", 1);
  EXPECT_EQ(run(file.sync()).error().code, Errc::kIo);
  sync(file);
  end(true);
  EXPECT_EQ(text("/a"), std::string(8192, 'n'));
}

TEST_F(DiskTest, AStickySyncFailureStays) {
  File& file = open("/a");
  device.faults().sync_failure = SyncFailure::kSticky;
  device.fail_next(DiskCall::kSync, "/a", 1);
  EXPECT_EQ(run(file.sync()).error().code, Errc::kIo);
  EXPECT_EQ(run(file.sync()).error().code, Errc::kIo);
  end(false);
  sync(open("/a"));
}

TEST_F(DiskTest, ALyingDeviceLosesWhatItAcknowledged) {
  save("/a", std::string(512, 'o'));
  device.faults().lying_sync_ppm = 1'000'000;
  device.options().power_loss = {.file_old = 1, .file_new = 0, .file_mixed = 0};
  File& file = open("/a");
  write(file, 0, std::string(512, 'n'));
  sync(file);
  end(true);
  EXPECT_EQ(text("/a"), std::string(512, 'o'));
}

TEST_F(DiskTest, ALieIsKnownAsSuchUntilARealSync) {
  save("/a", std::string(1024, 'o'));
  device.faults().lying_sync_ppm = 1'000'000;
  File& file = open("/a");
  write(file, 512, std::string(512, 'n'));
  sync(file);
  EXPECT_EQ(device.counts().lies, 1U);
  ASSERT_EQ(device.image().harmed().size(), 1U);
  EXPECT_EQ(device.image().harmed()[0].what, (HarmedSector{1, Harm::kLie, 2, true}));
  device.faults().lying_sync_ppm = 0;
  sync(file);
  EXPECT_TRUE(device.image().harmed().empty());
}

TEST_F(DiskTest, ALostWriteIsSeenWhenTheCacheIsGone) {
  save("/a", std::string(1024, 'o'));
  device.betray_next_sync({Harm::kLostWrite, "/a", 3});
  File& file = open("/a");
  write(file, 512, std::string(512, 'n'));
  sync(file);
  EXPECT_EQ(device.counts().lost_writes, 1U);
  EXPECT_EQ(text("/a"), std::string(512, 'o') + std::string(512, 'n'));
  EXPECT_EQ(device.describe_harm(), "/a sector 1: a lost write took write 2");
  end(false);
  EXPECT_EQ(text("/a"), std::string(512, 'o') + std::string(512, 'n')) << "the cache lives on";
  end(true);
  EXPECT_EQ(text("/a"), std::string(1024, 'o'));
  ASSERT_EQ(device.image().harmed().size(), 1U);
  EXPECT_FALSE(device.image().harmed()[0].what.latent);
  save("/a", std::string(1024, 'w'));
  EXPECT_TRUE(device.image().harmed().empty()) << "written anew it is whole";
  end(true);
  EXPECT_EQ(text("/a"), std::string(1024, 'w'));
}

TEST_F(DiskTest, AMisdirectedWriteHarmsTwoPlaces) {
  save("/a", std::string(4096, 'a'));
  save("/b", std::string(4096, 'b'));
  device.betray_next_sync({Harm::kMisdirected, "/", 11});
  File& file = open("/a");
  write(file, 1024, std::string(512, 'n'));
  sync(file);
  EXPECT_EQ(device.counts().misdirected_writes, 1U);
  EXPECT_EQ(device.image().harmed().size(), 2U);
  EXPECT_EQ(text("/a").substr(1024, 512), std::string(512, 'n'));
  end(true);
  EXPECT_EQ(text("/a").substr(1024, 512), std::string(512, 'a'));
  EXPECT_NE((text("/a") + text("/b")).find(std::string(512, 'n')), std::string::npos);
}

TEST_F(DiskTest, HarmThatNobodySawCanBeUndone) {
  save("/a", std::string(512, 'o'));
  device.betray_next_sync({Harm::kLostWrite, "/a", 3});
  save("/a", std::string(512, 'n'));
  EXPECT_TRUE(device.image().heal_latent());
  EXPECT_FALSE(device.image().heal_latent());
  end(true);
  EXPECT_EQ(text("/a"), std::string(512, 'n'));
}

TEST_F(DiskTest, ASectorKnowsWhichWriteItComesFrom) {
  save("/a", std::string(1024, 'o'));
  File& file = open("/a");
  write(file, 512, std::string(512, 'x'));
  write(file, 512, std::string(512, 'y'));
  const FileContent& content = device.image().content(*device.image().find_file("/a"));
  EXPECT_EQ(content.shown_by(0), 1U);
  EXPECT_EQ(content.shown_by(1), 3U);
  EXPECT_EQ(content.durable_by(1), 1U);
  ASSERT_NE(device.write_of(3), nullptr);
  EXPECT_EQ(device.write_of(3)->path, "/a");
  EXPECT_EQ(device.write_of(3)->offset, 512U);
  EXPECT_EQ(device.write_of(0), nullptr);
  EXPECT_EQ(device.write_of(4), nullptr);
  device.options().power_loss = {.file_old = 1, .file_new = 0, .file_mixed = 0};
  end(true);
  EXPECT_EQ(device.describe_losses(), "/a sector 1: write 3 (older bytes are there)");
  EXPECT_EQ(device.image().content(*device.image().find_file("/a")).shown_by(1), 1U);
  EXPECT_EQ(device.counts().lost_sectors, 1U);
}

TEST_F(DiskTest, TheDeviceMayHaveTakenAnEarlierVersion) {
  device.options().power_loss = {.file_old = 0, .file_new = 0, .file_mixed = 1};
  device.options().power_loss.sector_torn = device.options().power_loss.sector_garbage = 0;
  std::set<char> seen;
  for (int round = 0; round < 60; ++round) {
    save("/a", std::string(512, 'o'));
    File& file = open("/a");
    for (const char c : {'x', 'y', 'z'}) write(file, 0, std::string(512, c));
    end(true);
    seen.insert(text("/a").at(0));
  }
  EXPECT_EQ(seen, (std::set<char>{'o', 'x', 'y', 'z'}));
}

TEST_F(DiskTest, WithoutRoomNothingGrowsAndWithNoneNothingIsWritten) {
  save("/a", std::string(100, 'a'));
  File& file = open("/a");
  device.faults().room = Room::kNoGrowth;
  EXPECT_EQ(*run(life->disk.space("/")), 0U);
  EXPECT_TRUE(run(file.write(0, "b")).ok());
  EXPECT_EQ(run(file.write(99, "bb")).error().code, Errc::kNoSpace);
  EXPECT_EQ(text("/a"), "b" + std::string(98, 'a') + "b") << "what fits is written";
  EXPECT_EQ(run(file.allocate(200)).error().code, Errc::kNoSpace);
  EXPECT_EQ(run(life->disk.open("/n", OpenMode::kCreate)).error().code, Errc::kNoSpace);
  EXPECT_EQ(run(life->disk.make_directory("/d")).error().code, Errc::kNoSpace);
  EXPECT_TRUE(run(life->disk.rename("/a", "/c")).ok());
  device.faults().room = Room::kNone;
  EXPECT_EQ(run(file.write(0, "c")).error().code, Errc::kNoSpace);
  EXPECT_EQ(run(life->disk.rename("/c", "/a")).error().code, Errc::kNoSpace);
  EXPECT_EQ(device.counts().no_space, 6U);
  device.faults().room = Room::kPlenty;
  EXPECT_TRUE(run(file.write(99, "bb")).ok());
}

TEST_F(DiskTest, OperationsOnNamesFailAtTheirRate) {
  device.faults().name_error_ppm = 500'000;
  int failed = 0;
  for (int i = 0; i < 100; ++i) {
    failed += run(life->disk.open("/a" + std::to_string(i), OpenMode::kCreate)).ok() ? 0 : 1;
    failed += run(life->disk.sync_directory("/")).ok() ? 0 : 1;
  }
  EXPECT_NEAR(failed, 100, 40);
  EXPECT_EQ(device.counts().name_errors, static_cast<std::uint64_t>(failed));
  EXPECT_EQ(device.counts().failures(), static_cast<std::uint64_t>(failed));
}

TEST_F(DiskTest, WhoeverAsksLearnsWhatIsAtTheDevice) {
  File& file = open("/a");
  std::vector<DiskCall> calls;
  VirtualTime due;
  device.set_start_hook([&](const DiskOperation& operation, VirtualTime when) {
    calls.push_back(operation.call);
    due = when;
  });
  write(file, 0, "x");
  EXPECT_TRUE(run(file.read(0, 1)).ok());
  sync(file);
  EXPECT_EQ(calls, (std::vector<DiskCall>{DiskCall::kWrite, DiskCall::kSync}));
  EXPECT_EQ(due, kernel.now());
}

TEST_F(DiskTest, BitsRotAndBadSectorsHealWhenWritten) {
  save("/a", std::string(4096, '\0'));
  File& file = open("/a");
  EXPECT_TRUE(device.rot("/a", 77, 0x10));
  EXPECT_FALSE(device.rot("/a", 5000, 0x10));
  EXPECT_EQ(run(file.read(77, 1))->at(0), 0x10);
  end(true);
  EXPECT_EQ(text("/a")[77], 0x10);
  const auto spot = device.choose_spot("a", 0x8000'0000'0000'0000ULL);
  ASSERT_TRUE(spot.has_value());
  EXPECT_EQ(spot->path, "/a");
  EXPECT_EQ(spot->offset, 2048U);
  EXPECT_FALSE(device.choose_spot("b", 1).has_value());

  File& again = open("/a");
  device.spoil("/a", 1024, 512);
  EXPECT_TRUE(run(again.read(0, 1024)).ok());
  EXPECT_EQ(run(again.read(1500, 10)).error().code, Errc::kIo);
  write(again, 1024, std::string(512, 'w'));
  EXPECT_TRUE(run(again.read(1500, 10)).ok());
}

}  // namespace
}  // namespace detcd::sim
