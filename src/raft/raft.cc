#include "raft/raft.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "raft/conf_change.h"
#include "raft/state.h"
#include "raft/step.h"

namespace detcd::raft {
namespace {

// So much is handed out in one Output; the rest follows with the next inputs (DESIGN §1.2).
constexpr std::uint64_t kCommittedMax = 4096;
// No honest peer gets near: what is beyond would overflow in sums.
constexpr std::uint64_t kOrdinalMax = 1ULL << 62;

bool is_plausible(Index index) {
  return index.value() < kOrdinalMax;
}

bool is_plausible(const Body& body) {
  if (const auto* append = std::get_if<AppendRequest>(&body)) {
    return is_plausible(append->previous_index);
  }
  if (const auto* response = std::get_if<AppendResponse>(&body)) {
    return is_plausible(response->rejected) && is_plausible(response->hint_index);
  }
  if (const auto* install = std::get_if<InstallSnapshot>(&body)) {
    return is_plausible(install->meta.index) && install->meta.index > Index();
  }
  if (const auto* answer = std::get_if<RecoveryAnswer>(&body)) {
    return !answer->fence || is_plausible(*answer->fence);
  }
  return true;
}

bool is_from_leader(const Body& body) {
  return std::holds_alternative<AppendRequest>(body) || std::holds_alternative<Heartbeat>(body) ||
         std::holds_alternative<InstallSnapshot>(body);
}

// These say nothing about who leads in which term.
bool is_outside_terms(const Body& body) {
  return std::holds_alternative<ForwardProposal>(body) ||
         std::holds_alternative<ForwardRead>(body) || std::holds_alternative<ReadAnswer>(body) ||
         std::holds_alternative<RecoveryQuery>(body) ||
         std::holds_alternative<RecoveryAnswer>(body);
}

}  // namespace

// ---- one step -----------------------------------------------------------------------------------

void Step::take(Input input) {
  const TimePoint now = std::max(s_.now, input.now);
  // A pause of this process isn't time for leases (DESIGN §5): at most one election timeout counts.
  if (Leader* self = leader()) {
    self->elapsed += std::min(now - s_.now, s_.config.election_timeout);
  }
  s_.now = now;
  leeway_ = input.leeway;
  std::visit([this](auto& what) { on(what); }, input.what);
}

Output Step::finish() {
  tell_commit();
  issue_save();
  resolve_waits();
  hand_out_committed();
  return std::move(out_);
}

void Step::issue_save() {
  const HardState hard_state{s_.term, s_.vote, std::min(s_.commit, s_.log.last())};
  const bool must_sync =
      hard_state.term != s_.saved_hard_state.term || hard_state.vote != s_.saved_hard_state.vote;
  const bool changed = hard_state != s_.saved_hard_state;
  if (!changed && !s_.log.has_unsaved() && !s_.unsaved_snapshot) return;
  Save save;
  save.id = ++s_.last_save;
  save.snapshot = std::exchange(s_.unsaved_snapshot, {});
  save.truncate_from = s_.log.take_replaced_from();
  save.entries = s_.log.take_unsaved();
  if (changed) save.hard_state = hard_state;
  save.must_sync_hard_state = must_sync;
  s_.saved_hard_state = hard_state;
  s_.pending_saves.push_back({save.id, s_.log.saved(), must_sync});
  out_.save = std::move(save);
}

void Step::resolve_waits() {
  for (const Waiting& waiting : waiting_) {
    std::optional<SaveId>& after = out_.messages[waiting.message].after;
    if (waiting.hard_state) after = hard_state_save();
    const std::optional<SaveId> log = log_save(waiting.through);
    if (log && (!after || *after < *log)) after = log;
  }
}

void Step::hand_out_committed() {
  // Entries after a received snapshot wait until the state machine is that snapshot.
  if (s_.installing) return;
  for (std::uint64_t n = 0; n < kCommittedMax && s_.emitted < s_.commit; ++n) {
    out_.committed.push_back(s_.log.at(++s_.emitted));
  }
}

std::optional<SaveId> Step::hard_state_save() const {
  const auto newest = std::ranges::find_if(s_.pending_saves.rbegin(), s_.pending_saves.rend(),
                                           [](const PendingSave& save) { return save.hard_state; });
  if (newest == s_.pending_saves.rend()) return std::nullopt;
  return newest->id;
}

std::optional<SaveId> Step::log_save(Index through) const {
  if (through <= s_.log.persisted()) return std::nullopt;
  for (const PendingSave& save : s_.pending_saves) {
    if (save.through >= through) return save.id;
  }
  check(false, "every index of the log is synced or in a save under way");
  return std::nullopt;
}

void Step::send(NodeId to, Body body, Wait wait) {
  send_at(to, std::move(body), s_.term, wait);
}

void Step::send_at(NodeId to, Body body, Term term, Wait wait) {
  if (wait == Wait::kHardState) waiting_.push_back({out_.messages.size(), true, Index()});
  out_.messages.push_back({{s_.config.self, to, term, std::move(body)}, std::nullopt});
}

void Step::send_accepted(NodeId to, Index match) {
  AppendResponse response;
  response.accepted = true;
  response.match = match;
  response.counts = !s_.is<Recovering>();
  send(to, response, Wait::kHardState);
  waiting_.back().through = match;
}

// ---- inputs -------------------------------------------------------------------------------------

void Step::on(const Tick&) {
  fail_forwarded_reads(false);
  if (s_.transfer && s_.now >= s_.transfer->deadline) end_transfer(false);
  if (s_.is<Leader>()) {
    tick_leader();
  } else if (s_.is<Recovering>()) {
    tick_recovery();
  } else {
    tick_election();
  }
}

// put-path 6/8: appended in memory; the Output asks for a write and for sends.
void Step::on(Propose& propose) {
  if (propose.commands.empty()) return;
  if (s_.is<Leader>()) {
    propose_as_leader(propose.commands);
  } else if (s_.leader) {
    send(*s_.leader, ForwardProposal{std::move(propose.commands)});
  } else {
    emit(ProposalDropped{ProposalDropped::Reason::kNoLeader, propose.commands.size()});
  }
}

void Step::on(Receive& receive) {
  const Message& message = receive.message;
  if (message.to != s_.config.self || message.from == s_.config.self || message.from.is_none()) {
    return;
  }
  if (message.term.value() >= kOrdinalMax || !is_plausible(message.body)) return;
  dispatch(receive.message);
}

void Step::dispatch(Message& message) {
  if (!is_outside_terms(message.body) && !take_term(message)) return;
  if (is_from_leader(message.body)) {
    // One leader per term: anything else isn't Raft.
    if (s_.is<Leader>() || (s_.leader && *s_.leader != message.from)) return;
    if (message.term == Term()) return;
    heard_from_leader(message.from);
  }
  std::visit([&](auto& body) { receive(message, body); }, message.body);
}

// §3.3: a later term is taken over at once, an earlier one is stale. Whether to go on with
// `message`.
bool Step::take_term(const Message& message) {
  const auto* response = std::get_if<VoteResponse>(&message.body);
  if (message.term < s_.term) {
    // A pre-vote may be refused by a member that lags behind our term.
    if (response != nullptr && response->pre) return true;
    answer_stale(message);
    return false;
  }
  if (message.term == s_.term) return true;
  if (const auto* request = std::get_if<VoteRequest>(&message.body)) {
    // §4.2.3: whoever hears from a leader lets nobody disturb it.
    if (!request->transfer && sticky()) return false;
    if (request->pre) return true;
  }
  if (response != nullptr && response->pre && response->granted) return true;
  const bool leads = is_from_leader(message.body);
  become_follower(message.term, leads ? std::optional(message.from) : std::nullopt);
  return true;
}

// A deposed leader, or a member that was cut off, learns the newer term from the refusal.
void Step::answer_stale(const Message& message) {
  if (is_from_leader(message.body)) {
    AppendResponse refusal;
    refusal.counts = !s_.is<Recovering>();
    send(message.from, refusal, Wait::kHardState);
  } else if (const auto* request = std::get_if<VoteRequest>(&message.body)) {
    send(message.from, VoteResponse{request->pre, false}, Wait::kHardState);
  }
}

void Step::on(const Persisted& persisted) {
  check(!s_.pending_saves.empty() && persisted.id <= s_.last_save,
        "only saves that were issued are acknowledged, each once");
  while (!s_.pending_saves.empty() && s_.pending_saves.front().id <= persisted.id) {
    s_.log.persist(s_.pending_saves.front().through);
    s_.pending_saves.pop_front();
  }
  if (s_.is<Leader>()) {
    advance_commit();
  } else if (auto* candidate = std::get_if<Candidate>(&s_.role)) {
    // Its own vote is a vote like the others: it counts once it can't be forgotten.
    if (!hard_state_save() && candidate->votes.emplace(s_.config.self, true).second) count_votes();
  } else if (s_.is<Recovering>()) {
    finish_recovery();
  }
}

void Step::on(const Applied& applied) {
  check(applied.index <= s_.emitted, "only what was handed out is applied");
  s_.applied = std::max(s_.applied, applied.index);
}

void Step::on(const Campaign&) {
  campaign();
}

void Step::on(const Unreachable& unreachable) {
  Progress* progress = progress_of(unreachable.node);
  // What is under way to it is probably lost: find out where it stands before sending more.
  if (progress != nullptr && progress->state == Progress::State::kReplicate) {
    progress->probe_from(progress->match.next());
  }
}

// ---- the replica --------------------------------------------------------------------------------

namespace {

Index restored_commit(const Restored& restored, const Log& log) {
  Index commit = std::min(restored.hard_state.commit, log.last());
  commit = std::max(commit, log.base().index);
  return std::max(commit, restored.applied);
}

}  // namespace

Raft::Raft(const Config& config, const Restored& restored, TimePoint now)
    : state_(std::make_unique<State>()) {
  Replica& r = state_->replica;
  r.config = config;
  r.now = now;
  r.log = Log(restored);
  check(restored.applied <= r.log.last(), "the state machine is never ahead of its log");
  r.term = std::max(restored.hard_state.term, r.log.last_term());
  if (r.term == restored.hard_state.term) r.vote = restored.hard_state.vote;
  r.commit = restored_commit(restored, r.log);
  r.applied = std::max(restored.applied, r.log.base().index);
  r.emitted = r.applied;
  r.snapshot = restored.snapshot;
  r.saved_hard_state = {r.term, r.vote, r.commit};
  r.election_deadline = drawn_election_deadline(r);
  // A lease may count on what this replica heard before it restarted, and forgot.
  r.sticky_until = config.lease_reads ? now + config.election_timeout : now;
  if (!restored.whole && !is_alone(r)) {
    begin_recovery(r);
  } else if (!r.may_campaign()) {
    r.role = Learner{};
  }
}

Raft::Raft(const Raft& other) : state_(std::make_unique<State>(*other.state_)) {}
Raft::Raft(Raft&&) noexcept = default;
Raft& Raft::operator=(const Raft& other) {
  if (this != &other) state_ = std::make_unique<State>(*other.state_);
  return *this;
}
Raft& Raft::operator=(Raft&&) noexcept = default;
Raft::~Raft() = default;

Output Raft::step(Input input) {
  Step step(state_->replica);
  step.take(std::move(input));
  return step.finish();
}

Status Raft::status() const {
  const Replica& r = state_->replica;
  Status status;
  status.role = name_of_role(r.role);
  status.term = r.term;
  status.vote = r.vote;
  status.leader = r.leader;
  status.commit = r.commit;
  status.applied = r.applied;
  status.persisted = r.log.persisted();
  status.last_index = r.log.last();
  status.last_term = r.log.last_term();
  status.first_index = r.log.first();
  status.configuration = r.configuration();
  status.configuration_index = r.log.in_force().index;
  if (const auto* leader = std::get_if<Leader>(&r.role)) {
    if (r.transfer) status.transferee = r.transfer->to;
    for (const auto& [node, progress] : leader->progress) {
      status.peers.push_back(
          {node, progress.match, progress.next, progress.recent_active, progress.state});
    }
  }
  return status;
}

Term Raft::term() const {
  return state_->replica.term;
}
Index Raft::commit() const {
  return state_->replica.commit;
}
Index Raft::persisted() const {
  return state_->replica.log.persisted();
}
std::optional<NodeId> Raft::leader() const {
  return state_->replica.leader;
}
std::optional<std::uint64_t> Raft::time_ms() const {
  const auto* leader = std::get_if<Leader>(&state_->replica.role);
  if (leader == nullptr) return std::nullopt;
  return leader->time_ms(state_->replica.log);
}

RoleName Raft::role() const {
  return name_of_role(state_->replica.role);
}

TimePoint Raft::next_deadline() const {
  return deadline_of(state_->replica);
}

Index Raft::acknowledged(NodeId node) const {
  const auto found = state_->replica.acknowledged.find(node);
  return found == state_->replica.acknowledged.end() ? Index() : found->second;
}

std::vector<Entry> Raft::entries(Index from, Index to) const {
  const Log& log = state_->replica.log;
  std::vector<Entry> entries;
  for (Index at = std::max(from, log.first()); at <= std::min(to, log.last()); ++at) {
    entries.push_back(log.at(at));
  }
  return entries;
}

std::optional<Term> Raft::term_at(Index index) const {
  return state_->replica.log.term_at(index);
}

void Raft::verify() const {
  verify_replica(state_->replica);
}
std::string Raft::canonical() const {
  return canonical_bytes(state_->replica);
}
std::uint64_t Raft::hash() const {
  return hash64(canonical());
}
bool operator==(const Raft& a, const Raft& b) {
  return a.state_->replica == b.state_->replica;
}

RoleName name_of_role(const Role& role) {
  return static_cast<RoleName>(role.index());
}

TimePoint deadline_of(const Replica& replica) {
  TimePoint deadline = kNever;
  for (const auto& [read, until] : replica.forwarded_reads) deadline = std::min(deadline, until);
  if (replica.transfer) deadline = std::min(deadline, replica.transfer->deadline);
  if (const auto* leader = std::get_if<Leader>(&replica.role)) {
    deadline = std::min(deadline, leader->heartbeat_deadline);
    if (replica.config.check_quorum) deadline = std::min(deadline, leader->quorum_deadline);
    return deadline;
  }
  if (const auto* recovering = std::get_if<Recovering>(&replica.role)) {
    return std::min(deadline, recovering->query_deadline);
  }
  return replica.is<Learner>() ? deadline : std::min(deadline, replica.election_deadline);
}

}  // namespace detcd::raft
