// The judges of stopped disks and of bounds find what is planted, and nothing else.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/storage.h"
#include "sim/machine/machine.h"
#include "sim/oracles/bounds.h"
#include "sim/oracles/stopped.h"
#include "tests/sim/fixture.h"

namespace detcd::sim {
namespace {

class Silent final : public telemetry::Sink {
 public:
  void write(const telemetry::Record&) override {}
};

server::NodeOptions options() {
  server::NodeOptions options;
  options.data_dir = "/data";
  options.cluster_id = 9;
  options.member_id = 1;
  options.wal_segment_bytes = 16 << 10;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    membership::Member member;
    member.id = id;
    member.name = "n" + std::to_string(id);
    options.initial_members.push_back(member);
  }
  return options;
}

runtime::Task<Result<void>> serve(runtime::World world, telemetry::Log log, raft::Save save) {
  Result<server::Storage> storage = co_await server::open_storage(world, log, options());
  if (!storage) co_return storage.error();
  std::vector<raft::Save> saves;
  saves.push_back(std::move(save));
  co_return co_await storage->wal->save(std::move(saves));
}

// A member with entries up to index 10 of term 2, that voted for member 2 in term 3.
class StoppedTest : public testing::Test {
 protected:
  StoppedTest() {
    Kernel kernel(5);
    SimNetwork network(kernel, {});
    MachineOptions machine_options;
    machine_options.node = NodeNumber(1);
    machine_options.host = "n1";
    Machine machine(kernel, network, machine_options);
    raft::Save save;
    for (std::uint64_t index = 4; index <= 10; ++index) {
      raft::Entry entry;
      entry.term = raft::Term(2);
      entry.index = raft::Index(index);
      save.entries.push_back(std::move(entry));
    }
    save.hard_state = raft::HardState{raft::Term(3), raft::NodeId(2), raft::Index(5)};
    save.must_sync_hard_state = true;
    Silent silent;
    const telemetry::Log log(silent, telemetry::Level::kError);
    const runtime::World world = machine.world();
    const Result<void> done = run(kernel, world.scheduler, serve(world, log, std::move(save)));
    EXPECT_TRUE(done.ok());
    machine.kill(Death::kCrash);
    image = machine.disk().image();
  }
  std::string judge(const Promised& promised, bool honest = true) {
    StoppedMember stopped{.node = 1, .options = options(), .image = image, .promised = promised};
    stopped.honest = honest;
    const std::optional<Violation> found = judge_stopped(std::move(stopped), history);
    return found ? found->message : "";
  }
  Promised kept() {
    Promised promised;
    promised.synced = promised.match = raft::Index(10);
    promised.entry = raft::Term(2);
    promised.answered = promised.voted_in = raft::Term(3);
    promised.vote = raft::NodeId(2);
    return promised;
  }
  DiskImage image;
  History history;
};

TEST_F(StoppedTest, WhatIsKeptIsFine) {
  EXPECT_EQ(judge(kept()), "");
  EXPECT_EQ(judge({}), "");
}

TEST_F(StoppedTest, AForgottenPromiseIsFound) {
  Promised promised = kept();
  promised.synced = raft::Index(11);
  EXPECT_NE(judge(promised).find("ends at index 10"), std::string::npos);
  promised = kept();
  promised.answered = raft::Term(4);
  EXPECT_NE(judge(promised).find("older term"), std::string::npos);
  promised = kept();
  promised.vote = raft::NodeId(3);
  EXPECT_NE(judge(promised).find("lacks the vote of term 3"), std::string::npos);
  promised = kept();
  promised.entry = raft::Term(3);
  EXPECT_NE(judge(promised).find("lacks index 10"), std::string::npos);
  EXPECT_EQ(judge(promised, false), "") << "a disk that lied may have lost anything";
}

TEST_F(StoppedTest, WhatCannotBeOpenedIsFound) {
  std::string text = *image.read_file("/data/member/identity");
  text[0] = 'X';
  const Result<FileNumber> file = image.find_file("/data/member/identity");
  image.content(*file).write(0, text);
  EXPECT_NE(judge({}), "");
}

TEST(Bounds, WhatGoesBeyondIsNamed) {
  std::vector<std::string> found;
  BoundsOracle oracle([&found](std::string, std::string message) { found.push_back(message); });
  oracle.set_bounds({.append_bytes = 100, .applied_per_event = 3, .disk_operations = 2});
  raft::Message message;
  raft::AppendRequest append;
  append.entries.resize(1);
  append.entries[0].data = Bytes(std::string(200, 'x'));
  message.body = append;
  oracle.sent(1, message);
  EXPECT_TRUE(found.empty()) << "one entry goes, however large";
  append.entries.resize(2);
  message.body = append;
  oracle.sent(1, message);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].find("bytes in one append: n1"), std::string::npos);
  for (const std::uint64_t event : {7, 7, 7, 8, 8, 8}) oracle.applied(2, event);
  EXPECT_EQ(found.size(), 1U);
  oracle.applied(2, 8);
  EXPECT_EQ(found.size(), 2U);
  oracle.looked(3, {.disk_operations = 2});
  EXPECT_EQ(found.size(), 2U);
  oracle.looked(3, {.disk_operations = 3});
  EXPECT_EQ(found.size(), 3U);
}

}  // namespace
}  // namespace detcd::sim
