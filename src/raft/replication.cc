// Replication: what the leader sends and when, and how a follower takes it in.
#include <algorithm>
#include <utility>

#include "raft/codec.h"
#include "raft/conf_change.h"
#include "raft/quorum.h"
#include "raft/step.h"

namespace detcd::raft {
namespace {

// What holds of every append of an honest leader. Nothing else may get into a log.
bool is_well_formed(const AppendRequest& request, Term leader_term) {
  Index index = request.previous_index;
  Term term = request.previous_term;
  std::uint64_t time_ms = 0;
  for (const Entry& entry : request.entries) {
    if (entry.index != index.next() || entry.term < term || entry.term == Term()) return false;
    if (entry.time_ms < time_ms) return false;
    if (entry.kind == EntryKind::kConfiguration) {
      Reader in(entry.data.view());
      const Result<ConfigurationEntry> change = decode_configuration_entry(in);
      if (!change || !in.finished() || !is_valid(change->configuration)) return false;
    }
    index = entry.index;
    term = entry.term;
    time_ms = entry.time_ms;
  }
  return term <= leader_term;
}

}  // namespace

Progress* Step::progress_of(NodeId node) {
  Leader* self = leader();
  if (self == nullptr) return nullptr;
  const auto found = self->progress.find(node);
  return found == self->progress.end() ? nullptr : &found->second;
}

// ---- the leader's side --------------------------------------------------------------------------

void Step::tick_leader() {
  if (s_.config.check_quorum && s_.now >= leader()->quorum_deadline) {
    check_quorum();
    if (!s_.is<Leader>()) return;
  }
  if (s_.now < leader()->heartbeat_deadline) return;
  leader()->heartbeat_deadline = s_.now + s_.config.heartbeat_interval;
  broadcast_heartbeat();
  start_read_round();
}

// §6.2: a leader that a quorum didn't answer for an election timeout gives up.
void Step::check_quorum() {
  Leader& self = *leader();
  self.quorum_deadline = s_.now + s_.config.election_timeout;
  const bool active = quorum_holds(s_.configuration(), [&](NodeId node) {
    if (node == s_.config.self) return true;
    const Progress* progress = progress_of(node);
    return progress != nullptr && progress->recent_active && progress->counts;
  });
  if (!active) return step_down(std::nullopt);
  for (auto& [node, progress] : self.progress) progress.recent_active = false;
}

void Step::propose_as_leader(std::vector<Bytes>& commands) {
  using Reason = ProposalDropped::Reason;
  if (s_.transfer) return emit(ProposalDropped{Reason::kTransferring, commands.size()});
  std::uint64_t bytes = 0;
  for (const Bytes& command : commands) bytes += command.size();
  const std::uint64_t pending = leader()->uncommitted_bytes;
  // One proposal always gets through, however big it is.
  if (pending > 0 && pending + bytes > s_.config.uncommitted_bytes_max) {
    return emit(ProposalDropped{Reason::kTooManyUncommitted, commands.size()});
  }
  emit(ProposalAppended{s_.log.last().next(), s_.term, commands.size()});
  for (Bytes& command : commands) append(EntryKind::kCommand, std::move(command));
  broadcast_append();
}

std::uint64_t Leader::time_ms(const Log& log) const {
  const auto elapsed_ms = static_cast<std::uint64_t>(elapsed / Duration(1ms));
  return std::max(log.last_time_ms(), base_time_ms + elapsed_ms);
}

Index Step::append(EntryKind kind, Bytes data) {
  Leader& self = *leader();
  Entry entry;
  entry.term = s_.term;
  entry.index = s_.log.last().next();
  entry.kind = kind;
  entry.time_ms = self.time_ms(s_.log);
  entry.data = std::move(data);
  self.uncommitted_bytes += entry.data.size();
  s_.log.append(std::move(entry));
  return s_.log.last();
}

void Step::broadcast_append() {
  for (auto& [node, progress] : leader()->progress) {
    while (send_append(node, progress, false)) {
    }
  }
}

// Sends what fits in one message; `empty_too`: also when there is nothing new. Whether it did.
bool Step::send_append(NodeId to, Progress& progress, bool empty_too) {
  if (progress.paused(s_.config)) return false;
  const Index previous = progress.next.previous();
  const std::optional<Term> previous_term = s_.log.term_at(previous);
  // A snapshot that holds nothing new for the follower would be sent for ever.
  const bool rather = leeway_.snapshot_first && s_.snapshot && s_.snapshot->index > progress.match;
  if (!previous_term || (rather && progress.recent_active)) {
    need_snapshot(to, progress);
    return false;
  }
  AppendRequest request;
  request.previous_index = previous;
  request.previous_term = *previous_term;
  const std::size_t bytes_max = leeway_.single_entries ? 1 : s_.config.append_bytes_max;
  request.entries = s_.log.slice(progress.next, bytes_max);
  request.commit = s_.commit;
  if (request.entries.empty() && !empty_too) return false;
  const Index end = previous + request.entries.size();
  if (progress.state == Progress::State::kProbe) {
    progress.probe_sent = true;
  } else if (!request.entries.empty()) {
    std::size_t bytes = 0;
    for (const Entry& entry : request.entries) bytes += weight_of(entry);
    progress.inflights.add(end, bytes);
    progress.next = end.next();
  }
  progress.commit_sent = std::min(s_.commit, end);
  // §10.2.1: the leader's own write goes on meanwhile.
  send(to, std::move(request));
  return true;
}

// No progress for a whole heartbeat although appends are under way: they may be lost. An empty
// append after them is refused if so, whatever the window says.
void Step::ask_whether_lost(NodeId to, Progress& progress) {
  AppendRequest request;
  request.previous_index = progress.next.previous();
  const std::optional<Term> term = s_.log.term_at(request.previous_index);
  if (!term) return need_snapshot(to, progress);
  request.previous_term = *term;
  request.commit = s_.commit;
  send(to, std::move(request));
}

// Followers that got nothing in this step learn of a new commit index by an empty append.
void Step::tell_commit() {
  if (!commit_moved_ || !s_.is<Leader>()) return;
  for (auto& [node, progress] : leader()->progress) {
    if (progress.state != Progress::State::kReplicate || progress.commit_sent >= s_.commit)
      continue;
    send_append(node, progress, true);
  }
}

void Step::broadcast_heartbeat() {
  Leader& self = *leader();
  ++self.round;
  round_begun_ = true;
  self.sent_rounds.push_back({self.round, s_.now});
  while (self.sent_rounds.front().sent + s_.config.election_timeout < s_.now) {
    self.sent_rounds.pop_front();
  }
  for (const auto& [node, progress] : self.progress) {
    Heartbeat heartbeat;
    heartbeat.commit = std::min(s_.commit, progress.match);
    heartbeat.round = self.round;
    send(node, heartbeat);
  }
}

void Step::receive(const Message& message, const AppendResponse& response) {
  Progress* progress = progress_of(message.from);
  if (progress == nullptr || response.match > s_.log.last()) return;
  progress->recent_active = true;
  // What it acknowledged while it was Recovering counts from now on.
  const bool counts_again = response.counts && !progress->counts;
  progress->counts = response.counts;
  if (response.accepted) {
    const bool news = progress->acknowledge(response.match);
    return after_acknowledgement(message.from, *progress, news || counts_again);
  }
  Index hint = std::min(response.hint_index, response.rejected);
  // §3.5: skip the entries of terms that the follower can't have at that place.
  if (response.hint_term > Term()) hint = s_.log.agreement_before(hint, response.hint_term);
  if (progress->reject(response.rejected, hint)) send_append(message.from, *progress, true);
}

void Step::after_acknowledgement(NodeId from, Progress& progress, bool news) {
  using State = Progress::State;
  if (progress.state == State::kProbe) {
    progress.replicate();
  } else if (progress.state == State::kSnapshot && progress.match >= s_.log.base().index) {
    progress.replicate();
  }
  if (progress.counts) {
    Index& remembered = s_.acknowledged[from];
    remembered = std::max(remembered, progress.match);
  }
  if (news) advance_commit();
  // The commit may have ended this leadership, or taken the member out.
  Progress* still = progress_of(from);
  if (still == nullptr) return;
  while (send_append(from, *still, false)) {
  }
  // It caught up after the commit was told.
  const bool tell = still->state == State::kReplicate && still->commit_sent < s_.commit;
  if (tell) send_append(from, *still, true);
  order_transfer();
}

void Step::receive(const Message& message, const HeartbeatResponse& response) {
  Progress* progress = progress_of(message.from);
  if (progress == nullptr || response.round > leader()->round) return;
  progress->recent_active = true;
  progress->probe_sent = false;
  const bool stuck =
      progress->match == progress->match_at_heartbeat && progress->match < s_.log.last();
  progress->match_at_heartbeat = progress->match;
  if (progress->state == Progress::State::kReplicate && stuck) {
    ask_whether_lost(message.from, *progress);
  } else if (progress->state == Progress::State::kProbe || !progress->counts) {
    // A Recovering member doesn't take a commit index from heartbeats, and only its answer to an
    // append says that it has recovered: neither may wait for a next proposal.
    send_append(message.from, *progress, true);
  }
  while (send_append(message.from, *progress, false)) {
  }
  if (response.round == 0 || response.round <= progress->acked_round) return;
  progress->acked_round = response.round;
  confirm_reads();
}

void Step::receive(const Message&, ForwardProposal& forward) {
  if (forward.commands.empty()) return;
  // Not passed on a second time: it could go round for ever.
  if (!s_.is<Leader>()) {
    return emit(ProposalDropped{ProposalDropped::Reason::kNoLeader, forward.commands.size()});
  }
  propose_as_leader(forward.commands);
}

// ---- the follower's side ------------------------------------------------------------------------

void Step::receive(const Message& message, AppendRequest& request) {
  if (!is_well_formed(request, message.term)) return;
  const Index end = request.previous_index + request.entries.size();
  // Leader completeness: whatever is committed here equals the leader's.
  if (end <= s_.commit) return send_accepted(message.from, s_.commit);
  if (request.previous_index < s_.commit) {
    const auto known = static_cast<std::ptrdiff_t>(s_.commit - request.previous_index);
    request.entries.erase(request.entries.begin(), request.entries.begin() + known);
    request.previous_term = *s_.log.term_at(s_.commit);
    request.previous_index = s_.commit;
  }
  if (s_.log.term_at(request.previous_index) != request.previous_term) {
    AppendResponse refusal;
    refusal.rejected = request.previous_index;
    refusal.hint_index = s_.log.agreement_before(request.previous_index, request.previous_term);
    refusal.hint_term = s_.log.term_at(refusal.hint_index).value_or(Term());
    refusal.counts = !s_.is<Recovering>();
    return send(message.from, refusal, Wait::kHardState);
  }
  accept_entries(message, request);
}

void Step::accept_entries(const Message& message, AppendRequest& request) {
  const Index end = request.previous_index + request.entries.size();
  bool reconfigured = false;
  for (Entry& entry : request.entries) {
    const std::optional<Term> here = s_.log.term_at(entry.index);
    if (here == entry.term) continue;
    if (here) {
      reconfigured = reconfigured || s_.log.in_force().index >= entry.index;
      truncate(entry.index);
    }
    // A sender that breaks the order of terms isn't a leader we could follow.
    if (entry.term < s_.log.last_term()) break;
    reconfigured = reconfigured || entry.kind == EntryKind::kConfiguration;
    s_.log.append(std::move(entry));
  }
  if (reconfigured) adopt_configuration();
  if (s_.log.last() < end) return;
  commit_to(std::min(request.commit, end));
  send_accepted(message.from, end);
  if (s_.is<Recovering>()) finish_recovery();
}

void Step::truncate(Index from) {
  s_.log.truncate(from);
  // What these saves hold from here on isn't this log any more, even if equal entries come again:
  // their acknowledgement must not count for it.
  for (PendingSave& save : s_.pending_saves) save.through = std::min(save.through, from.previous());
  emit(LogTruncated{from});
}

void Step::receive(const Message& message, const Heartbeat& heartbeat) {
  if (s_.is<Recovering>()) {
    // What it acknowledged may be gone, and the leader counts on it: only appends, which compare
    // logs, tell it what is committed.
    return send(message.from, HeartbeatResponse{0}, Wait::kHardState);
  }
  commit_to(std::min(heartbeat.commit, s_.log.last()));
  send(message.from, HeartbeatResponse{heartbeat.round}, Wait::kHardState);
}

}  // namespace detcd::raft
