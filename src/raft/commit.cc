// The commit rule and what follows from a commit.
#include <algorithm>

#include "base/check.h"
#include "raft/quorum.h"
#include "raft/step.h"

namespace detcd::raft {

// Dissertation §3.6.2: a leader counts replicas only for entries of its own term; older entries
// commit with them. Its own copy counts from when it is synced (§10.2.1), so that the followers
// alone may be the quorum.
void Step::advance_commit() {
  const std::uint64_t acknowledged = quorum_value(s_.configuration(), [&](NodeId node) {
    if (node == s_.config.self) return s_.log.persisted().value();
    const Progress* progress = progress_of(node);
    return progress != nullptr && progress->counts ? progress->match.value() : 0;
  });
  const Index index(acknowledged);
  if (index <= s_.commit || s_.log.term_at(index) != s_.term) return;
  commit_to(index);
  lead_after_commit();
}

void Step::commit_to(Index index) {
  if (index <= s_.commit) return;
  check(index <= s_.log.last(), "only entries of the log are committed");
  if (Leader* self = leader()) {
    for (Index at = s_.commit.next(); at <= index; ++at) {
      self->uncommitted_bytes -= s_.log.at(at).data.size();
    }
    commit_moved_ = true;
  }
  s_.commit = index;
  // One that is committed rules out falling back to those before it, though it be no longer in
  // force itself.
  adopt_role();
  emit(CommitAdvanced{s_.commit, s_.term});
}

bool Step::committed_in_term() {
  return s_.commit >= leader()->first_of_term;
}

void Step::lead_after_commit() {
  if (s_.log.in_force().index <= s_.commit) {
    if (s_.configuration().joint()) {
      if (s_.configuration().auto_leave) leave_joint();
    } else if (!s_.is_voter()) {
      // §4.2.2: it managed the change that takes it out; now others lead. They learn of the commit
      // first, so that the entry needs no election to become effective.
      tell_commit();
      return step_down(std::nullopt);
    }
  }
  start_read_round();
}

}  // namespace detcd::raft
