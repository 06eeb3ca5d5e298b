// Compaction of the log, and snapshots for followers that need what was compacted. The state's
// bytes never pass through here: the shell sends its newest snapshot when it sees SnapshotNeeded,
// with an InstallSnapshot message of this replica's term beside it.
#include <algorithm>

#include "base/check.h"
#include "raft/conf_change.h"
#include "raft/step.h"

namespace detcd::raft {

void Step::on(const Compact& compact) {
  const SnapshotMeta& snapshot = compact.snapshot;
  check(snapshot.index <= s_.applied, "a snapshot holds only what was applied");
  if (!s_.snapshot || snapshot.index > s_.snapshot->index) s_.snapshot = snapshot;
  const std::uint64_t kept = std::min(snapshot.index.value(), s_.config.catch_up_entries);
  // Entries that aren't synced yet belong to a save under way.
  s_.log.compact(std::min(snapshot.index - kept, s_.log.persisted()));
}

void Step::need_snapshot(NodeId to, Progress& progress) {
  // Nobody sends a state to a member that isn't there to take it.
  if (!progress.recent_active || !s_.snapshot) return;
  progress.await_snapshot(s_.snapshot->index);
  emit(SnapshotNeeded{to});
}

void Step::on(const SnapshotReported& reported) {
  Progress* progress = progress_of(reported.to);
  if (progress == nullptr || progress->state != Progress::State::kSnapshot) return;
  const Index delivered = std::max(progress->pending_snapshot, progress->match);
  progress->probe_from((reported.delivered ? delivered : progress->match).next());
  // The next heartbeat's answer, or the follower's own word, goes on from here.
  progress->probe_sent = true;
}

void Step::receive(const Message& message, const InstallSnapshot& install) {
  const SnapshotMeta& meta = install.meta;
  if (meta.term > message.term || meta.term == Term() || !is_valid(meta.configuration)) return;
  if (meta.index <= s_.commit) return send_accepted(message.from, s_.commit);
  if (s_.log.term_at(meta.index) == meta.term) {
    // The log already holds it all: only the news that it is committed is new.
    commit_to(meta.index);
    return send_accepted(message.from, meta.index);
  }
  if (s_.log.last() > s_.commit) emit(LogTruncated{s_.commit.next()});
  s_.log.reset(meta);
  for (PendingSave& save : s_.pending_saves) save.through = Index();
  s_.unsaved_snapshot = meta;
  s_.snapshot = meta;
  s_.installing = meta.index;
  s_.emitted = meta.index;
  s_.commit = meta.index;
  out_.install = meta;
  emit(CommitAdvanced{s_.commit, s_.term});
  adopt_configuration();
  send_accepted(message.from, meta.index);
}

void Step::on(const SnapshotInstalled& installed) {
  s_.applied = std::max(s_.applied, installed.index);
  if (s_.installing && installed.index >= *s_.installing) s_.installing.reset();
}

}  // namespace detcd::raft
