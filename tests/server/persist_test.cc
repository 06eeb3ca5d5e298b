// A whole member whose peers are played by the test: what it makes durable and when, while leaders
// change and entries are being applied.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "raft/codec.h"
#include "server/convert.h"
#include "server/node.h"
#include "sim/machine/machine.h"
#include "wire/command_codec.h"

namespace detcd::server {
namespace {

constexpr std::uint64_t kCluster = 99;
constexpr std::uint64_t kMembers = 3;
constexpr std::uint64_t kLife = 7;
const raft::NodeId kSelf(1);

class CountsSnapshots final : public telemetry::Sink {
 public:
  void write(const telemetry::Record& record) override {
    if (record.message == "saved snapshot") ++saved;
  }
  std::uint64_t saved = 0;
};

NodeOptions options_of_first() {
  NodeOptions options;
  options.data_dir = "/data/n1";
  options.name = "n1";
  options.member_id = kSelf.value();
  options.cluster_id = kCluster;
  options.wal_segment_bytes = 64 << 10;
  options.election_timeout = 60s;  // Nobody but the test makes leaders.
  options.heartbeat_interval = 6s;
  for (std::uint64_t id = 1; id <= kMembers; ++id) {
    membership::Member member;
    member.id = id;
    member.peer_urls = {"http://n" + std::to_string(id) + ":2380"};
    options.initial_members.push_back(std::move(member));
  }
  return options;
}

raft::Entry command_at(std::uint64_t index, apply::Command command) {
  command.id = {5, index};
  raft::Entry entry;
  entry.term = raft::Term(2);
  entry.index = raft::Index(index);
  entry.data = wire::encode_command(command);
  return entry;
}
raft::Entry put_at(std::uint64_t index) {
  return command_at(index, {.request = apply::PutRequest{.key = "k", .value = "v"}});
}
// Takes as many steps as it has puts.
raft::Entry long_at(std::uint64_t index, std::size_t puts) {
  apply::TxnRequest txn;
  for (std::size_t i = 0; i < puts; ++i) {
    txn.success.push_back({apply::PutRequest{.key = "k" + std::to_string(i), .value = "v"}});
  }
  return command_at(index, {.request = std::move(txn)});
}

class OneOfThree {
 public:
  OneOfThree(std::uint64_t seed, NodeOptions options)
      : options_(std::move(options)),
        kernel_(seed),
        network_(kernel_),
        machine_(kernel_, network_, {.node = sim::NodeNumber(1), .host = "n1"}) {
    machine_.tasks().spawn(live());
    run_until([this] { return node_ != nullptr; });
  }
  ~OneOfThree() {
    machine_.kill(sim::Death::kCrash, [this] { node_.reset(); });
  }

  [[nodiscard]] Node& node() { return *node_; }
  [[nodiscard]] std::uint64_t applied() const { return node_->applier().applied().index; }
  [[nodiscard]] std::uint64_t snapshots() const { return log_.saved; }
  [[nodiscard]] runtime::Scheduler& scheduler() { return machine_.world().scheduler; }
  void spawn(runtime::Task<void> task) { machine_.tasks().spawn(std::move(task)); }

  template <class Condition>
  void run_until(Condition condition) {
    kernel_.run_until(condition, kernel_.now() + 10s);
    ASSERT_TRUE(condition()) << "it doesn't come within 10 s";
  }
  void idle(Duration duration) { kernel_.run_until(kernel_.now() + duration); }

  void hear(std::uint64_t from, std::uint64_t term, raft::Body body) {
    receiver().on_message(message(from, term, std::move(body)), kLife);
  }
  void hear_state(std::uint64_t from, std::uint64_t term, std::uint64_t index) {
    const std::unique_ptr<apply::Applier> state = applied_up_to(index);
    raft::SnapshotMeta meta{raft::Index(index), raft::Term(2), 0, configuration_};
    const Bytes packed = Bytes::adopt(snapshot::pack(contents_of(state->capture(), meta)));
    receiver().on_snapshot(message(from, term, raft::InstallSnapshot{meta}), packed, kLife);
  }

