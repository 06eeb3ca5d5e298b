#include "snapshot/store.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hash.h"
#include "tests/support/machine.h"

namespace detcd::snapshot {
namespace {

using test::CrashKind;
using test::Machine;

constexpr Identity kIdentity{.cluster_id = 7, .member_id = 9};

Chunk chunk_of(std::uint64_t id, std::size_t bytes, bool sealed) {
  std::string text;
  for (std::uint64_t word = 0; text.size() < bytes; ++word) {
    text.append(std::to_string(mix64(id, word)));
  }
  text.resize(bytes);
  Chunk chunk{.id = id, .hash = hash64(text), .sealed = sealed};
  chunk.bytes = Bytes::adopt(std::move(text));
  return chunk;
}

// The applied state at `index`: sealed chunks so far and an open one that grows.
Contents contents_at(std::uint64_t index) {
  Contents contents;
  contents.meta = {.index = raft::Index(index), .term = raft::Term(2), .time_ms = index * 10};
  contents.meta.configuration.voters = {raft::NodeId(9)};
  contents.state_hash = mix64(index);
  for (std::uint64_t id = 1; id <= index / 10; ++id)
    contents.chunks.push_back(chunk_of(id, 3000, true));
  contents.chunks.push_back(chunk_of(index / 10 + 1, index % 10 * 300, false));
  contents.small_state = "leases and members at " + std::to_string(index);
  return contents;
}

void expect_same(const Contents& found, const Contents& saved) {
  EXPECT_EQ(found.meta, saved.meta);
  EXPECT_EQ(found.state_hash, saved.state_hash);
  EXPECT_EQ(found.small_state, saved.small_state);
  ASSERT_EQ(found.chunks.size(), saved.chunks.size());
  for (std::size_t i = 0; i < saved.chunks.size(); ++i) {
    EXPECT_EQ(found.chunks[i].id, saved.chunks[i].id);
    EXPECT_EQ(found.chunks[i].hash, saved.chunks[i].hash);
    EXPECT_EQ(found.chunks[i].sealed, saved.chunks[i].sealed);
    EXPECT_EQ(found.chunks[i].bytes, saved.chunks[i].bytes);
  }
}

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    auto opened = machine_.run(Store::open(machine_.world(), Machine::kDirectory, kIdentity));
    ASSERT_TRUE(opened && opened->ok());
    store_ = std::move(**opened);
  }
  void reopen_after(CrashKind kind) {
    machine_.crash(kind);
    store_.reset();
    machine_.restart();
    open();
  }
  void save(std::uint64_t index) {
    const auto saved = machine_.run(store_->save(contents_at(index)));
    ASSERT_TRUE(saved && saved->ok()) << saved->error().message;
  }
  Result<std::optional<Contents>> load() { return std::move(*machine_.run(store_->load())); }
  void expect_loaded(std::uint64_t index) {
    const auto found = load();
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_TRUE(found->has_value());
    expect_same(**found, contents_at(index));
  }
  std::vector<std::string> files() { return machine_.disk().image().files(); }
  std::string file_with(std::string_view part) {
    for (const std::string& name : files()) {
      if (name.find(part) != std::string::npos) return name;
    }
    return "";
  }

  Machine machine_{1};
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, HoldsNothingAtFirst) {
  const auto found = load();
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->has_value());
}

TEST_F(StoreTest, LoadsWhatWasSavedAfterALossOfPower) {
  save(25);
  reopen_after(CrashKind::kPower);
  expect_loaded(25);
}

TEST_F(StoreTest, ReplacesTheFormerSnapshotAndRemovesWhatNobodyNames) {
  save(13);
  save(25);
  EXPECT_EQ(files().size(), 4u);  // The manifest, two sealed chunks, one prefix of an open one.
  reopen_after(CrashKind::kPower);
  expect_loaded(25);
}

TEST_F(StoreTest, DoesNotWriteAChunkAgainThatIsThere) {
  save(31);
  // Any write of a chunk but the new prefix would fail.
  machine_.disk().fail_next(sim::DiskCall::kWrite, "/0000000000000001-", 100);
  machine_.disk().fail_next(sim::DiskCall::kWrite, "/0000000000000003-", 100);
  save(32);
  reopen_after(CrashKind::kPower);
  expect_loaded(32);
  machine_.disk().fail_next(sim::DiskCall::kWrite, "/0000000000000001-", 100);
  save(33);
  expect_loaded(33);
}

