// Elections: timers, pre-vote, votes, stickiness, transfer of leadership.
#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "raft/quorum.h"
#include "raft/step.h"

namespace detcd::raft {

void Step::tick_election() {
  if (s_.is<Learner>() || s_.now < s_.election_deadline) return;
  campaign();
}

// §3.4: timeouts differ by node, term and attempt, so that split votes are rare and don't repeat.
TimePoint drawn_election_deadline(const Replica& replica) {
  constexpr std::uint64_t kSite = 0x656c656374;
  const Config& config = replica.config;
  const std::uint64_t draw = keyed_draw(config.seed, kSite, config.self.value(),
                                        mix64(replica.term.value(), replica.attempt));
  const auto spread = static_cast<std::uint64_t>(config.election_timeout.count());
  return replica.now + config.election_timeout + Duration(draw % spread);
}

void Step::reset_election_deadline() {
  s_.election_deadline =
      leeway_.shortest_timeout ? s_.now + s_.config.election_timeout : drawn_election_deadline(s_);
}

void Step::heard_from_leader(NodeId from) {
  if (s_.is<PreCandidate>() || s_.is<Candidate>() || s_.leader != from) {
    become_follower(s_.term, from);
  }
  reset_election_deadline();
  s_.sticky_until = s_.now + s_.config.election_timeout;
}

void Step::set_role(Role role) {
  const RoleName from = name_of_role(s_.role);
  s_.role = std::move(role);
  const RoleName to = name_of_role(s_.role);
  if (from != to) emit(RoleChanged{from, to, s_.term});
}

void Step::set_leader(std::optional<NodeId> known) {
  if (s_.leader == known) return;
  s_.leader = known;
  fail_forwarded_reads(true);
  emit(LeaderChanged{known, s_.term});
  if (known && s_.transfer && !s_.is<Leader>()) end_transfer(*known == s_.transfer->to);
}

void Step::become_follower(Term term, std::optional<NodeId> known) {
  const bool newer = term > s_.term;
  if (newer) {
    s_.term = term;
    s_.attempt = 0;
    s_.vote.reset();
    // It may have voted in this term and forgotten: a vote for itself, never used, is abstention.
    if (s_.is<Recovering>()) s_.vote = s_.config.self;
  }
  if (s_.is<Leader>()) abandon_reads();
  if (s_.is<Leader>() || s_.is<Candidate>() || s_.is<PreCandidate>()) {
    if (s_.may_campaign()) {
      set_role(Follower{});
    } else {
      set_role(Learner{});
    }
    reset_election_deadline();
  }
  if (newer && s_.leader && s_.leader == known) emit(LeaderChanged{known, s_.term});
  set_leader(known);
}

void Step::step_down(std::optional<NodeId> known) {
  become_follower(s_.term, known);
}

// §4.2.3: within the minimum election timeout of hearing from a leader, nobody else gets a vote.
bool Step::sticky() const {
  return s_.config.check_quorum && (s_.is<Leader>() || s_.now < s_.sticky_until);
}

void Step::campaign() {
  if (s_.is<Leader>() || s_.is<Recovering>() || s_.is<Learner>()) return;
  if (!s_.config.pre_vote) return start_election(false);
  ++s_.attempt;
  reset_election_deadline();
  PreCandidate role;
  role.votes.emplace(s_.config.self, true);
  set_role(std::move(role));
  set_leader(std::nullopt);
  VoteRequest request;
  request.pre = true;
  request.last_index = s_.log.last();
  request.last_term = s_.log.last_term();
  for (const NodeId node : s_.configuration().voters) {
    if (node != s_.config.self) send_at(node, request, s_.term.next(), Wait::kNothing);
  }
  for (const NodeId node : s_.configuration().voters_outgoing) {
    if (node != s_.config.self && !s_.configuration().voters.contains(node)) {
      send_at(node, request, s_.term.next(), Wait::kNothing);
    }
  }
  count_pre_votes();
}

// §3.4. The requests wait until the own vote is synced, and so does that vote (raft.cc, Persisted).
void Step::start_election(bool transfer) {
  s_.term = s_.term.next();
  s_.vote = s_.config.self;
  s_.attempt = 0;
  reset_election_deadline();
  Candidate role;
  role.transfer = transfer;
  set_role(std::move(role));
  set_leader(std::nullopt);
  emit(VoteCast{s_.config.self, s_.term});
  VoteRequest request;
  request.transfer = transfer;
  request.last_index = s_.log.last();
  request.last_term = s_.log.last_term();
  NodeSet voters = s_.configuration().voters;
  voters.insert(s_.configuration().voters_outgoing.begin(),
                s_.configuration().voters_outgoing.end());
  for (const NodeId node : voters) {
    if (node != s_.config.self) send(node, request, Wait::kHardState);
  }
}

void Step::count_pre_votes() {
  const auto* role = std::get_if<PreCandidate>(&s_.role);
  if (role == nullptr) return;
  switch (vote_result(s_.configuration(), role->votes)) {
    case VoteResult::kPending:
      return;
    case VoteResult::kWon:
      return start_election(false);
    case VoteResult::kLost:
      return become_follower(s_.term, std::nullopt);
  }
}

void Step::count_votes() {
  const auto* role = std::get_if<Candidate>(&s_.role);
  if (role == nullptr) return;
  switch (vote_result(s_.configuration(), role->votes)) {
    case VoteResult::kPending:
      return;
    case VoteResult::kWon:
      return become_leader();
    case VoteResult::kLost:
      return become_follower(s_.term, std::nullopt);
  }
}

void Step::become_leader() {
  Leader role;
  role.heartbeat_deadline = s_.now + s_.config.heartbeat_interval;
  role.quorum_deadline = s_.now + s_.config.election_timeout;
  role.base_time_ms = s_.log.last_time_ms();
  role.first_of_term = s_.log.last().next();
  for (Index index = s_.commit.next(); index <= s_.log.last(); ++index) {
    role.uncommitted_bytes += s_.log.at(index).data.size();
  }
  set_role(std::move(role));
  set_leader(s_.config.self);
  adopt_members();
  // §3.6.2, §6.4: what is left of older terms commits with an entry of this one.
  append(EntryKind::kCommand, Bytes());
  broadcast_append();
}

void Step::receive(const Message& message, const VoteRequest& request) {
  const bool up_to_date = s_.log.is_up_to_date(request.last_term, request.last_index);
  if (request.pre) {
    if (s_.is<Recovering>()) return;
    const bool granted = message.term > s_.term && up_to_date;
    return send_at(message.from, VoteResponse{true, granted}, granted ? message.term : s_.term,
                   Wait::kNothing);
  }
  // What a Recovering member said before may be forgotten: it says nothing now.
  if (s_.is<Recovering>()) return;
  // A vote for itself may also be an abstention (become_follower). A term that came with something
  // else than this request doesn't end the stickiness that a lease of the term before relies on.
  const bool held_back = !s_.vote && !request.transfer && sticky();
  const bool free = s_.vote ? *s_.vote == message.from : !s_.leader;
  const bool granted = free && up_to_date && !held_back && !s_.is<Leader>();
  if (granted && !s_.vote) {
    s_.vote = message.from;
    emit(VoteCast{message.from, s_.term});
  }
  if (granted) reset_election_deadline();
  send(message.from, VoteResponse{false, granted}, Wait::kHardState);
}

void Step::receive(const Message& message, const VoteResponse& response) {
  if (!s_.configuration().is_voter(message.from)) return;
  if (auto* role = std::get_if<PreCandidate>(&s_.role); role != nullptr && response.pre) {
    if (response.granted && message.term != s_.term.next()) return;
    role->votes.emplace(message.from, response.granted);
    return count_pre_votes();
  }
  auto* role = std::get_if<Candidate>(&s_.role);
  if (role == nullptr || response.pre || message.term != s_.term) return;
  role->votes.emplace(message.from, response.granted);
  count_votes();
}

// §3.10: the leader says that this log is complete and that it should campaign at once.
void Step::receive(const Message& message, const TimeoutNow&) {
  if (message.term != s_.term || s_.is<Leader>() || s_.is<Recovering>() || s_.is<Learner>()) return;
  start_election(true);
}

void Step::on(const TransferLeadership& transfer) {
  const bool possible = s_.is<Leader>() && !s_.transfer &&
                        s_.configuration().is_voter(transfer.to) && transfer.to != s_.config.self;
  if (!possible) {
    const bool done = s_.is<Leader>() && transfer.to == s_.config.self;
    return emit(TransferEnded{transfer.to, done});
  }
  s_.transfer = Transfer{transfer.to, s_.now + s_.config.election_timeout, false};
  order_transfer();
  Progress* progress = progress_of(transfer.to);
  if (progress != nullptr && !s_.transfer->ordered) {
    progress->probe_sent = false;
    send_append(transfer.to, *progress, true);
  }
}

// The order goes out as soon as the receiver has the whole log.
void Step::order_transfer() {
  if (!s_.transfer || s_.transfer->ordered) return;
  const Progress* progress = progress_of(s_.transfer->to);
  if (progress == nullptr || !progress->counts || progress->match != s_.log.last()) return;
  s_.transfer->ordered = true;
  // The campaign it asks for isn't held back by stickiness, now or whenever the order arrives: no
  // read of this term may rely on the lease any more.
  leader()->lease_void = true;
  send(s_.transfer->to, TimeoutNow{});
}

void Step::end_transfer(bool done) {
  emit(TransferEnded{s_.transfer->to, done});
  s_.transfer.reset();
}

}  // namespace detcd::raft
