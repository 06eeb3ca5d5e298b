#include "sim/oracles/cluster.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "sim/oracles/tale.h"

namespace detcd::sim {
namespace {

std::string member(std::uint32_t node) {
  return "n" + std::to_string(node);
}

}  // namespace

class ClusterOracle::Member final : public server::Observer {
 public:
  Member(ClusterOracle& oracle, std::uint32_t node, DiskHistory disk)
      : oracle_(oracle), node_(node), disk_(disk) {}
  ~Member() override {
    for (const auto& other : oracle_.oracles_) other->on_death(node_);
  }

  void on_proposed(apply::RequestId request, std::uint64_t trace) override {
    if (trace == 0) return;
    const auto call = oracle_.history_.calls.find(trace);
    const bool keeps = call != oracle_.history_.calls.end() &&
                       std::holds_alternative<KeepAlive>(call->second.operation);
    if (keeps) {
      oracle_.history_.renewed[request].push_back(trace);
    } else {
      oracle_.history_.proposed.emplace(request, trace);
    }
  }
  void on_command(const apply::Position& position, const apply::Command& command) override {
    oracle_.note_leases(position, command);
    oracle_.note_access(position, command);
    for (const auto& other : oracle_.oracles_) other->on_command(node_, position, command);
  }
  void on_applied(const apply::Position& position, std::optional<apply::RequestId> request,
                  std::uint64_t state_hash) override {
    if (position.index <= applied_) {
      oracle_.fail("applied order", member(node_) + " applied index " +
                                        std::to_string(position.index) + " after " +
                                        std::to_string(applied_));
    }
    applied_ = position.index;
    if (oracle_.event_) oracle_.bounds_.applied(node_, oracle_.event_());
    oracle_.applied(node_, position, request, state_hash);
    for (const auto& other : oracle_.oracles_) other->on_applied(node_, position);
  }
  void on_installed(const apply::Position& position, std::uint64_t state_hash) override {
    applied_ = position.index;
    if (oracle_.teller_) {
      oracle_.teller_(node_, "takes over a snapshot up to index " + std::to_string(position.index));
    }
    oracle_.installed(node_, position, state_hash);
    for (const auto& other : oracle_.oracles_) other->on_installed(node_, position);
  }
  void on_alarms(apply::LogIndex index, const std::vector<apply::AlarmMember>& active) override {
    const auto [known, fresh] = oracle_.history_.alarms.emplace(index, active);
    if (!fresh && known->second != active) {
      oracle_.fail("alarms",
                   "two members have different alarms after index " + std::to_string(index));
    }
    if (oracle_.teller_ && fresh) {
      oracle_.teller_(node_, active.empty()
                                 ? "no alarm is active any more"
                                 : "an alarm is active, up to index " + std::to_string(index));
    }
  }
  void on_read(std::uint64_t trace, apply::LogIndex index) override {
    if (trace != 0) oracle_.history_.read_at[trace].push_back({node_, index});
    for (const auto& other : oracle_.oracles_) other->on_read(node_, trace, index);
  }
  void on_recovered(wal::Recovered::Health health, const raft::Raft& restored) override {
    oracle_.recall(node_, restored);
    for (const auto& other : oracle_.oracles_) other->on_recovered(node_, health, restored);
    if (health == wal::Recovered::Health::kDamaged) {
      judge_loss("a member takes its log for damaged although its disk kept all that was synced: ");
    }
  }
  void on_send(const raft::Message& message) override {
    for (const auto& other : oracle_.oracles_) other->on_send(node_, message);
    oracle_.bounds_.sent(node_, message);
  }
  void on_receive(const raft::Message& message, std::uint64_t life) override {
    for (const auto& other : oracle_.oracles_) other->on_receive(node_, message);
    if (oracle_.tap_) oracle_.tap_(node_, message, life);
  }
  void on_raft_event(const raft::Event& event) override {
    if (oracle_.teller_) oracle_.tell_event(node_, event);
    if (const auto* changed = std::get_if<raft::RoleChanged>(&event)) {
      if (changed->to == raft::RoleName::kRecovering) {
        judge_loss("a member doubts its log although its disk kept all that was synced: ");
        oracle_.recovering(node_);
      }
      if (changed->to == raft::RoleName::kLeader) {
        oracle_.elected(node_, changed->term);
      }
    }
    for (const auto& other : oracle_.oracles_) other->on_event(node_, event);
    if (const auto* vote = std::get_if<raft::VoteCast>(&event)) {
      oracle_.voted(node_, *vote);
    }
    if (const auto* followed = std::get_if<raft::LeaderChanged>(&event)) {
      oracle_.followed(node_, *followed);
    }
    if (std::holds_alternative<raft::RecoveryEnded>(event)) ++oracle_.numbers_.recoveries;
  }
  void on_step(const raft::Raft& core) override {
    judge_recovery(core);
    for (const auto& other : oracle_.oracles_) other->on_step(node_, core);
    // The whole state is looked at now and then: it costs as much as the log is long.
    constexpr std::uint64_t kStepsPerVerify = 64;
    if (++steps_ % kStepsPerVerify == 0) core.verify();
    const raft::Index commit = core.commit();
    if (commit < commit_) {
      oracle_.fail("monotone commit", member(node_) + " moved its commit index back from " +
                                          std::to_string(commit_.value()) + " to " +
                                          std::to_string(commit.value()));
    }
    if (core.term() < term_) {
      oracle_.fail("monotone term", member(node_) + " moved its term back from " +
                                        std::to_string(term_.value()) + " to " +
                                        std::to_string(core.term().value()));
    }
    term_ = core.term();
    const bool commits = commit > commit_ && core.role() == raft::RoleName::kLeader;
    if (commits && oracle_.teller_) oracle_.tell_commit(node_, core);
    if (commit > commit_) oracle_.committed(node_, core, commit_.next(), commit);
    // The event of the election comes after the step that won it.
    const bool leads = core.role() == raft::RoleName::kLeader;
    if (leads && !was_leader_) oracle_.check_leader(node_, core);
    if (leads && was_leader_ && commit > commit_) oracle_.check_commit_rule(node_, core);
    commit_ = commit;
    was_leader_ = leads;
    oracle_.memory_[node_].synced = core.persisted();
  }

