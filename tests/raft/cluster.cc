#include "cluster.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace detcd::raft::testing {

void Disk::apply(const Save& save) {
  if (save.snapshot) {
    snapshot = save.snapshot;
    entries.clear();
  }
  if (save.truncate_from) {
    std::erase_if(entries, [&](const Entry& e) { return e.index >= *save.truncate_from; });
  }
  for (const Entry& entry : save.entries) {
    const Index last =
        entries.empty() ? (snapshot ? snapshot->index : Index()) : entries.back().index;
    if (entry.index != last.next()) throw std::logic_error("a save leaves a gap in the log");
    entries.push_back(entry);
  }
  if (save.hard_state) hard_state = *save.hard_state;
}

Restored Disk::restored(bool whole) const {
  Restored restored;
  restored.hard_state = hard_state;
  restored.snapshot = snapshot;
  restored.entries = entries;
  restored.applied = snapshot ? snapshot->index : Index();
  restored.whole = whole;
  return restored;
}

void Cluster::add(NodeId id, const Configuration& configuration) {
  Node& node = nodes_[id];
  node.config = base_;
  node.config.self = id;
  node.disk.snapshot = SnapshotMeta{Index(), Term(), 0, configuration};
  start(id);
}

void Cluster::set_log(NodeId id, const std::vector<Number>& terms, HardState hard_state) {
  Node& node = nodes_.at(id);
  node.disk.entries.clear();
  for (std::size_t i = 0; i < terms.size(); ++i) {
    Entry entry;
    entry.index = Index(i + 1);
    entry.term = Term(terms[i]);
    entry.data = Bytes("t" + std::to_string(terms[i]) + "i" + std::to_string(i + 1));
    node.disk.entries.push_back(std::move(entry));
  }
  node.disk.hard_state = hard_state;
  start(id);
}

void Cluster::start(NodeId id) {
  Node& node = nodes_.at(id);
  node.unsynced.clear();
  node.held.clear();
  node.to_install.reset();
  node.core.emplace(node.config, node.disk.restored(node.whole), now_);
  invariants_.restarted(id, *node.core);
}

void Cluster::step(NodeId id, decltype(Input::what) what) {
  Node& node = nodes_.at(id);
  if (!node.core) return;
  Output output = node.core->step({now_, std::move(what), leeway});
  invariants_.observe(id, *node.core);
  carry_out(id, std::move(output));
}

void Cluster::carry_out(NodeId id, Output output) {
  Node& node = nodes_.at(id);
  for (Event& event : output.events) {
    if (std::holds_alternative<RecoveryEnded>(event)) node.whole = true;
    node.events.push_back(std::move(event));
  }
  node.reads.insert(node.reads.end(), output.reads.begin(), output.reads.end());
  if (output.install) {
    node.to_install = output.install;
    node.install_after = output.save ? output.save->id : SaveId();
  }
  if (output.save) node.unsynced.push_back(std::move(*output.save));
  for (Outgoing& outgoing : output.messages) {
    const bool waits = !ignore_after && outgoing.after && !node.unsynced.empty() &&
                       *outgoing.after >= node.unsynced.front().id;
    if (waits) {
      node.held.push_back(std::move(outgoing));
    } else {
      post(std::move(outgoing.message));
    }
  }
  for (const Entry& entry : output.committed) {
    invariants_.observe_applied(id, entry);
    if (entry.kind == EntryKind::kCommand && !entry.data.empty()) {
      node.applied.push_back(entry.data.str());
    }
  }
  const Index last = output.committed.empty() ? Index() : output.committed.back().index;
  if (last > Index()) step(id, Applied{last});
  if (node.sync_at_once) sync(id);
}

void Cluster::sync(NodeId id, std::size_t saves) {
  Node& node = nodes_.at(id);
  for (; saves > 0 && node.core && !node.unsynced.empty(); --saves) {
    const Save save = std::move(node.unsynced.front());
    node.unsynced.pop_front();
    node.disk.apply(save);
    release(id, save.id);
    step(id, Persisted{save.id});
    if (node.to_install && node.install_after <= save.id) {
      const Index index = node.to_install->index;
      node.to_install.reset();
      invariants_.observe_installed(id, index);
      step(id, SnapshotInstalled{index});
    }
  }
}

void Cluster::release(NodeId id, SaveId persisted) {
  Node& node = nodes_.at(id);
  std::vector<Outgoing> still;
  for (Outgoing& outgoing : std::exchange(node.held, {})) {
    if (*outgoing.after <= persisted) {
      post(std::move(outgoing.message));
    } else {
      still.push_back(std::move(outgoing));
    }
  }
  node.held = std::move(still);
}

void Cluster::post(Message message) {
  if (filter && !filter(message)) return;
  network_.push_back(std::move(message));
}

void Cluster::tick_all() {
  for (auto& [id, node] : nodes_) tick(id);
}

