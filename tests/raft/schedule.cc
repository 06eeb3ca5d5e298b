#include "schedule.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::raft::testing {
namespace {

// A failed check inside the core is a violation like others: it must not end the shrinking.
void throw_promise(std::string_view promise, const std::source_location& where) {
  throw std::logic_error(std::string(promise) + " (" + where.file_name() + ":" +
                         std::to_string(where.line()) + ")");
}

class ChecksThrow {
 public:
  ChecksThrow() : former_(set_check_handler(throw_promise)) {}
  ~ChecksThrow() { set_check_handler(former_); }
  ChecksThrow(const ChecksThrow&) = delete;
  ChecksThrow& operator=(const ChecksThrow&) = delete;

 private:
  CheckHandler former_;
};

Config config_of(const Plan& plan) {
  Config config;
  config.seed = plan.seed;
  config.pre_vote = plan.pre_vote;
  config.check_quorum = plan.check_quorum;
  config.lease_reads = plan.lease_reads && plan.check_quorum;
  config.append_bytes_max = 100;
  config.inflight_messages_max = 1 + plan.seed % 4;
  config.inflight_bytes_max = 400;
  config.catch_up_entries = plan.seed % 3;
  return config;
}

std::string name(NodeId id) {
  return "n" + std::to_string(id.value());
}

}  // namespace

Schedule::Schedule(const Plan& plan)
    : plan_(plan), nodes_(plan.voters + 2), cluster_(config_of(plan)) {
  Configuration configuration;
  for (Number id = 1; id <= plan.voters; ++id) configuration.voters.insert(NodeId(id));
  cluster_.invariants().set_initial(configuration);
  // The last two aren't members yet.
  for (Number id = 1; id <= nodes_; ++id) {
    cluster_.add(NodeId(id), id <= plan.voters ? configuration : Configuration{});
    cluster_.node(NodeId(id)).sync_at_once = false;
  }
  cluster_.ignore_after = plan.sabotage == Sabotage::kAnswerBeforeSync;
}

bool Schedule::run(const std::vector<std::uint32_t>& actions) {
  const ChecksThrow checks_throw;
  try {
    for (const std::uint32_t action : actions) {
      act(action);
      look();
      if (!violations_.empty()) return false;
    }
    if (plan_.sabotage == Sabotage::kNone) calm();
  } catch (const std::logic_error& error) {
    violations_.push_back(error.what());
    note(std::string("stopped: ") + error.what());
  }
  return violations_.empty();
}

void Schedule::act(std::uint32_t action) {
  const std::uint32_t kind = action % 100;
  // Mixed, so that shrinking a number doesn't only lower all of its parts.
  const auto choice = static_cast<std::uint32_t>(mix64(action / 100));
  const std::uint64_t ways = plan_.leeway ? mix64(action, 1) : 0;
  cluster_.leeway = {.single_entries = ways % 4 == 1,
                     .snapshot_first = ways / 4 % 8 == 1,
                     .shortest_timeout = ways / 32 % 4 == 1};
  if (kind < 18) return time_action(choice);
  if (kind < 72) return message_action(choice, kind);
  if (kind < 88) return client_action(choice, kind);
  fault_action(choice, kind);
}

void Schedule::time_action(std::uint32_t choice) {
  const std::uint32_t length = (choice >> 8) % 16;
  cluster_.pass(Duration(length == 0 ? 700ms : length * 20ms));
  if (choice % 3 == 0) return cluster_.tick_all();
  cluster_.tick(pick(choice));
}

void Schedule::message_action(std::uint32_t choice, std::uint32_t kind) {
  std::deque<Message>& network = cluster_.network();
  if (kind < 30) {
    const NodeId id = pick(choice);
    return cluster_.sync(id, 1 + (choice >> 8) % 3);
  }
  if (network.empty()) return;
  if (kind < 36) {  // In order, for a while: without it nothing much is ever agreed on.
    for (std::uint32_t i = 0; i < 20 + choice % 20 && !network.empty(); ++i) {
      cluster_.deliver_at(0, false);
      for (Number id = 1; id <= nodes_; ++id) cluster_.sync(NodeId(id));
    }
    return;
  }
  const std::size_t index = choice % network.size();
  if (kind < 60) return cluster_.deliver_at(0, false);
  if (kind < 66) return cluster_.deliver_at(index, false);
  if (kind < 69) return cluster_.deliver_at(index, true);
  network.erase(network.begin() + static_cast<std::ptrdiff_t>(index));
}

void Schedule::client_action(std::uint32_t choice, std::uint32_t kind) {
  const NodeId id = choice % 4 == 0 ? pick(choice >> 4) : cluster_.leader().value_or(pick(choice));
  if (!cluster_.alive(id)) return;
  if (kind < 79) {
    const std::string padding((choice >> 6) % 3 * 20, '.');
    return cluster_.propose(id, "c" + std::to_string(++next_command_) + padding);
  }
  if (kind < 82) {
    read_floor_[++next_read_] = cluster_.invariants().highest_commit();
    note(name(id) + " read " + std::to_string(next_read_));
    return cluster_.step(id, Read{next_read_});
  }
  if (kind < 84) return cluster_.compact(id);
  if (kind < 86) return ship(false);
  if (kind < 87) return change(id, choice >> 4);
  cluster_.step(id, TransferLeadership{pick(choice >> 4)});
}