 private:
  void judge_loss(const std::string& what) const {
    if (disk_ == DiskHistory::kHonest) oracle_.fail("honest disk", what + member(node_));
  }

  // All that it forgot it acknowledged was committed, or never will be, before it asked; and that
  // is before the entry that makes it whole (src/raft/recovery.cc).
  void judge_recovery(const raft::Raft& core) {
    const bool recovers = core.role() == raft::RoleName::kRecovering;
    if (recovers && !recovered_) owed_ = raft::Index(oracle_.highest_committed());
    if (!recovers && recovered_ && core.persisted() < owed_) {
      oracle_.fail("durable log",
                   "a member takes itself for whole without what was committed when it began to "
                   "recover: " +
                       member(node_) + " has synced up to index " +
                       std::to_string(core.persisted().value()) + " of " +
                       std::to_string(owed_.value()));
    }
    recovered_ = recovers;
  }

  ClusterOracle& oracle_;
  std::uint32_t node_;
  DiskHistory disk_;
  raft::Index owed_;        // Committed when it began to recover.
  bool recovered_ = false;  // It was Recovering at the step before.
  std::uint64_t applied_ = 0;
  std::uint64_t steps_ = 0;
  raft::Index commit_;
  raft::Term term_;
  bool was_leader_ = false;
};

std::unique_ptr<server::Observer> ClusterOracle::observer(std::uint32_t node, DiskHistory disk) {
  return std::make_unique<Member>(*this, node, disk);
}

void ClusterOracle::tell_event(std::uint32_t node, const raft::Event& event) {
  const std::string what = in_words(event, history_.members);
  if (!what.empty()) teller_(node, what);
}

void ClusterOracle::tell_commit(std::uint32_t node, const raft::Raft& core) {
  const std::optional<raft::Term> term = core.term_at(core.commit());
  teller_(node, "commits up to index " + std::to_string(core.commit().value()) +
                    (term ? ", of term " + std::to_string(term->value()) : ""));
}

void ClusterOracle::fail(std::string oracle, std::string message) {
  if (violation_) return;
  violation_ = Violation{std::move(oracle), std::move(message)};
  if (tell_) tell_();
}

void ClusterOracle::applied(std::uint32_t node, const apply::Position& position,
                            std::optional<apply::RequestId> request, std::uint64_t state_hash) {
  const AppliedRecord record{position.term, request, state_hash, node};
  const auto [known, fresh] = history_.log.emplace(position.index, record);
  if (fresh) return;
  const std::string where = " at index " + std::to_string(position.index) + ": " + member(node) +
                            " and " + member(known->second.node);
  if (known->second.term != record.term || known->second.request != record.request) {
    fail("state machine safety", "two members applied different entries" + where);
  } else if (known->second.state_hash != state_hash) {
    fail("state hash", "two members have different state" + where);
  }
}

void ClusterOracle::note_leases(const apply::Position& position, const apply::Command& command) {
  if (history_.leases.contains(position.index)) return;
  LeaseRecord record{.term = position.term, .time_ms = position.time_ms, .command = {}};
  record.applied = now_ ? now_() : VirtualTime{};
  std::visit(
      [&](const auto& request) {
        if constexpr (requires { record.command = request; }) {
          record.command = request;
          history_.leases.emplace(position.index, std::move(record));
        }
      },
      command.request);
}

// Whoever applies an entry first has applied all before it, or taken over what somebody had.
void ClusterOracle::note_access(const apply::Position& position, const apply::Command& command) {
  if (command.caller != auth::Caller{}) history_.callers.emplace(position.index, command.caller);
  const auto* change = std::get_if<auth::Change>(&command.request);
  if (change == nullptr || std::holds_alternative<auth::Authenticate>(*change)) return;
  if (!changes_of_access_.insert(command.id).second) return;
  Access after = access_before(history_, position.index);
  if (after.refuse(command.caller, *change)) return;
  static_cast<void>(after.apply(*change));
  history_.access.emplace(position.index, std::move(after));
}

void ClusterOracle::installed(std::uint32_t node, const apply::Position& position,
                              std::uint64_t state_hash) {
  ++numbers_.installs;
  const auto known = history_.log.find(position.index);
  if (known == history_.log.end()) return;
  if (known->second.state_hash != state_hash || known->second.term != position.term) {
    fail("state hash", "a snapshot holds another state than was applied at index " +
                           std::to_string(position.index) + ": " + member(node) + " and " +
                           member(known->second.node));
  }
}

void ClusterOracle::elected(std::uint32_t node, raft::Term term) {
  ++numbers_.leaders;
  const auto [known, fresh] = leader_of_.emplace(term.value(), node);
  if (!fresh && known->second != node) {
    fail("election safety", "two leaders in term " + std::to_string(term.value()) + ": " +
                                member(known->second) + " and " + member(node));
  }
}

// Whoever is followed in a term was elected in it.
void ClusterOracle::followed(std::uint32_t node, const raft::LeaderChanged& change) {
  if (!change.leader) return;
  const auto leader = history_.members.find(change.leader->value());
  const auto elected = leader_of_.find(change.term.value());
  if (leader == history_.members.end() || leader->second == node) return;
  if (elected != leader_of_.end() && elected->second == leader->second) return;
  fail("election safety", "a member follows one that wasn't elected in term " +
                              std::to_string(change.term.value()) + ": " + member(node) + " and " +
                              member(leader->second));
}

// Dissertation §3.6.2: whoever leads counts replicas only for entries of its own term.
void ClusterOracle::check_commit_rule(std::uint32_t node, const raft::Raft& core) {
  const std::optional<raft::Term> term = core.term_at(core.commit());
  if (!term || *term == core.term()) return;
  fail("commit rule", "a leader committed an entry of an older term by counting: " + member(node) +
                          " leads term " + std::to_string(core.term().value()) +
                          " and committed index " + std::to_string(core.commit().value()) +
                          " of term " + std::to_string(term->value()));
}

void ClusterOracle::put_back(std::uint32_t node, raft::Index owed) {
  for (const std::unique_ptr<Oracle>& other : oracles_) other->on_put_back(node);
  // What another leader replaced since isn't owed any more.
  memory_[node].owed = std::min(owed, memory_[node].synced);
}

void ClusterOracle::stopped(StoppedMember stopped) {
  if (violation_) return;
  ++numbers_.stopped;
  for (const auto& other : oracles_) other->add_promises(stopped.node, stopped.promised);
  stopped.promised.synced = memory_[stopped.node].synced;
  std::optional<Violation> found = judge_stopped(std::move(stopped), history_);
  if (found) fail(std::move(found->oracle), std::move(found->message));
}

// Such a member says itself that it may have forgotten anything.
void ClusterOracle::recovering(std::uint32_t node) {
  memory_[node].must_recover = false;
  memory_[node].vote.reset();
  for (const auto& [term, votes] : votes_) {
    if (votes.contains(node)) memory_[node].forgiven = raft::Term(term);
  }
}

void ClusterOracle::voted(std::uint32_t node, const raft::VoteCast& vote) {
  if (memory_[node].must_recover) {
    return fail("durable log",
                "a member that was put back to an older copy of its directory voted "
                "before it was whole: " +
                    member(node) + " in term " + std::to_string(vote.term.value()));
  }
  votes_[vote.term.value()].insert_or_assign(node, vote.candidate);
}

// When exactly a majority voted for the winner, each of these votes was counted, hence given away.
void ClusterOracle::remember_votes(std::uint32_t winner, const raft::Status& status) {
  const auto cast = votes_.find(status.term.value());
  if (cast == votes_.end() || !cast->second.contains(winner)) return;
  if (!status.configuration.voters_outgoing.empty()) return;
  const raft::NodeId candidate = cast->second.at(winner);
  std::vector<std::uint32_t> voters;
  for (const auto& [node, vote] : cast->second) {
    if (vote == candidate) voters.push_back(node);
  }
  if (voters.size() != status.configuration.voters.size() / 2 + 1) return;
  for (const std::uint32_t node : voters) {
    if (status.term <= memory_[node].forgiven) continue;
    memory_[node].vote_term = status.term;
    memory_[node].vote = candidate;
  }
}

void ClusterOracle::recall(std::uint32_t node, const raft::Raft& core) {
  const Memory memory = memory_[node];
  memory_[node] = Memory{.forgiven = memory.forgiven};
  if (core.role() == raft::RoleName::kRecovering) return recovering(node);
  const raft::Status status = core.status();
  if (memory.owed || memory.must_recover) {
    // Only others can tell it.
    recovering(node);
    memory_[node].must_recover =
        memory.must_recover || status.last_index < memory.owed.value_or(raft::Index());
    return;
  }
  if (status.last_index < memory.synced) {
    return fail("durable log", "a member forgot entries that it had reported synced: " +
                                   member(node) + " came back with a log up to index " +
                                   std::to_string(status.last_index.value()) + " instead of " +
                                   std::to_string(memory.synced.value()));
  }
  if (!memory.vote) return;
  const bool remembered =
      status.term > memory.vote_term ||
      (status.term == memory.vote_term && status.vote && *status.vote == *memory.vote);
  if (!remembered) {
    return fail("durable vote",
                "a member forgot a vote that a leader was elected with: " + member(node) +
                    " voted in term " + std::to_string(memory.vote_term.value()) +
                    " and came back in term " + std::to_string(status.term.value()));
  }
  memory_[node].vote_term = memory.vote_term;
  memory_[node].vote = memory.vote;
}

// Leader completeness: what was ever committed is in the log of every later leader.
void ClusterOracle::check_leader(std::uint32_t node, const raft::Raft& core) {
  const raft::Status status = core.status();
  remember_votes(node, status);
  for (const auto& [index, committed] : committed_) {
    // Figure 3.2 speaks of leaders of later terms: the votes for an earlier one may arrive late.
    if (raft::Index(index) < status.first_index || committed.in >= status.term.value()) continue;
    const std::optional<raft::Term> has = core.term_at(raft::Index(index));
    if (has && has->value() == committed.term) continue;
    fail("leader completeness", "a leader lacks a committed entry: " + member(node) +
                                    " leads term " + std::to_string(status.term.value()) +
                                    " without index " + std::to_string(index) + " of term " +
                                    std::to_string(committed.term));
    return;
  }
}

void ClusterOracle::committed(std::uint32_t node, const raft::Raft& core, raft::Index from,
                              raft::Index to) {
  history_.committed = std::max(history_.committed, to.value());
  const raft::Index first = std::max(from, core.status().first_index);
  for (raft::Index index = first; index <= to; ++index) {
    const std::optional<raft::Term> term = core.term_at(index);
    if (!term) continue;
    const Committed seen{term->value(), core.term().value()};
    const auto [known, fresh] = committed_.emplace(index.value(), seen);
    known->second.in = std::min(known->second.in, seen.in);
    if (!fresh && known->second.term != seen.term) {
      fail("state machine safety", "two entries were committed at one index: " + member(node) +
                                       " committed term " + std::to_string(term->value()) +
                                       " at index " + std::to_string(index.value()) +
                                       ", others term " + std::to_string(known->second.term));
      return;
    }
  }
}

}  // namespace detcd::sim
