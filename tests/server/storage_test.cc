#include "server/storage.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/machine.h"

namespace detcd::server {
namespace {

class Silence final : public telemetry::Sink {
 public:
  void write(const telemetry::Record&) override {}
};

membership::Member founder(std::uint64_t id) {
  membership::Member member;
  member.id = id;
  member.peer_urls = {"http://n" + std::to_string(id) + ":2380"};
  return member;
}

NodeOptions options(std::size_t members) {
  NodeOptions options;
  options.data_dir = "/data/n1";
  options.member_id = 1;
  options.cluster_id = 99;
  options.wal_segment_bytes = 64 << 10;
  for (std::uint64_t id = 1; id <= members; ++id) options.initial_members.push_back(founder(id));
  return options;
}

class StorageTest : public testing::Test {
 protected:
  std::optional<Result<Storage>> open(std::size_t members = 1) {
    return machine.run(open_storage(
        machine.world(), telemetry::Log(silence, telemetry::Level::kInfo), options(members)));
  }
  void put_file(const std::string& path, const std::string& bytes) {
    const auto slash = path.rfind('/');
    ASSERT_TRUE(machine.run(machine.world().disk.make_directory(path.substr(0, slash)))->ok());
    auto file = machine.run(machine.world().disk.open(path, runtime::OpenMode::kCreate));
    ASSERT_TRUE(file->ok());
    ASSERT_TRUE(machine.run((**file)->write(0, bytes))->ok());
  }
  Silence silence;
  test::Machine machine{3};
};

TEST_F(StorageTest, ANewDirectoryHoldsOneCommittedEntryPerMember) {
  const std::optional<Result<Storage>> storage = open(3);
  ASSERT_TRUE(storage->ok()) << storage->error().message;
  EXPECT_TRUE((*storage)->fresh);
  EXPECT_EQ((*storage)->recovered.entries.size(), 3U);
  EXPECT_EQ((*storage)->recovered.hard_state.commit, raft::Index(3));
  EXPECT_EQ((*storage)->recovered.hard_state.term, raft::Term(1));
}

TEST_F(StorageTest, ASecondOpenFindsWhatTheFirstMade) {
  open(3).reset();
  machine.restart();
  const std::optional<Result<Storage>> storage = open(3);
  ASSERT_TRUE(storage->ok()) << storage->error().message;
  EXPECT_FALSE((*storage)->fresh);
  EXPECT_EQ((*storage)->recovered.entries.size(), 3U);
}

TEST_F(StorageTest, TheDirectorysOwnNameSurvivesAPowerLoss) {
  open().reset();
  machine.crash(test::CrashKind::kPower);
  machine.restart();
  const std::optional<Result<Storage>> storage = open();
  ASSERT_TRUE(storage->ok()) << storage->error().message;
  EXPECT_FALSE((*storage)->fresh) << "the whole directory was lost";
}

TEST_F(StorageTest, ABootstrapThatWasInterruptedAnywhereIsDoneAgain) {
  for (std::uint64_t boundary = 0; boundary < 400; ++boundary) {
    test::Machine other(boundary);
    other.crash_after(boundary, test::CrashKind::kPower);
    other
        .run(open_storage(other.world(), telemetry::Log(silence, telemetry::Level::kInfo),
                          options(3)))
        .reset();
    const bool crashed = other.crashed();
    other.restart();
    const auto storage = other.run(
        open_storage(other.world(), telemetry::Log(silence, telemetry::Level::kInfo), options(3)));
    ASSERT_TRUE(storage->ok()) << "boundary " << boundary << ": " << storage->error().message;
    EXPECT_EQ((*storage)->recovered.entries.size(), 3U) << "boundary " << boundary;
    if (!crashed) return;
  }
  FAIL() << "the bootstrap has more boundaries than the test expects";
}

NodeOptions with_log_at(std::string wal_dir, std::string data_dir = "/data/n1") {
  NodeOptions elsewhere = options(1);
  elsewhere.data_dir = std::move(data_dir);
  elsewhere.wal_dir = std::move(wal_dir);
  return elsewhere;
}

TEST_F(StorageTest, AnInterruptedBootstrapWithItsLogElsewhereIsDoneAgain) {
  const telemetry::Log log(silence, telemetry::Level::kInfo);
  for (std::uint64_t boundary = 0; boundary < 400; ++boundary) {
    test::Machine other(boundary);
    other.crash_after(boundary, test::CrashKind::kPower);
    other.run(open_storage(other.world(), log, with_log_at("/data/log"))).reset();
    const bool crashed = other.crashed();
    other.restart();
    const auto storage = other.run(open_storage(other.world(), log, with_log_at("/data/log")));
    ASSERT_TRUE(storage->ok()) << "boundary " << boundary << ": " << storage->error().message;
    EXPECT_EQ((*storage)->recovered.entries.size(), 1U) << "boundary " << boundary;
    if (!crashed) return;
  }
  FAIL() << "the bootstrap has more boundaries than the test expects";
}

TEST_F(StorageTest, ALogElsewhereThatIsNotThisMembersIsLeftAlone) {
  const telemetry::Log log(silence, telemetry::Level::kInfo);
  const auto refused = [&](NodeOptions asked) {
    const std::optional<Result<Storage>> storage =
        machine.run(open_storage(machine.world(), log, std::move(asked)));
    EXPECT_FALSE(storage->ok());
    return storage->ok() ? Errc::kInternal : storage->error().code;
  };
  put_file("/data/mine/letter.txt", "precious");
  EXPECT_EQ(refused(with_log_at("/data/mine")), Errc::kIncompatible);
  put_file("/data/n1/member/wal/0000000000000000-0000000000000000.wal", "etcd's");
  EXPECT_EQ(refused(options(1)), Errc::kIncompatible);
  // Another data directory, by mistake: the log of the first one stays whole.
  const NodeOptions first = with_log_at("/data/log", "/data/n2");
  machine.run(open_storage(machine.world(), log, first)).reset();
  machine.restart();
  EXPECT_EQ(refused(with_log_at("/data/log", "/data/n3")), Errc::kIncompatible);
  const auto storage = machine.run(open_storage(machine.world(), log, first));
  ASSERT_TRUE(storage->ok()) << storage->error().message;
  EXPECT_EQ((*storage)->recovered.entries.size(), 1U);
  EXPECT_EQ(refused(with_log_at("/data/log", "/data/n4")), Errc::kBusy) << "it is in use";
  const std::vector<std::string> files = machine.disk().image().files();
  EXPECT_NE(std::ranges::find(files, "/data/mine/letter.txt"), files.end());
}

TEST_F(StorageTest, ADirectoryInUseIsRefused) {
  const std::optional<Result<Storage>> first = open();
  ASSERT_TRUE(first->ok());
  const std::optional<Result<Storage>> second = open();
  ASSERT_FALSE(second->ok());
  EXPECT_EQ(second->error().code, Errc::kBusy);
  EXPECT_NE(second->error().message.find("/data/n1"), std::string::npos);
}

TEST_F(StorageTest, ADirectoryOfEtcdIsRefusedAndLeftAlone) {
  put_file("/data/n1/member/snap/db", "bbolt");
  const std::vector<std::string> before = machine.disk().image().files();
  const std::optional<Result<Storage>> storage = open();
  ASSERT_FALSE(storage->ok());
  EXPECT_EQ(storage->error().code, Errc::kIncompatible);
  EXPECT_EQ(machine.disk().image().files(), before);
}

TEST_F(StorageTest, ADamagedIdentityNamesItsFile) {
  open().reset();
  ASSERT_TRUE(machine.disk().rot("/data/n1/member/identity", 10, 1));
  machine.restart();
  const std::optional<Result<Storage>> storage = open();
  ASSERT_FALSE(storage->ok());
  EXPECT_EQ(storage->error().code, Errc::kDamaged);
  EXPECT_NE(storage->error().message.find("member/identity"), std::string::npos);
}

TEST_F(StorageTest, ASingleMemberWithADamagedLogStopsAndSaysWhere) {
  open().reset();
  machine.restart();
  open().reset();  // The second life witnesses the first one's batch.
  machine.restart();
  std::string segment;
  for (const std::string& path : machine.disk().image().files()) {
    if (segment.empty() && path.ends_with(".wal")) segment = path;
  }
  for (std::uint64_t offset = 512; offset < 4096; offset += 512) {
    machine.disk().rot(segment, offset + 8, 0xff);
  }
  const std::optional<Result<Storage>> storage = open();
  ASSERT_FALSE(storage->ok());
  EXPECT_EQ(storage->error().code, Errc::kDamaged) << storage->error().message;
  EXPECT_NE(storage->error().message.find(".wal at offset "), std::string::npos);
}

TEST_F(StorageTest, AMemberOfAClusterWhoseLogIsGoneAsksItsFounders) {
  open(3).reset();
  machine.restart();
  for (const std::string& path : machine.disk().image().files()) {
    if (path.ends_with(".wal")) ASSERT_TRUE(machine.disk().rot(path, 3, 0xff));
  }
  const std::optional<Result<Storage>> storage = open(3);
  ASSERT_TRUE(storage->ok()) << storage->error().message;
  EXPECT_NE((*storage)->recovered.health, wal::Recovered::Health::kWhole);
  EXPECT_EQ((*storage)->recovered.entries.size(), 3U);
}

// A received snapshot became durable, and the log, which hadn't heard of it, goes on beyond it with
// what a former leader never committed.
TEST_F(StorageTest, AnotherHistorysEntriesBehindAReceivedSnapshotAreGone) {
  std::optional<Result<Storage>> storage = open(3);
  ASSERT_TRUE(storage->ok()) << storage->error().message;
  raft::Save save;
  for (std::uint64_t index = 4; index <= 20; ++index) {
    save.entries.push_back({.term = raft::Term(1), .index = raft::Index(index)});
  }
  std::vector<raft::Save> saves;
  saves.push_back(std::move(save));
  ASSERT_TRUE(machine.run((*storage)->wal->save(std::move(saves)))->ok());
  snapshot::Contents received;
  received.meta.index = raft::Index(10);
  received.meta.term = raft::Term(3);
  for (const std::uint64_t id : {1, 2, 3}) {
    received.meta.configuration.voters.insert(raft::NodeId(id));
  }
  ASSERT_TRUE(machine.run((*storage)->snapshots->save(received))->ok());
  for (int starts = 0; starts < 2; ++starts) {
    storage.reset();
    machine.restart();
    storage = open(3);
    ASSERT_TRUE(storage->ok()) << storage->error().message;
    EXPECT_TRUE((*storage)->recovered.entries.empty());
    EXPECT_EQ((*storage)->recovered.hard_state.commit, raft::Index(10));
    EXPECT_EQ((*storage)->recovered.hard_state.term, raft::Term(3));
  }
}

TEST(BootstrapSave, IsTheSameOnEveryMember) {
  const raft::Save one = bootstrap_save({founder(1), founder(2), founder(3)});
  const raft::Save two = bootstrap_save({founder(3), founder(1), founder(2)});
  EXPECT_EQ(one.entries, two.entries);
}

}  // namespace
}  // namespace detcd::server
