// What must hold of one replica between two inputs.
#include <algorithm>

#include "base/check.h"
#include "raft/conf_change.h"
#include "raft/state.h"

namespace detcd::raft {
namespace {

void verify_log(const Replica& r) {
  const Log& log = r.log;
  check(log.saved() == log.last(), "between inputs every entry is in a save");
  check(log.persisted() <= log.saved(), "what is synced was saved");
  Index previous = log.base().index;
  Term term = log.base().term;
  std::uint64_t time_ms = log.base().time_ms;
  for (Index index = log.first(); index <= log.last(); ++index) {
    const Entry& entry = log.at(index);
    check(entry.index == previous.next(), "the log has no gap");
    check(entry.term >= term, "terms never decrease along the log");
    check(entry.time_ms >= time_ms, "logical time never decreases along the log");
    previous = index;
    term = entry.term;
    time_ms = entry.time_ms;
  }
  check(term <= r.term, "no entry is of a later term than the replica's");
}

void verify_indices(const Replica& r) {
  check(r.commit <= r.log.last(), "what is committed is in the log");
  check(r.log.base().index <= r.commit, "only committed entries are compacted");
  check(r.emitted <= r.commit, "only committed entries are handed out");
  check(r.applied <= r.emitted, "only what was handed out is applied");
}

void verify_saves(const Replica& r) {
  SaveId last;
  for (const PendingSave& save : r.pending_saves) {
    check(save.id > last, "saves are issued in ascending order");
    check(save.through <= r.log.last(), "no save counts for what isn't in the log");
    last = save.id;
  }
  check(last <= r.last_save, "no save is pending that wasn't issued");
}

void verify_role(const Replica& r) {
  const bool campaigns = r.is<PreCandidate>() || r.is<Candidate>() || r.is<Follower>();
  check(!campaigns || r.may_campaign(), "only voters follow as voters or campaign");
  check(!r.is<Learner>() || !r.may_campaign(), "a learner isn't a voter");
  check(!r.is<Candidate>() || r.vote == r.config.self, "a candidate voted for itself");
  const auto* leader = std::get_if<Leader>(&r.role);
  if (leader == nullptr) return;
  check(r.leader == r.config.self, "a leader knows that it leads");
  check(r.log.last_term() == r.term, "a leader has an entry of its term");
  for (const auto& [node, progress] : leader->progress) {
    check(r.configuration().contains(node), "a leader sends to members only");
    check(progress.match <= r.log.last(), "nobody has acknowledged what the leader hasn't");
    check(progress.next > progress.match, "what is acknowledged isn't sent again");
    check(progress.next <= r.log.last().next(), "nothing is sent beyond the log");
  }
}

}  // namespace

void verify_replica(const Replica& replica) {
  verify_log(replica);
  verify_indices(replica);
  verify_saves(replica);
  verify_role(replica);
  const Configuration& members = replica.configuration();
  check(members == Configuration{} || is_valid(members), "the configuration in force is valid");
}

}  // namespace detcd::raft
