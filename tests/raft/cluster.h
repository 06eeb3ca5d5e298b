// A cluster of pure cores with a network, disks and state machines of values: what a server does
// around a core, without waiting. Nothing happens by itself; tests say what is delivered, synced,
// lost and when. Every step is followed by the checks of invariants.h.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "invariants.h"
#include "raft/raft.h"

namespace detcd::raft::testing {

using Number = std::uint64_t;

// What a disk holds that lost nothing it acknowledged.
struct Disk {
  HardState hard_state;
  std::optional<SnapshotMeta> snapshot;
  std::vector<Entry> entries;

  void apply(const Save& save);
  [[nodiscard]] Restored restored(bool whole = true) const;
};

struct Node {
  Config config;
  std::optional<Raft> core;  // None: crashed.
  Disk disk;
  std::deque<Save> unsynced;
  std::vector<Outgoing> held;  // Waiting for a save.
  bool sync_at_once = true;
  bool whole = true;  // Else the next start is as Recovering, until RecoveryEnded.
  std::optional<SnapshotMeta> to_install;
  SaveId install_after;
  std::vector<Event> events;         // Since the last look.
  std::vector<ReadState> reads;      // Since the last look.
  std::vector<std::string> applied;  // Commands, in order; what a snapshot brought is not repeated.
};

class Cluster {
 public:
  explicit Cluster(Config base = {}) : base_(std::move(base)) {}

  // Nodes start with this configuration at index 0, so that logs can be written as in the papers.
  void add(NodeId id, const Configuration& configuration);
  // Starts a node anew with entries of these terms and this hard state.
  void set_log(NodeId id, const std::vector<Number>& terms, HardState hard_state);
  void start(NodeId id);

  void step(NodeId id, decltype(Input::what) what);
  void tick(NodeId id) { step(id, Tick{}); }
  void tick_all();
  // Time passes in steps of `step`, with a tick of all nodes and all deliveries at each.
  void advance(Duration duration, Duration step = 10ms);
  void pass(Duration duration) { now_ += duration; }
  void propose(NodeId id, const std::string& command);
  void sync(NodeId id, std::size_t saves = SIZE_MAX);
  // The first `keep` unsynced saves survive.
  void crash(NodeId id, std::size_t keep = 0);
  // The disk forgets: only its first `entries` entries and the hard state of `term` are left.
  void damage(NodeId id, std::size_t entries, Term term);
  // Everybody's messages, until nothing is under way.
  void settle();
  // One message that `wanted` is true for, the oldest; whether there was one.
  bool deliver_one(const std::function<bool(const Message&)>& wanted);
  void deliver(const std::function<bool(const Message&)>& wanted);
  void drop(const std::function<bool(const Message&)>& unwanted);
  void deliver_at(std::size_t index, bool keep);
  void cut(NodeId a, NodeId b) { cuts_.insert({a.value(), b.value()}); }
  void isolate(NodeId id);
  void heal() { cuts_.clear(); }
  // The shell's part in a snapshot: `from` sends its newest, `to` has its bytes.
  void send_snapshot(NodeId from, NodeId to);
  void compact(NodeId id);

  [[nodiscard]] Node& node(NodeId id) { return nodes_.at(id); }
  [[nodiscard]] Raft& core(NodeId id) { return *nodes_.at(id).core; }
  [[nodiscard]] Status status(NodeId id) { return nodes_.at(id).core->status(); }
  [[nodiscard]] bool alive(NodeId id) const { return nodes_.at(id).core.has_value(); }
  [[nodiscard]] std::map<NodeId, Node, IdOrder>& nodes() { return nodes_; }
  [[nodiscard]] std::deque<Message>& network() { return network_; }
  [[nodiscard]] TimePoint now() const { return now_; }
  [[nodiscard]] Invariants& invariants() { return invariants_; }
  [[nodiscard]] std::optional<NodeId> leader();
  // Its shell learns that it forgot something, and remembers that.
  void doubt(NodeId id);
  // Elects `id` by its timer's stand-in, Campaign, and all deliveries.
  void elect(NodeId id);
  [[nodiscard]] std::vector<Event> take_events(NodeId id);
  [[nodiscard]] std::vector<ReadState> take_reads(NodeId id);
  // Messages are seen by this before they enter the network; false loses them.
  std::function<bool(Message&)> filter;
  // Ways that are open anyway, taken with every step from now on.
  Leeway leeway;
  // A broken shell: messages don't wait for the saves that make them true.
  bool ignore_after = false;

 private:
  void carry_out(NodeId id, Output output);
  void release(NodeId id, SaveId persisted);
  void post(Message message);

  Config base_;
  TimePoint now_{Duration(1s)};
  std::map<NodeId, Node, IdOrder> nodes_;
  std::deque<Message> network_;
  std::set<std::pair<Number, Number>> cuts_;
  Invariants invariants_;
};

[[nodiscard]] inline NodeId n(Number id) {
  return NodeId(id);
}
[[nodiscard]] Configuration voters(std::initializer_list<Number> ids);
// A cluster of voters 1..count.
[[nodiscard]] Cluster make_cluster(Number count, Config base = {});

template <class E>
[[nodiscard]] std::vector<E> of_kind(const std::vector<Event>& events) {
  std::vector<E> found;
  for (const Event& event : events) {
    if (const E* match = std::get_if<E>(&event)) found.push_back(*match);
  }
  return found;
}

template <class B>
[[nodiscard]] bool is(const Message& message) {
  return std::holds_alternative<B>(message.body);
}

}  // namespace detcd::raft::testing