TEST_F(StoreTest, HoldsLargeChunks) {
  Contents contents = contents_at(1);
  contents.chunks.push_back(chunk_of(50, (3 << 20) + 17, true));
  ASSERT_TRUE(machine_.run(store_->save(contents))->ok());
  reopen_after(CrashKind::kPower);
  const auto found = load();
  ASSERT_TRUE(found);
  expect_same(**found, contents);
}

TEST_F(StoreTest, AFailedSaveLeavesTheFormerSnapshot) {
  for (const sim::DiskCall call : {sim::DiskCall::kWrite, sim::DiskCall::kSync,
                                   sim::DiskCall::kRename, sim::DiskCall::kSyncDirectory}) {
    save(12);
    machine_.disk().fail_next(call, "", 1);
    EXPECT_FALSE(machine_.run(store_->save(contents_at(14)))->ok());
    expect_loaded(12);
  }
}

TEST_F(StoreTest, OfAnotherMemberIsRefused) {
  save(12);
  auto opened = machine_.run(Store::open(machine_.world(), Machine::kDirectory, Identity{7, 8}));
  ASSERT_TRUE(opened->ok());
  const auto found = machine_.run((**opened)->load());
  EXPECT_EQ(found->error().code, Errc::kIncompatible);
  // Nothing of it was removed.
  expect_loaded(12);
}

TEST_F(StoreTest, ReportsADamagedChunkByNameAndWritesItAgain) {
  save(25);
  const std::string name = file_with("/0000000000000002-");
  ASSERT_TRUE(machine_.disk().image().flip(name, 500, 4));
  const auto found = load();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::kDamaged);
  EXPECT_NE(found.error().message.find(name), std::string::npos);
  save(25);
  expect_loaded(25);
}

TEST_F(StoreTest, ReportsAMissingChunk) {
  save(25);
  ASSERT_TRUE(machine_.disk().image().remove(file_with("/0000000000000002-")).ok());
  EXPECT_EQ(load().error().code, Errc::kDamaged);
  reopen_after(CrashKind::kProcess);
  EXPECT_EQ(load().error().code, Errc::kDamaged);
  save(25);
  expect_loaded(25);
}

TEST_F(StoreTest, ReportsADamagedManifestAndTheNextSaveReplacesIt) {
  save(25);
  ASSERT_TRUE(machine_.disk().image().flip(file_with("MANIFEST"), 70, 4));
  EXPECT_EQ(load().error().code, Errc::kDamaged);
  reopen_after(CrashKind::kProcess);
  EXPECT_EQ(load().error().code, Errc::kDamaged);
  save(26);
  expect_loaded(26);
}

TEST_F(StoreTest, NothingChangesBeforeALoadThatSucceeds) {
  save(25);
  const auto leftover =
      machine_.run(machine_.world().disk.open("/data/x.tmp", runtime::OpenMode::kCreate));
  ASSERT_TRUE(leftover->ok());
  const std::string name = file_with("/0000000000000002-");
  ASSERT_TRUE(machine_.disk().image().flip(name, 500, 4));
  const std::vector<std::string> before = files();
  reopen_after(CrashKind::kProcess);
  EXPECT_FALSE(load());
  EXPECT_EQ(files(), before);
  ASSERT_TRUE(machine_.disk().image().flip(name, 500, 4));
  expect_loaded(25);
  EXPECT_EQ(files().size(), before.size() - 1);
}

TEST_F(StoreTest, WhatIsSetAsideIsKeptAndNotReadAgain) {
  for (const std::string_view damaged : {"/0000000000000002-", "MANIFEST"}) {
    save(25);
    const std::string name = file_with(damaged);
    ASSERT_TRUE(machine_.disk().image().flip(name, 70, 4));
    EXPECT_FALSE(load());
    ASSERT_TRUE(machine_.run(store_->set_aside())->ok());
    reopen_after(CrashKind::kPower);
    const auto found = load();
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_FALSE(found->has_value());
    save(26);
    reopen_after(CrashKind::kPower);
    expect_loaded(26);
    EXPECT_TRUE(machine_.disk().image().read_file(name + ".damaged").has_value());
  }
}

