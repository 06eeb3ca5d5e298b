#include "server/storage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/hash.h"
#include "tests/support/machine.h"

namespace detcd::server {
namespace {

// What is logged, as text.
class Journal final : public telemetry::Sink {
 public:
  void write(const telemetry::Record& record) override {
    text += record.message;
    for (const telemetry::Field& field : record.fields) text += " " + field.json;
    text += "\n";
  }
  std::string text;
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
        machine.world(), telemetry::Log(journal, telemetry::Level::kInfo), options(members)));
  }
  void put_file(const std::string& path, const std::string& bytes) {
    const auto slash = path.rfind('/');
    ASSERT_TRUE(machine.run(machine.world().disk.make_directory(path.substr(0, slash)))->ok());
    auto file = machine.run(machine.world().disk.open(path, runtime::OpenMode::kCreate));
    ASSERT_TRUE(file->ok());
    ASSERT_TRUE(machine.run((**file)->write(0, bytes))->ok());
  }
  // Ends this life of the process, and what it had opened.
  void restart(std::optional<Result<Storage>> storage) {
    storage.reset();
    machine.restart();
  }
  // Opens, and saves `entries` more of term 2 and a vote in term 3.
  void serve(std::size_t members, std::uint64_t entries) {
    std::optional<Result<Storage>> storage = open(members);
    ASSERT_TRUE(storage->ok()) << storage->error().message;
    raft::Save save;
    for (std::uint64_t i = 1; i <= entries; ++i) {
      raft::Entry entry;
      entry.term = raft::Term(2);
      entry.index = raft::Index(members + i);
      save.entries.push_back(std::move(entry));
    }
    save.hard_state =
        raft::HardState{raft::Term(3), raft::NodeId(2), raft::Index(members + entries)};
    save.must_sync_hard_state = true;
    ASSERT_TRUE(machine.run((*storage)->wal->save({std::move(save)}))->ok());
    restart(std::move(storage));
  }
  // A snapshot up to `index`; trimmed: the log says that it goes on from there.
  void snapshot(std::size_t members, std::uint64_t index, bool trimmed) {
    std::optional<Result<Storage>> storage = open(members);
    ASSERT_TRUE(storage->ok()) << storage->error().message;
    snapshot::Contents contents;
    contents.meta.index = raft::Index(index);
    contents.meta.term = raft::Term(2);
    for (std::uint64_t id = 1; id <= members; ++id) {
      contents.meta.configuration.voters.insert(raft::NodeId(id));
    }
    const std::string bytes(3000, static_cast<char>('a' + index % 20));
    contents.chunks.push_back({1, hash64(bytes), false, Bytes(bytes)});
    const raft::SnapshotMeta mark = contents.meta;
    ASSERT_TRUE(machine.run((*storage)->snapshots->save(std::move(contents)))->ok());
    if (trimmed) {
      const raft::HardState state = (*storage)->recovered.hard_state;
      ASSERT_TRUE(machine.run((*storage)->wal->trim(mark, state))->ok());
    }
    restart(std::move(storage));
  }
  std::string file_with(std::string_view part) {
    for (const std::string& path : machine.disk().image().files()) {
      if (path.find(part) != std::string::npos) return path;
    }
    ADD_FAILURE() << "no file like " << part;
    return "";
  }
  std::map<std::string, std::string> everything() {
    std::map<std::string, std::string> files;
    for (const std::string& path : machine.disk().image().files()) {
      files[path] = *machine.disk().image().read_file(path);
    }
    return files;
  }
  // It came back as not whole, says so, and says so after each later start until it is whole.
  void expect_recovering(std::size_t members, std::string_view what) {
    journal.text.clear();
    for (int start = 0; start < 3; ++start) {
      std::optional<Result<Storage>> storage = open(members);
      ASSERT_TRUE(storage->ok()) << storage->error().message;
      EXPECT_NE((*storage)->recovered.health, wal::Recovered::Health::kWhole);
      EXPECT_GE((*storage)->recovered.hard_state.term, raft::Term(3)) << "its term isn't forgotten";
      if (start == 2) ASSERT_TRUE(machine.run((*storage)->wal->declare_whole())->ok());
      restart(std::move(storage));
    }
    EXPECT_NE(journal.text.find(what), std::string::npos) << journal.text;
    EXPECT_NE(journal.text.find("recovering: no vote"), std::string::npos) << journal.text;
    const std::optional<Result<Storage>> whole = open(members);
    ASSERT_TRUE(whole->ok()) << whole->error().message;
    EXPECT_EQ((*whole)->recovered.health, wal::Recovered::Health::kWhole);
  }
  // It stops, names the file, and has changed nothing.
  void expect_stop(std::string_view file) {
    const std::map<std::string, std::string> before = everything();
    const std::optional<Result<Storage>> storage = open(1);
    ASSERT_FALSE(storage->ok());
    EXPECT_EQ(storage->error().code, Errc::kDamaged);
    EXPECT_NE(storage->error().message.find(file), std::string::npos) << storage->error().message;
    EXPECT_NE(storage->error().message.find("offset"), std::string::npos);
    EXPECT_EQ(everything(), before);
  }
  Journal journal;
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
        .run(open_storage(other.world(), telemetry::Log(journal, telemetry::Level::kInfo),
                          options(3)))
        .reset();
    const bool crashed = other.crashed();
    other.restart();
    const auto storage = other.run(
        open_storage(other.world(), telemetry::Log(journal, telemetry::Level::kInfo), options(3)));
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
  const telemetry::Log log(journal, telemetry::Level::kInfo);
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
  const telemetry::Log log(journal, telemetry::Level::kInfo);
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

