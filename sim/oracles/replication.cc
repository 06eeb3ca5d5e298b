#include "sim/oracles/replication.h"

#include <algorithm>
#include <variant>

namespace detcd::sim {
namespace {

std::string name(std::uint32_t node) {
  return "n" + std::to_string(node);
}
std::string number(raft::Index index) {
  return std::to_string(index.value());
}
std::string number(raft::Term term) {
  return std::to_string(term.value());
}

// Committed entries may be compacted; whatever is behind them is there or isn't.
bool holds(const raft::Raft& core, raft::Index index, raft::Term term) {
  return index <= core.commit() || core.term_at(index) == term;
}

}  // namespace

void ReplicationOracle::restarted(std::uint32_t node, const raft::Raft& core) {
  Member& member = members_[node];
  member.core = &core;
  recall(node, member, core);
}

void ReplicationOracle::stepped(std::uint32_t node, const raft::Raft& core) {
  Member& member = members_[node];
  member.core = &core;
  if (core.role() == raft::RoleName::kRecovering) member.put_back = false;
  const bool committed = core.commit() > member.commit;
  member.commit = core.commit();
  if (committed && core.role() == raft::RoleName::kLeader) check_progress(node, core);
  if (member.match == raft::Index() || holds(core, member.match, member.entry)) return;
  if (core.term() == member.term) {
    fail_("log kept",
          "a member dropped what it acknowledged to the leader of the term: " + name(node) +
              " in term " + number(member.term) + " at index " + number(member.match));
  }
  // A later leader may replace what wasn't committed.
  member.match = raft::Index();
}

void ReplicationOracle::check_progress(std::uint32_t node, const raft::Raft& core) {
  const raft::Status status = core.status();
  const std::uint64_t leader = status.leader ? status.leader->value() : 0;
  // Dissertation §10.2.1: its own copy counts like the others', once it is synced.
  std::size_t holders = core.persisted() >= core.commit() ? 1 : 0;
  for (const raft::Status::Peer& peer : status.peers) {
    if (status.configuration.voters.contains(peer.node) && peer.match >= core.commit()) ++holders;
  }
  if (!status.configuration.joint() && holders < status.configuration.voters.size() / 2 + 1) {
    fail_("commit rule", "a leader committed what no majority has synced: " + name(node) +
                             " in term " + number(core.term()) + " at index " +
                             number(core.commit()));
  }
  for (const raft::Status::Peer& peer : status.peers) {
    const auto known = history_.members.find(peer.node.value());
    if (known == history_.members.end() || peer.match == raft::Index()) continue;
    if (members_[known->second].put_back) continue;
    // Dissertation §3.5: matchIndex begins anew with every leadership.
    if (peer.match > exchanges_[{leader, core.term(), peer.node.value()}].acknowledged) {
      return fail_("log matching",
                   "a leader counts on what a member hasn't acknowledged in its term: " +
                       name(node) + " in term " + number(core.term()) + " on " +
                       name(known->second) + " at index " + number(peer.match));
    }
    const raft::Raft* other = members_[known->second].core;
    const std::optional<raft::Term> entry = core.term_at(peer.match);
    // One that is Recovering says itself that it lacks what it acknowledged.
    if (other == nullptr || !entry || other->role() == raft::RoleName::kRecovering) continue;
    const bool heard = other->term() >= core.term();
    const bool has = other->term() > core.term() || holds(*other, peer.match, *entry);
    if (heard && has) continue;
    fail_("log matching", "a leader counts on a member for what it doesn't have: " + name(node) +
                              " in term " + number(core.term()) + " on " + name(known->second) +
                              " at index " + number(peer.match));
  }
}

void ReplicationOracle::recall(std::uint32_t node, Member& member, const raft::Raft& core) {
  const Member before = member;
  // Such a member says itself that it may have forgotten anything.
  if (core.role() == raft::RoleName::kRecovering) {
    member = Member{};
    member.core = &core;
    return;
  }
  if (core.term() < before.answered) {
    fail_("durable term",
          "a member came back in an older term than it had answered in: " + name(node) +
              " in term " + number(core.term()) + " after term " + number(before.answered));
  }
  if (before.vote && core.term() == before.voted_in && core.status().vote != before.vote) {
    fail_("durable vote", "a member forgot a vote that it had given: " + name(node) +
                              " came back in term " + number(core.term()));
  }
  if (before.match == raft::Index() || holds(core, before.match, before.entry)) return;
  fail_("durable log", "a member forgot entries that it had acknowledged: " + name(node) +
                           " came back without index " + number(before.match) + " of term " +
                           number(before.entry));
  member.match = raft::Index();
}

void ReplicationOracle::put_back(std::uint32_t node) {
  members_[node] = Member{};
  members_[node].put_back = true;
}

void ReplicationOracle::add_promises(std::uint32_t node, Promised& promised) const {
  const auto known = members_.find(node);
  if (known == members_.end()) return;
  const Member& member = known->second;
  promised.answered = member.answered;
  promised.voted_in = member.voted_in;
  promised.vote = member.vote;
  promised.match = member.match;
  promised.entry = member.entry;
}

void ReplicationOracle::ended(std::uint32_t node) {
  members_[node].core = nullptr;
}

void ReplicationOracle::sent(std::uint32_t node, const raft::Message& message) {
  const raft::Raft* core = members_[node].core;
  if (core == nullptr) return;
  if (const auto* request = std::get_if<raft::VoteRequest>(&message.body)) {
    Position& asked = asked_[{message.from.value(), message.term, request->pre}];
    asked = std::max(asked, Position{request->last_term, request->last_index});
  } else if (const auto* vote = std::get_if<raft::VoteResponse>(&message.body)) {
    if (vote->granted && vote->pre) check_vote(node, message.to, message.term, true);
    if (vote->granted && !vote->pre) {
      Member& member = members_[node];
      member.answered = std::max(member.answered, message.term);
      if (message.term >= member.voted_in) {
        member.voted_in = message.term;
        member.vote = message.to;
      }
    }
  } else if (const auto* append = std::get_if<raft::AppendRequest>(&message.body)) {
    raft::Index& covered =
        exchanges_[{message.from.value(), message.term, message.to.value()}].covered;
    covered = std::max(covered, append->previous_index + append->entries.size());
  } else if (const auto* response = std::get_if<raft::AppendResponse>(&message.body)) {
    if (response->accepted) acknowledged(node, message, *response);
  } else if (const auto* heartbeat = std::get_if<raft::HeartbeatResponse>(&message.body)) {
    if (heartbeat->round > 0) {
      members_[node].answered = std::max(members_[node].answered, message.term);
    }
  }
}

void ReplicationOracle::acknowledged(std::uint32_t node, const raft::Message& message,
                                     const raft::AppendResponse& response) {
  Member& member = members_[node];
  Exchange& exchange = exchanges_[{message.to.value(), message.term, message.from.value()}];
  exchange.acknowledged = std::max(exchange.acknowledged, response.match);
  // It was held until it was synced; what has changed since then says nothing about it.
  if (member.core->term() != message.term) return;
  const std::optional<raft::Term> here = member.core->term_at(response.match);
  if (response.match > member.core->commit() && !here) {
    return fail_("log matching", "a member acknowledged what it doesn't have: " + name(node) +
                                     " at index " + number(response.match));
  }
  // Only what an append has compared is known to be the leader's.
  if (response.match > std::max(member.core->commit(), exchange.covered)) {
    return fail_("log matching",
                 "a member acknowledged what its leader hasn't sent: " + name(node) + " in term " +
                     number(message.term) + " at index " + number(response.match));
  }
  const auto to = history_.members.find(message.to.value());
  const raft::Raft* leader = to == history_.members.end() ? nullptr : members_[to->second].core;
  const bool leads = leader != nullptr && leader->role() == raft::RoleName::kLeader &&
                     leader->term() == message.term;
  if (leads && here && !holds(*leader, response.match, *here)) {
    return fail_("log matching", "a member acknowledged what its leader doesn't have: " +
                                     name(node) + " at index " + number(response.match) +
                                     " of term " + number(*here) + " to " + name(to->second));
  }
  if (!response.counts || !here) return;
  member.answered = std::max(member.answered, message.term);
  const bool more = message.term > member.term || response.match > member.match;
  if (!more) return;
  member.term = message.term;
  member.match = response.match;
  member.entry = *here;
}

void ReplicationOracle::voted(std::uint32_t node, const raft::VoteCast& vote) {
  const auto voter = history_.members.find(vote.candidate.value());
  if (voter == history_.members.end() || voter->second == node) return;
  check_vote(node, vote.candidate, vote.term, false);
}

// Dissertation §3.6.1, and §9.6 for a pre-vote.
void ReplicationOracle::check_vote(std::uint32_t node, raft::NodeId candidate, raft::Term term,
                                   bool pre) {
  const raft::Raft* core = members_[node].core;
  const auto asked = asked_.find({candidate.value(), term, pre});
  if (core == nullptr || asked == asked_.end()) return;
  const raft::Status status = core->status();
  if (Position{status.last_term, status.last_index} <= asked->second) return;
  fail_("vote rule", std::string(pre ? "a pre-vote" : "a vote") +
                         " went to a member whose log is behind the voter's: " + name(node) +
                         " in term " + number(term));
}

}  // namespace detcd::sim
