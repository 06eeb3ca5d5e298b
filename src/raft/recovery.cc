// A member that may have forgotten what it voted or acknowledged must not be asked for either until
// nothing it forgot can matter. It asks everybody, adopts the highest term that f + 1 whole members
// answer (they meet every quorum it can have been part of) and abstains in it.
//
// That alone isn't enough: a candidate that holds the forgotten vote, and none of those who
// answered, may still be gathering the rest. So the leader appends an entry after it was asked, the
// fence, and the member stays out until that is committed. The quorum that committed it doesn't
// contain the member; whoever is in it refuses a candidate whose log ends before the fence, as that
// of every campaign does which the forgotten vote was for. And all that was ever committed with a
// forgotten acknowledgement is before the fence in the leader's log.
#include <algorithm>

#include "base/hash.h"
#include "raft/quorum.h"
#include "raft/step.h"

namespace detcd::raft {

bool is_alone(const Replica& replica) {
  const Configuration& members = replica.configuration();
  return members.voters == NodeSet{replica.config.self} && !members.joint();
}

void begin_recovery(Replica& replica) {
  Recovering role;
  role.nonce =
      keyed_draw(replica.config.seed, mix64(replica.term.value(), replica.log.last().value()),
                 replica.config.self.value(),
                 static_cast<std::uint64_t>(replica.now.time_since_epoch().count()));
  role.query_deadline = replica.now;
  replica.role = std::move(role);
  if (replica.term > Term()) replica.vote = replica.config.self;
}

void Step::on(const Doubt&) {
  if (s_.is<Recovering>() || is_alone(s_)) return;
  step_down(s_.is<Leader>() ? std::nullopt : s_.leader);
  const RoleName from = name_of_role(s_.role);
  begin_recovery(s_);
  emit(RoleChanged{from, RoleName::kRecovering, s_.term});
}

void Step::tick_recovery() {
  auto& role = std::get<Recovering>(s_.role);
  if (s_.now < role.query_deadline) return;
  role.query_deadline = s_.now + s_.config.election_timeout;
  const Configuration& members = s_.configuration();
  NodeSet asked = members.voters;
  asked.insert(members.voters_outgoing.begin(), members.voters_outgoing.end());
  for (const NodeId node : asked) {
    if (node != s_.config.self) send(node, RecoveryQuery{role.nonce});
  }
}

void Step::receive(const Message& message, const RecoveryQuery& query) {
  if (s_.is<Recovering>()) return;
  RecoveryAnswer answer;
  answer.nonce = query.nonce;
  answer.last_index = s_.log.persisted();
  if (const auto known = s_.acknowledged.find(message.from); known != s_.acknowledged.end()) {
    answer.acknowledged = known->second;
  }
  if (Progress* progress = progress_of(message.from)) {
    progress->counts = false;
    if (progress->recovery_nonce != query.nonce) {
      progress->recovery_nonce = query.nonce;
      progress->fence = append(EntryKind::kCommand, Bytes());
      broadcast_append();
    }
    answer.fence = progress->fence;
  }
  send(message.from, answer, Wait::kHardState);
}

void Step::receive(const Message& message, const RecoveryAnswer& answer) {
  auto* role = std::get_if<Recovering>(&s_.role);
  if (role == nullptr || answer.nonce != role->nonce) return;
  Term& known = role->answers[message.from];
  known = std::max(known, message.term);
  if (answer.fence && (!role->fence || role->fence->term <= message.term)) {
    role->fence = Recovering::Fence{*answer.fence, message.term};
  }
  weigh_recovery_answers();
  finish_recovery();
}

void Step::weigh_recovery_answers() {
  const auto& role = std::get<Recovering>(s_.role);
  Term highest;
  for (const auto& [node, term] : role.answers) highest = std::max(highest, term);
  const bool enough = meets_every_quorum(s_.configuration(), s_.config.self,
                                         [&](NodeId node) { return role.answers.contains(node); });
  if (enough && highest > s_.term) become_follower(highest, std::nullopt);
}

void Step::finish_recovery() {
  auto& role = std::get<Recovering>(s_.role);
  if (!role.fence || s_.commit < role.fence->index) return;
  const bool enough = meets_every_quorum(s_.configuration(), s_.config.self,
                                         [&](NodeId node) { return role.answers.contains(node); });
  if (!enough || s_.log.persisted() < role.fence->index || hard_state_save()) return;
  // The fence may have been replaced by another leader's entry. Below the base only its own term's
  // leader is a witness for it.
  const Index witness = std::max(role.fence->index, s_.log.base().index);
  if (s_.log.term_at(witness) != role.fence->term) {
    role.fence.reset();
    role.query_deadline = s_.now;
    return;
  }
  const Index caught_up = role.fence->index;
  if (s_.may_campaign()) {
    set_role(Follower{});
  } else {
    set_role(Learner{});
  }
  reset_election_deadline();
  emit(RecoveryEnded{caught_up});
}

}  // namespace detcd::raft