TEST_F(StorageTest, AMemberOfAClusterWithADamagedChunkRecovers) {
  serve(3, 20);
  snapshot(3, 20, true);
  const std::string chunk = file_with(".chunk");
  ASSERT_TRUE(machine.disk().rot(chunk, 1000, 4));
  expect_recovering(3, chunk);
  EXPECT_EQ(everything().count(chunk + ".damaged"), 1U) << "the evidence is kept";
}

TEST_F(StorageTest, AMemberOfAClusterWithADamagedManifestRecovers) {
  serve(3, 20);
  snapshot(3, 20, true);
  ASSERT_TRUE(machine.disk().rot(file_with("MANIFEST"), 70, 4));
  expect_recovering(3, "MANIFEST");
}

TEST_F(StorageTest, AMemberOfAClusterWhoseSnapshotIsMissingRecovers) {
  serve(3, 20);
  snapshot(3, 20, true);
  ASSERT_TRUE(machine.disk().image().remove(file_with("MANIFEST")).ok());
  expect_recovering(3, "goes on from a snapshot at index 20");
}

TEST_F(StorageTest, AMemberOfAClusterWhoseSnapshotCannotBeReadRecovers) {
  serve(3, 20);
  snapshot(3, 20, true);
  machine.disk().spoil(file_with(".chunk"), 600, 1);
  expect_recovering(3, ".chunk");
}

// The manifest's name is made durable before leftovers go; that this fails harms nothing.
TEST_F(StorageTest, AFailedSyncIsNoDamageOfTheSnapshot) {
  serve(3, 20);
  snapshot(3, 20, true);
  machine.disk().fail_next(sim::DiskCall::kSyncDirectory, "/member/snap", 1);
  std::optional<Result<Storage>> storage = open(3);
  ASSERT_FALSE(storage->ok());
  EXPECT_EQ(storage->error().code, Errc::kIo);
  restart(std::move(storage));
  storage = open(3);
  ASSERT_TRUE(storage->ok()) << storage->error().message;
  EXPECT_EQ((*storage)->recovered.health, wal::Recovered::Health::kWhole);
  ASSERT_TRUE((*storage)->snapshot);
  EXPECT_EQ((*storage)->snapshot->meta.index, raft::Index(20));
}

TEST_F(StorageTest, ALogThatHoldsEverythingNeedsNoSnapshot) {
  for (const std::size_t members : {1U, 3U}) {
    serve(members, 20);
    snapshot(members, 20, false);
    ASSERT_TRUE(machine.disk().rot(file_with(".chunk"), 1000, 4));
    journal.text.clear();
    std::optional<Result<Storage>> storage = open(members);
    ASSERT_TRUE(storage->ok()) << storage->error().message;
    EXPECT_EQ((*storage)->recovered.health, wal::Recovered::Health::kWhole);
    EXPECT_EQ((*storage)->recovered.entries.size(), members + 20);
    EXPECT_FALSE((*storage)->snapshot.has_value());
    EXPECT_NE(journal.text.find("isn't needed"), std::string::npos) << journal.text;
    restart(std::move(storage));
    for (const std::string& path : machine.disk().image().files()) {
      ASSERT_TRUE(machine.disk().image().remove(path).ok());
    }
  }
}

TEST_F(StorageTest, ASingleMemberWithADamagedSnapshotStopsAndSaysWhere) {
  serve(1, 20);
  snapshot(1, 20, true);
  ASSERT_TRUE(machine.disk().rot(file_with(".chunk"), 1000, 4));
  expect_stop(".chunk");
  ASSERT_TRUE(machine.disk().rot(file_with(".chunk"), 1000, 4));
  ASSERT_TRUE(machine.disk().rot(file_with("MANIFEST"), 20, 4));
  expect_stop("MANIFEST");
}

TEST_F(StorageTest, AnOlderSnapshotThanTheLogGoesOnFromIsNoBase) {
  serve(1, 20);
  snapshot(1, 10, true);
  const std::string old = *machine.disk().image().read_file(file_with("MANIFEST"));
  snapshot(1, 20, true);
  const std::string path = file_with("MANIFEST");
  put_file(path, old);
  const std::optional<Result<Storage>> storage = open(1);
  ASSERT_FALSE(storage->ok()) << "the entries between are gone";
  EXPECT_EQ(storage->error().code, Errc::kDamaged);
}

