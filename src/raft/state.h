// Internal: everything a replica remembers between two inputs, as plain data. Times are the
// caller's; nothing here points anywhere, so that a copy is another replica.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "raft/log.h"
#include "raft/progress.h"
#include "raft/raft.h"
#include "raft/read_index.h"
#include "raft/types.h"

namespace detcd::raft {

using Votes = std::map<NodeId, bool, IdOrder>;

struct Follower {
  friend bool operator==(const Follower&, const Follower&) = default;
};

// §9.6: asks whether an election could be won, without touching anybody's term.
struct PreCandidate {
  Votes votes;
  friend bool operator==(const PreCandidate&, const PreCandidate&) = default;
};

struct Candidate {
  Votes votes;  // Its own counts once it is synced.
  bool transfer = false;
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

// A round of heartbeats and when it was sent: a quorum's answers make a lease from then on.
struct SentRound {
  std::uint64_t round = 0;
  TimePoint sent;
  friend bool operator==(const SentRound&, const SentRound&) = default;
};

struct Leader {
  std::map<NodeId, Progress, IdOrder> progress;  // Of every member but itself.
  TimePoint heartbeat_deadline;
  TimePoint quorum_deadline;
  std::uint64_t round = 0;              // The newest heartbeat round.
  std::deque<SentRound> sent_rounds;    // Not older than an election timeout, ascending.
  std::optional<TimePoint> lease_from;  // When the newest round that a quorum answered was sent.
  bool lease_void = false;              // A transfer was ordered: votes may ignore stickiness.
  ReadIndex reads;
  std::uint64_t uncommitted_bytes = 0;
  Index first_of_term;             // Its first entry; committed: it may read and reconfigure.
  std::uint64_t base_time_ms = 0;  // The last entry's time when it was elected.
  Duration elapsed{0};             // Since then, without pauses.
  // Of an entry that is appended now (DESIGN §5).
  [[nodiscard]] std::uint64_t time_ms(const Log& log) const;
  friend bool operator==(const Leader&, const Leader&) = default;
};

// Not a voter, by all it knows: it follows, and never campaigns.
struct Learner {
  friend bool operator==(const Learner&, const Learner&) = default;
};

// A member that may have forgotten a vote or an acknowledgement (recovery.cc).
struct Recovering {
  struct Fence {
    Index index;
    Term term;
    friend bool operator==(const Fence&, const Fence&) = default;
  };
  std::uint64_t nonce = 0;
  TimePoint query_deadline;
  std::map<NodeId, Term, IdOrder> answers;  // Of whole members, for this nonce.
  std::optional<Fence> fence;
  friend bool operator==(const Recovering&, const Recovering&) = default;
};

using Role = std::variant<Follower, PreCandidate, Candidate, Leader, Learner, Recovering>;

// A Save that was issued and not yet acknowledged.
struct PendingSave {
  SaveId id;
  Index through;            // It makes this log durable up to here; lowered when that is truncated.
  bool hard_state = false;  // It holds a new term or vote.
  friend bool operator==(const PendingSave&, const PendingSave&) = default;
};

struct Transfer {
  NodeId to;
  TimePoint deadline;
  bool ordered = false;  // TimeoutNow was sent.
  friend bool operator==(const Transfer&, const Transfer&) = default;
};

struct Replica {
  Config config;
  TimePoint now;
  Role role;

  Term term;
  std::optional<NodeId> vote;
  std::optional<NodeId> leader;
  Log log;
  Index commit;
  Index emitted;  // Handed out to be applied.
  Index applied;
  std::optional<Index> installing;       // A received snapshot that the state machine isn't yet.
  std::optional<SnapshotMeta> snapshot;  // The newest durable one.

  SaveId last_save;
  HardState saved_hard_state;  // As the last issued Save left it.
  std::optional<SnapshotMeta> unsaved_snapshot;
  std::deque<PendingSave> pending_saves;

  TimePoint election_deadline;
  std::uint64_t attempt = 0;  // Campaigns begun in this term.
  TimePoint sticky_until;     // §4.2.3: until then votes are refused.
  std::optional<Transfer> transfer;
  std::map<std::uint64_t, TimePoint> forwarded_reads;  // Read id, and when to give it up.
  std::map<NodeId, Index, IdOrder> acknowledged;       // Highest that each ever acknowledged to us.

  [[nodiscard]] const Configuration& configuration() const { return log.in_force().configuration; }
  [[nodiscard]] bool is_voter() const { return configuration().is_voter(config.self); }
  // §4.2.2: one whose removal isn't committed still campaigns, without counting its own vote: the
  // others may need its log.
  [[nodiscard]] bool may_campaign() const { return log.may_be_voter(config.self, commit); }
  template <class R>
  [[nodiscard]] bool is() const {
    return std::holds_alternative<R>(role);
  }
  friend bool operator==(const Replica&, const Replica&) = default;
};

// The State of raft.h.
struct Raft::State {
  Replica replica;
};

[[nodiscard]] RoleName name_of_role(const Role& role);
// The replica asks its peers from now on, and abstains in this term: whatever it voted is
// forgotten.
void begin_recovery(Replica& replica);
// Its own voter and nobody else: there are no peers to ask.
[[nodiscard]] bool is_alone(const Replica& replica);
// When this replica campaigns if it hears nothing from now on.
[[nodiscard]] TimePoint drawn_election_deadline(const Replica& replica);
// The earliest instant at which time alone changes anything.
[[nodiscard]] TimePoint deadline_of(const Replica& replica);
// Canonical bytes (canonical.cc) and the invariants (verify.cc) of a replica.
[[nodiscard]] std::string canonical_bytes(const Replica& replica);
void verify_replica(const Replica& replica);

}  // namespace detcd::raft