TEST_F(StoreTest, SeesAnyFlippedByteOfAnyFile) {
  save(12);
  for (const std::string& name : files()) {
    const std::size_t size = machine_.disk().image().read_file(name)->size();
    for (std::size_t offset = 0; offset < size; offset += 1 + offset / 200) {
      ASSERT_TRUE(machine_.disk().image().flip(name, offset, 0x41));
      EXPECT_FALSE(load()) << name << " at " << offset;
      ASSERT_TRUE(machine_.disk().image().flip(name, offset, 0x41));
    }
  }
  expect_loaded(12);
}

TEST(Pack, ComesBackAsItWas) {
  const Contents contents = contents_at(25);
  const Result<Contents> found = unpack(Bytes::adopt(pack(contents)));
  ASSERT_TRUE(found);
  expect_same(*found, contents);
}

TEST(Pack, RefusesAnyFlippedByteAndAnyPrefix) {
  const std::string packed = pack(contents_at(12));
  for (std::size_t offset = 0; offset < packed.size(); offset += 1 + offset / 100) {
    std::string altered = packed;
    altered[offset] ^= 0x11;
    EXPECT_FALSE(unpack(Bytes(altered))) << offset;
    EXPECT_FALSE(unpack(Bytes(packed.substr(0, offset)))) << offset;
  }
  EXPECT_FALSE(unpack(Bytes(packed + "x")));
}

// The first life ends at boundary `at` of its disk operations. False when it has fewer.
bool crash_at(std::uint64_t at, CrashKind kind) {
  SCOPED_TRACE("boundary " + std::to_string(at));
  Machine machine(at + 1);
  std::uint64_t saved = 0;
  std::uint64_t tried = 0;
  machine.crash_after(at, kind);
  auto store = machine.run(Store::open(machine.world(), Machine::kDirectory, kIdentity));
  for (const std::uint64_t index : {5, 12, 25, 27}) {
    if (machine.crashed()) break;
    tried = index;
    const auto done = machine.run((**store)->save(contents_at(index)));
    if (done && done->ok()) saved = index;
  }
  const bool reached = machine.crashed();
  machine.crash(kind);
  store.reset();
  machine.restart();
  store = machine.run(Store::open(machine.world(), Machine::kDirectory, kIdentity));
  const auto found = machine.run((**store)->load());
  EXPECT_TRUE(found->ok()) << found->error().message;
  if (!found->ok()) return false;
  const std::uint64_t index = **found ? (**found)->meta.index.value() : 0;
  EXPECT_TRUE(index == saved || index == tried) << index;
  if (index != 0) expect_same(***found, contents_at(index));
  // What was shown once stays, whatever of it was durable at the crash.
  machine.crash(CrashKind::kPower);
  store.reset();
  machine.restart();
  store = machine.run(Store::open(machine.world(), Machine::kDirectory, kIdentity));
  const auto again = machine.run((**store)->load());
  EXPECT_TRUE(again->ok()) << again->error().message;
  if (!again->ok()) return false;
  EXPECT_EQ(**again ? (**again)->meta.index.value() : 0, index);
  // Goes on from there.
  EXPECT_TRUE(machine.run((**store)->save(contents_at(30)))->ok());
  const auto last = machine.run((**store)->load());
  EXPECT_TRUE(last->ok());
  for (const std::string& name : machine.disk().image().files()) {
    EXPECT_FALSE(name.ends_with(".tmp")) << name;
  }
  EXPECT_EQ(machine.disk().image().files().size(), 5u);
  return reached;
}

TEST(Crash, AtEveryBoundaryLeavesTheOldOrTheNewSnapshot) {
  for (const CrashKind kind : {CrashKind::kProcess, CrashKind::kPower}) {
    std::uint64_t at = 0;
    while (crash_at(at, kind) && !::testing::Test::HasFailure()) ++at;
    EXPECT_GT(at, 100u);
  }
}

}  // namespace
}  // namespace detcd::snapshot