TEST_F(StorageTest, AMemberOfAClusterWithADamagedIdentityRecovers) {
  serve(3, 5);
  ASSERT_TRUE(machine.disk().rot("/data/n1/member/identity", 10, 1));
  expect_recovering(3, "member/identity: offset 24");
}

TEST_F(StorageTest, AMemberOfAClusterWhoseIdentityIsGoneIsNotMadeAnew) {
  serve(3, 5);
  ASSERT_TRUE(machine.disk().image().remove("/data/n1/member/identity").ok());
  expect_recovering(3, "member/identity");
}

TEST_F(StorageTest, TheDirectoryOfAnotherMemberIsRefusedAndLeftAlone) {
  serve(3, 5);
  NodeOptions others = options(3);
  others.member_id = 2;
  const std::map<std::string, std::string> before = everything();
  const auto open_as_other = [&] {
    return machine.run(
        open_storage(machine.world(), telemetry::Log(journal, telemetry::Level::kInfo), others));
  };
  std::optional<Result<Storage>> storage = open_as_other();
  ASSERT_FALSE(storage->ok());
  EXPECT_EQ(storage->error().code, Errc::kIncompatible);
  EXPECT_EQ(everything(), before);
  // Flags that don't know the directory's member are those of another time, and ignored.
  others.initial_members = {founder(2), founder(3), founder(4)};
  storage = open_as_other();
  ASSERT_TRUE(storage->ok()) << storage->error().message;
  EXPECT_EQ((*storage)->identity.member_id, 1U);
}

TEST_F(StorageTest, ADamagedIdentityIsNotReplacedByThatOfAnotherMember) {
  serve(3, 5);
  ASSERT_TRUE(machine.disk().rot("/data/n1/member/identity", 10, 1));
  NodeOptions others = options(3);
  others.member_id = 2;
  const std::map<std::string, std::string> before = everything();
  const auto storage = machine.run(
      open_storage(machine.world(), telemetry::Log(journal, telemetry::Level::kInfo), others));
  ASSERT_FALSE(storage->ok());
  EXPECT_EQ(storage->error().code, Errc::kIncompatible);
  EXPECT_EQ(everything(), before);
}

// Whenever it dies on the way, it comes back as what it is, and gets through in the end.
TEST_F(StorageTest, AMemberThatDiesWhileItGivesUpItsSnapshotStillRecovers) {
  for (const auto kind : {test::CrashKind::kProcess, test::CrashKind::kPower}) {
    bool died = true;
    for (std::uint64_t boundary = 0; died; ++boundary) {
      ASSERT_LT(boundary, 500U);
      SCOPED_TRACE("boundary " + std::to_string(boundary));
      serve(3, 20);
      snapshot(3, 20, true);
      const std::string damaged = boundary % 2 == 0 ? ".chunk" : "MANIFEST";
      ASSERT_TRUE(machine.disk().rot(file_with(damaged), 70, 4));
      machine.crash_after(boundary, kind);
      open(3).reset();
      died = machine.crashed();
      machine.restart();
      expect_recovering(3, "");
      if (HasFailure()) return;
      for (const std::string& path : machine.disk().image().files()) {
        ASSERT_TRUE(machine.disk().image().remove(path).ok());
      }
    }
  }
}

TEST(BootstrapSave, IsTheSameOnEveryMember) {
  const raft::Save one = bootstrap_save({founder(1), founder(2), founder(3)});
  const raft::Save two = bootstrap_save({founder(3), founder(1), founder(2)});
  EXPECT_EQ(one.entries, two.entries);
}

// ETCD.md §9.2: its log comes from the others, and nothing is lost when it hasn't come yet.
TEST_F(StorageTest, AMemberThatJoinsBeginsWithNoLog) {
  NodeOptions joining = options(3);
  joining.joining = true;
  joining.member_id = 77;
  const auto open_with = [&](const NodeOptions& how) {
    return machine.run(
        open_storage(machine.world(), telemetry::Log(journal, telemetry::Level::kInfo), how));
  };
  std::optional<Result<Storage>> storage = open_with(joining);
  ASSERT_TRUE(storage->ok()) << storage->error().message;
  EXPECT_TRUE((*storage)->fresh);
  EXPECT_TRUE((*storage)->recovered.entries.empty());
  EXPECT_EQ((*storage)->identity.member_id, 77U);
  restart(std::move(storage));
  // The flags may say anything by now: the ids that they would give aren't this member's.
  storage = open_with(options(3));
  ASSERT_TRUE(storage->ok()) << storage->error().message;
  EXPECT_FALSE((*storage)->fresh);
  EXPECT_EQ((*storage)->identity.member_id, 77U);
  EXPECT_EQ((*storage)->recovered.health, wal::Recovered::Health::kWhole);
  EXPECT_TRUE((*storage)->recovered.entries.empty()) << "the founders' entries aren't its own";
}

}  // namespace
}  // namespace detcd::server