void Cluster::advance(Duration duration, Duration step_length) {
  for (Duration passed{0}; passed < duration; passed += step_length) {
    now_ += step_length;
    tick_all();
    settle();
  }
}

void Cluster::propose(NodeId id, const std::string& command) {
  Propose propose;
  propose.commands.emplace_back(std::string_view(command));
  step(id, std::move(propose));
}

void Cluster::crash(NodeId id, std::size_t keep) {
  Node& node = nodes_.at(id);
  for (; keep > 0 && !node.unsynced.empty(); --keep) {
    node.disk.apply(node.unsynced.front());
    node.unsynced.pop_front();
  }
  node.unsynced.clear();
  node.held.clear();
  node.to_install.reset();
  node.applied.clear();
  node.core.reset();
}

void Cluster::damage(NodeId id, std::size_t entries, Term term) {
  Node& node = nodes_.at(id);
  if (node.disk.entries.size() > entries) node.disk.entries.resize(entries);
  node.disk.hard_state = HardState{term, std::nullopt, Index()};
  node.whole = false;
}

void Cluster::doubt(NodeId id) {
  nodes_.at(id).whole = false;
  step(id, Doubt{});
}

void Cluster::settle() {
  std::size_t steps = 0;
  while (!network_.empty()) {
    if (++steps > 100'000) throw std::logic_error("messages go round for ever");
    deliver_at(0, false);
  }
}

bool Cluster::deliver_one(const std::function<bool(const Message&)>& wanted) {
  const auto found = std::ranges::find_if(network_, wanted);
  if (found == network_.end()) return false;
  deliver_at(static_cast<std::size_t>(found - network_.begin()), false);
  return true;
}

void Cluster::deliver(const std::function<bool(const Message&)>& wanted) {
  for (std::size_t steps = 0; deliver_one(wanted); ++steps) {
    if (steps > 100'000) throw std::logic_error("messages go round for ever");
  }
}

void Cluster::drop(const std::function<bool(const Message&)>& unwanted) {
  std::erase_if(network_, unwanted);
}

void Cluster::deliver_at(std::size_t index, bool keep) {
  const auto at = network_.begin() + static_cast<std::ptrdiff_t>(index);
  Message message = *at;
  if (!keep) network_.erase(at);
  if (cuts_.contains({message.from.value(), message.to.value()})) return;
  const auto found = nodes_.find(message.to);
  if (found == nodes_.end() || !found->second.core) return;
  const NodeId to = message.to;
  step(to, Receive{std::move(message)});
}

void Cluster::isolate(NodeId id) {
  for (const auto& [other, node] : nodes_) {
    cut(id, other);
    cut(other, id);
  }
}

void Cluster::send_snapshot(NodeId from, NodeId to) {
  const Node& sender = nodes_.at(from);
  Message message{from, to, sender.core->status().term, InstallSnapshot{*sender.disk.snapshot}};
  post(std::move(message));
}

void Cluster::compact(NodeId id) {
  Node& node = nodes_.at(id);
  const Status status = node.core->status();
  const std::optional<Term> term = node.core->term_at(status.applied);
  if (!term || status.applied == Index() || status.applied > status.persisted) return;
  SnapshotMeta meta{status.applied, *term, 0, {}};
  const bool none = node.disk.snapshot && node.disk.snapshot->index >= status.applied;
  if (none) return;
  meta.configuration = invariants_.configuration_at(status.applied);
  for (const Entry& entry : node.core->entries(status.applied, status.applied)) {
    meta.time_ms = entry.time_ms;
  }
  std::erase_if(node.disk.entries, [&](const Entry& e) { return e.index <= meta.index; });
  node.disk.snapshot = meta;
  step(id, Compact{meta});
}

std::optional<NodeId> Cluster::leader() {
  std::optional<NodeId> found;
  Term term;
  for (auto& [id, node] : nodes_) {
    if (!node.core) continue;
    const Status status = node.core->status();
    if (status.role != RoleName::kLeader || status.term < term) continue;
    found = id;
    term = status.term;
  }
  return found;
}

void Cluster::elect(NodeId id) {
  step(id, Campaign{});
  settle();
}

std::vector<Event> Cluster::take_events(NodeId id) {
  return std::exchange(node(id).events, {});
}
std::vector<ReadState> Cluster::take_reads(NodeId id) {
  return std::exchange(node(id).reads, {});
}

Configuration voters(std::initializer_list<Number> ids) {
  Configuration configuration;
  for (const Number id : ids) configuration.voters.insert(NodeId(id));
  return configuration;
}

Cluster make_cluster(Number count, Config base) {
  Cluster cluster(std::move(base));
  Configuration configuration;
  for (Number id = 1; id <= count; ++id) configuration.voters.insert(NodeId(id));
  cluster.invariants().set_initial(configuration);
  for (Number id = 1; id <= count; ++id) cluster.add(NodeId(id), configuration);
  return cluster;
}

}  // namespace detcd::raft::testing