 private:
  [[nodiscard]] transport::Receiver& receiver() { return *node_; }
  static raft::Message message(std::uint64_t from, std::uint64_t term, raft::Body body) {
    return {raft::NodeId(from), kSelf, raft::Term(term), std::move(body)};
  }
  runtime::Task<void> live() {
    Result<std::unique_ptr<Node>> opened = co_await Node::open(
        machine_.world(), telemetry::Log(log_, telemetry::Level::kInfo), options_, nullptr);
    check(opened.ok(), "a new directory is opened");
    node_ = *std::move(opened);
    std::vector<std::unique_ptr<runtime::Listener>> nobody;
    const Stopped stopped = co_await node_->run(std::move(nobody));
    static_cast<void>(stopped);
  }
  // The founding entries, and empty ones after them.
  std::unique_ptr<apply::Applier> applied_up_to(std::uint64_t index) {
    auto state = std::make_unique<apply::Applier>(kCluster, options_.chunk_bytes);
    for (const raft::Entry& entry : bootstrap_save(options_.initial_members).entries) {
      Reader in(entry.data.view());
      const Result<raft::ConfigurationEntry> change = raft::decode_configuration_entry(in);
      check(change.ok(), "a founding entry is a configuration");
      state->configure({entry.index.value(), entry.term.value(), 0}, change->context);
      configuration_ = change->configuration;
    }
    for (std::uint64_t at = kMembers + 1; at <= index; ++at) state->skip({at, 2, 0});
    return state;
  }

  NodeOptions options_;
  CountsSnapshots log_;
  sim::Kernel kernel_;
  sim::SimNetwork network_;
  sim::Machine machine_;
  std::unique_ptr<Node> node_;
  raft::Configuration configuration_;
};

// n2 led and sent its state up to 10; before that was durable n3 led, so that the core passed n2's
// word over. n3 had applied less and sends its state up to 7: the one that is on the disk serves.
TEST(ReceivedState, ALaterOneOfADeposedLeaderServesForAnEarlierOne) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    OneOfThree member(seed, options_of_first());
    member.hear(2, 2, raft::Heartbeat{raft::Index(kMembers), 1});
    member.idle(10ms);
    member.hear_state(2, 2, 10);
    member.hear(3, 3, raft::Heartbeat{raft::Index(kMembers), 1});
    member.idle(1s);
    EXPECT_EQ(member.node().core().term(), raft::Term(3));
    EXPECT_LE(member.applied(), kMembers) << "the core took what a deposed leader sent";
    member.hear_state(3, 3, 7);
    member.run_until([&] { return member.applied() == 10; });
    EXPECT_EQ(member.node().core().commit(), raft::Index(10));
  }
}

// Commits entries two by two: the second, a long one, a turn or two after the first, so that it may
// begin while the snapshot that the first made due waits for its task's turn.
runtime::Task<void> commit_pairs(OneOfThree& member, std::uint64_t last) {
  for (std::uint64_t index = kMembers + 1; index < last; index += 2) {
    member.hear(2, 2, raft::Heartbeat{raft::Index(index), index});
    for (std::uint64_t turn = 0; turn < index / 2 % 3; ++turn) {
      co_await runtime::yield(member.scheduler());
    }
    member.hear(2, 2, raft::Heartbeat{raft::Index(index + 1), index + 1});
    co_await runtime::sleep_for(member.scheduler(), 100ms);  // The snapshot gets to the disk.
  }
}

TEST(Snapshots, AreTakenBetweenEntriesWhateverRunsFirst) {
  constexpr std::uint64_t kLast = 41;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    NodeOptions options = options_of_first();
    options.snapshot_count = 1;
    options.step_units = 1;
    OneOfThree member(seed, std::move(options));
    raft::AppendRequest append{.previous_index = raft::Index(kMembers),
                               .previous_term = raft::Term(1),
                               .commit = raft::Index(kMembers)};
    for (std::uint64_t at = kMembers + 1; at <= kLast; ++at) {
      append.entries.push_back(at % 2 == 0 ? put_at(at) : long_at(at, 6));
    }
    member.hear(2, 2, std::move(append));
    member.run_until([&] { return member.node().core().persisted() == raft::Index(kLast); });
    member.spawn(commit_pairs(member, kLast));
    member.run_until([&] { return member.applied() == kLast; });
    EXPECT_GT(member.snapshots(), 10U);
  }
}

}  // namespace
}  // namespace detcd::server
