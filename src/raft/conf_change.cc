#include "raft/conf_change.h"

#include <algorithm>
#include <utility>

#include "raft/codec.h"
#include "raft/step.h"

namespace detcd::raft {
namespace {

bool disjoint(const NodeSet& a, const NodeSet& b) {
  return std::ranges::none_of(a, [&](NodeId node) { return b.contains(node); });
}

std::size_t differing(const NodeSet& a, const NodeSet& b) {
  const auto missing_in = [](const NodeSet& from) {
    return [&from](NodeId node) { return !from.contains(node); };
  };
  return static_cast<std::size_t>(std::ranges::count_if(a, missing_in(b)) +
                                  std::ranges::count_if(b, missing_in(a)));
}

Bytes encoded(const ConfigurationEntry& entry) {
  Writer out;
  encode(out, entry);
  return Bytes::adopt(out.take());
}

}  // namespace

bool is_valid(const Configuration& c) {
  const auto named = [](const NodeSet& nodes) {
    return std::ranges::none_of(nodes, [](NodeId node) { return node.is_none(); });
  };
  if (!named(c.voters) || !named(c.voters_outgoing) || !named(c.learners)) return false;
  if (c.voters.empty() || !disjoint(c.voters, c.learners)) return false;
  if (!disjoint(c.voters_outgoing, c.learners)) return false;
  if (c.auto_leave && !c.joint()) return false;
  return std::ranges::all_of(c.learners_next, [&](NodeId node) {
    return c.voters_outgoing.contains(node) && !c.voters.contains(node);
  });
}

std::optional<Configuration> next_configuration(const Configuration& current,
                                                const Configuration& target, bool force_joint) {
  if (!is_valid(target) || target.joint() || !target.learners_next.empty()) return std::nullopt;
  // §4.1: when one voter differs, every majority of the old meets every majority of the new.
  if (!force_joint && differing(current.voters, target.voters) <= 1) return target;
  Configuration next;
  next.voters = target.voters;
  next.voters_outgoing = current.voters;
  next.auto_leave = true;
  for (const NodeId node : target.learners) {
    // It still votes in the outgoing half; it becomes a learner when that is left.
    (current.voters.contains(node) ? next.learners_next : next.learners).insert(node);
  }
  return next;
}

Configuration left(const Configuration& joint) {
  Configuration next;
  next.voters = joint.voters;
  next.learners = joint.learners;
  next.learners.insert(joint.learners_next.begin(), joint.learners_next.end());
  return next;
}

void Step::on(const ChangeConfiguration& change) {
  using Reason = ChangeRefused::Reason;
  if (!s_.is<Leader>()) return emit(ChangeRefused{Reason::kNotLeader});
  // §4.1 and the correction to it: without an entry of its own term the leader might not know of a
  // change that is committed.
  if (!committed_in_term()) return emit(ChangeRefused{Reason::kTermNotCommitted});
  const bool under_way = s_.configuration().joint() || s_.log.in_force().index > s_.commit;
  if (under_way || s_.transfer) return emit(ChangeRefused{Reason::kChangeUnderWay});
  const std::optional<Configuration> next =
      next_configuration(s_.configuration(), change.target, change.force_joint);
  if (!next) return emit(ChangeRefused{Reason::kInvalid});
  append(EntryKind::kConfiguration, encoded({*next, change.context}));
  adopt_configuration();
  broadcast_append();
}

// §4.3: once the joint configuration is committed the leader leaves it by itself.
void Step::leave_joint() {
  append(EntryKind::kConfiguration, encoded({left(s_.configuration()), Bytes()}));
  adopt_configuration();
  broadcast_append();
}

// §4.1: a configuration is in force from when it is in the log, and no longer when it is truncated.
void Step::adopt_configuration() {
  emit(ConfigurationChanged{s_.configuration(), s_.log.in_force().index});
  if (leader() != nullptr) adopt_members();
  adopt_role();
  if (s_.transfer && s_.is<Leader>() && !s_.configuration().is_voter(s_.transfer->to)) {
    end_transfer(false);
  }
}

// Voters follow and may campaign, others only follow.
void Step::adopt_role() {
  if (s_.is<Learner>() && s_.may_campaign()) {
    set_role(Follower{});
    reset_election_deadline();
  } else if (s_.is<Follower>() && !s_.may_campaign()) {
    set_role(Learner{});
  }
}

// A leader sends to the members of the configuration in force and to nobody else.
void Step::adopt_members() {
  Leader& self = *leader();
  const Configuration& now = s_.configuration();
  std::erase_if(self.progress, [&](const auto& peer) { return !now.contains(peer.first); });
  for (const NodeSet* nodes : {&now.voters, &now.voters_outgoing, &now.learners}) {
    for (const NodeId node : *nodes) {
      if (node == s_.config.self || self.progress.contains(node)) continue;
      Progress progress;
      // What put it in, or at an election the first entry of the term, is the first it gets.
      progress.next = std::max(self.first_of_term, s_.log.last());
      // It gets an election timeout to show itself.
      progress.recent_active = true;
      self.progress.emplace(node, std::move(progress));
    }
  }
}

}  // namespace detcd::raft