void Schedule::change(NodeId id, std::uint32_t choice) {
  ChangeConfiguration change;
  for (Number node = 1; node <= nodes_; ++node) {
    const std::uint32_t draw = (choice >> (2 * node)) & 3;
    if (draw >= 2) change.target.voters.insert(NodeId(node));
    if (draw == 1) change.target.learners.insert(NodeId(node));
  }
  change.force_joint = choice % 2 == 0;
  note(name(id) + " change");
  cluster_.step(id, std::move(change));
}

void Schedule::fault_action(std::uint32_t choice, std::uint32_t kind) {
  const NodeId id = pick(choice);
  if (kind < 91) return cluster_.step(id, Campaign{});
  if (kind < 93) {
    note("isolate " + name(id));
    return cluster_.isolate(id);
  }
  if (kind < 95) return cluster_.heal();
  if (!cluster_.alive(id)) {
    note("start " + name(id));
    return cluster_.start(id);
  }
  crash(id, choice >> 4);
  // What was forgotten matters only while others still remember it.
  if (plan_.sabotage != Sabotage::kNone) cluster_.start(id);
}

void Schedule::crash(NodeId id, std::uint32_t choice) {
  note("crash " + name(id));
  cluster_.crash(id, choice % 4);
  Node& node = cluster_.node(id);
  if (plan_.sabotage == Sabotage::kForgetVotes) node.disk.hard_state.vote.reset();
  if (plan_.sabotage == Sabotage::kForgetLog && !node.disk.entries.empty()) {
    node.disk.entries.resize(node.disk.entries.size() / 2);
  }
  const bool others_whole =
      std::ranges::all_of(cluster_.nodes(), [](const auto& each) { return each.second.whole; });
  if (plan_.damage && others_whole && choice % 3 == 0) {
    note("damage " + name(id));
    const Number term = node.disk.hard_state.term.value();
    cluster_.damage(id, node.disk.entries.size() * ((choice >> 3) % 4) / 3, Term(term / 2));
    // Its disk doesn't show it, but a peer tells it before anything else happens.
    if ((choice >> 5) % 2 == 0) {
      node.whole = true;
      cluster_.start(id);
      note("doubt " + name(id));
      cluster_.doubt(id);
    }
  }
}

// The shells ship what was asked for; some of it gets lost.
void Schedule::ship(bool all) {
  for (const auto& [from, to] : std::exchange(shipments_, {})) {
    const bool delivered = all || (from.value() + next_command_) % 4 != 0;
    if (!cluster_.alive(from)) continue;
    note(name(from) + " ships to " + name(to));
    if (delivered) cluster_.send_snapshot(from, to);
    cluster_.step(from, SnapshotReported{to, delivered});
  }
}

void Schedule::look() {
  for (auto& [id, node] : cluster_.nodes()) {
    for (const Event& event : cluster_.take_events(id)) {
      note(name(id) + ": " + describe(event));
      if (const auto* needed = std::get_if<SnapshotNeeded>(&event)) {
        shipments_.emplace_back(id, needed->to);
      }
    }
    for (const ReadState& read : cluster_.take_reads(id)) {
      if (read.index >= read_floor_[read.read_id]) continue;
      violations_.push_back(name(id) + " answers read " + std::to_string(read.read_id) +
                            " from index " + std::to_string(read.index.value()) +
                            " though more was committed when it began");
    }
  }
  for (const std::string& violation : cluster_.invariants().violations()) {
    violations_.push_back(violation);
  }
}

// Where two voters are needed for everything, one that may have forgotten stops the cluster.
bool Schedule::cannot_recover() {
  return std::ranges::any_of(cluster_.nodes(), [&](auto& each) {
    const Configuration members = cluster_.status(each.first).configuration;
    const bool of_two = members.voters.size() <= 2 || members.voters_outgoing.size() == 2 ||
                        members.voters_outgoing.size() == 1;
    return of_two && std::ranges::any_of(cluster_.nodes(), [&](auto& other) {
             return members.is_voter(other.first) && !other.second.whole;
           });
  });
}

// Everything works again: a leader must come to be and carry a command to every member.
void Schedule::calm() {
  note("calm");
  cluster_.heal();
  for (Number id = 1; id <= nodes_; ++id) {
    if (!cluster_.alive(NodeId(id))) cluster_.start(NodeId(id));
    cluster_.node(NodeId(id)).sync_at_once = true;
    cluster_.sync(NodeId(id));
  }
  const std::string last = "last";
  for (int round = 0; round < 60; ++round) {
    cluster_.advance(500ms, 100ms);
    look();
    ship(true);
    if (!violations_.empty()) return;
    const std::optional<NodeId> leader = cluster_.leader();
    if (!leader) continue;
    const Configuration members = cluster_.status(*leader).configuration;
    const bool reached = std::ranges::all_of(cluster_.nodes(), [&](auto& each) {
      const std::vector<std::string>& applied = each.second.applied;
      return !members.contains(each.first) || (!applied.empty() && applied.back() == last);
    });
    if (reached && !members.joint()) return;
    if (round % 10 == 5) cluster_.propose(*leader, last);
  }
  if (cannot_recover()) return;
  for (auto& [id, node] : cluster_.nodes()) {
    const Status status = cluster_.status(id);
    note(name(id) + ": " + std::string(name_of(status.role)) + ", term " +
         std::to_string(status.term.value()) + ", last " +
         std::to_string(status.last_index.value()) + " of term " +
         std::to_string(status.last_term.value()) + ", commit " +
         std::to_string(status.commit.value()) + ", " +
         describe(ConfigurationChanged{status.configuration, status.configuration_index}));
  }
  violations_.push_back("in the calm, not every member got the last command");
}

}  // namespace detcd::raft::testing
