// One replica of Raft as a pure value: `Output step(Input)` is its only door. It has no clock,
// dice, log, thread or coroutine; `now` comes with every input and the election timeout is
// PRF(seed, node, term). Same inputs, same outputs, in any process.
//
// The caller's part: carry out an Output in its order; write every Save and answer Persisted in
// SaveId order; send each message once its `after` is persisted (at once when it has none); apply
// committed entries in order and answer Applied; call tick at least every heartbeat interval
// (deadlines are computed from `now`, so a late or doubled tick only delays). On SnapshotNeeded it
// sends its newest snapshot beside an InstallSnapshot message of this replica's term, and then says
// SnapshotReported.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/units.h"
#include "raft/events.h"
#include "raft/message.h"
#include "raft/types.h"

namespace detcd::raft {

struct Config {
  NodeId self;
  std::uint64_t seed = 0;  // Of the election timeouts' PRF.
  Duration heartbeat_interval = 100ms;
  Duration election_timeout = 1000ms;  // Drawn in [this, 2 × this) per term.
  bool pre_vote = true;
  bool check_quorum = true;
  // Answer reads from the leader's lease (§6.4.1). Needs check_quorum, and the same election
  // timeout and both flags on all members: without them a follower forgets over a restart whom it
  // heard.
  bool lease_reads = false;
  std::size_t append_bytes_max = 1 << 20;   // Of entries in one append, at least one entry.
  std::size_t inflight_messages_max = 512;  // Appends under way to one replicating follower.
  std::size_t inflight_bytes_max = 64 << 20;
  // A leader's uncommitted proposals; beyond: refused.
  std::size_t uncommitted_bytes_max = 1ULL << 30;
  std::uint64_t catch_up_entries = 5000;  // Kept behind a compaction for slow followers.
  friend bool operator==(const Config&, const Config&) = default;
};

// What the disk gave back at start. `entries` follow `snapshot` without a gap.
struct Restored {
  HardState hard_state;
  std::optional<SnapshotMeta> snapshot;
  std::vector<Entry> entries;
  Index applied;  // The state machine already contains all up to here (≥ snapshot's index).
  // False when the vote or the synced log isn't provably whole: the replica starts as Recovering.
  // It stays false over restarts until RecoveryEnded and the saves before it are durable. Of two
  // voters neither commits without the other, so that such a member can't recover by itself.
  bool whole = true;
};

// ---- Inputs -------------------------------------------------------------------------------------

struct Tick {};
// Commands to replicate, in order. A follower forwards them; without a leader they are dropped
// (event ProposalDropped). `commands` are opaque.
struct Propose {
  std::vector<Bytes> commands;
};
struct Receive {
  Message message;
};
struct Persisted {
  SaveId id;
};
// All up to `index` is in the state machine.
struct Applied {
  Index index;
};
// The state machine now is the received snapshot's (sent after the Save that held it was
// persisted).
struct SnapshotInstalled {
  Index index;
};
// A linearizable read: answered by a ReadState with the same id (or, without a leader or after a
// change of leader, by ReadFailed in `events`). Many reads may share one id.
struct Read {
  std::uint64_t read_id = 0;  // Never used again, not in another life of the replica either.
};
// A new configuration (joint consensus; single-step when it differs by one voter and `joint` is not
// asked for). Refused (event ChangeRefused) unless this is the leader, has committed an entry of
// its term, and no change is under way. `context` goes into the entry.
struct ChangeConfiguration {
  Configuration target;  // voters and learners only
  bool force_joint = false;
  Bytes context;
};
struct TransferLeadership {  // §3.10. To a voter, from the leader.
  NodeId to;
};
struct Campaign {};  // Start an election now: also within a lease, which it doesn't respect.
// The shell's word on a snapshot it was asked to send, and on a peer that can't be reached.
struct SnapshotReported {
  NodeId to;
  bool delivered = false;
};
struct Unreachable {
  NodeId node;
};
// Forget the log up to `through` (≤ applied), of which a durable snapshot exists.
struct Compact {
  SnapshotMeta snapshot;
};

// The shell learned that this replica forgot something which it had said it would keep: from now on
// it is Recovering. The shell remembers that over restarts (Restored.whole), before any later save.
struct Doubt {};

// Ways that are always open, and that nothing asks for: the caller may take any of them with any
// input, and what the replica promises holds as well.
struct Leeway {
  bool single_entries = false;    // Appends of this step hold one entry each.
  bool snapshot_first = false;    // A follower is sent a snapshot where the log would do.
  bool shortest_timeout = false;  // An election timer set in this step gets the least of its range.
};

struct Input {
  TimePoint now;
  std::variant<Tick, Propose, Receive, Persisted, Applied, SnapshotInstalled, Read,
               ChangeConfiguration, TransferLeadership, Campaign, SnapshotReported, Unreachable,
               Compact, Doubt>
      what;
  Leeway leeway = {};
};

// ---- Output -------------------------------------------------------------------------------------

struct Outgoing {
  Message message;
  std::optional<SaveId> after;  // Send once this save is persisted; at once when empty.
};

struct ReadState {
  std::uint64_t read_id = 0;
  Index index;                // May be answered once this is applied.
  std::uint64_t time_ms = 0;  // The leader's logical time when it confirmed the read.
};

struct Output {
  std::optional<Save> save;
  std::vector<Outgoing> messages;
  // Apply in order. Committed by a quorum, perhaps of others: its own save may still be under way.
  // At most a few thousand at a time; Applied brings the next.
  std::vector<Entry> committed;
  // Install this received snapshot in the state machine, before `committed`; answer
  // SnapshotInstalled.
  std::optional<SnapshotMeta> install;
  std::vector<ReadState> reads;
  std::vector<Event> events;
};

// ---- The replica --------------------------------------------------------------------------------

enum class RoleName : std::uint8_t {
  kFollower,
  kPreCandidate,
  kCandidate,
  kLeader,
  kLearner,
  kRecovering,
};
[[nodiscard]] std::string_view name_of(RoleName role);

// What others may look at, a copy: never a way in.
struct Status {
  RoleName role = RoleName::kFollower;
  Term term;
  std::optional<NodeId> vote;
  std::optional<NodeId> leader;
  Index commit;
  Index applied;
  Index persisted;  // Last index known synced here.
  Index last_index;
  Term last_term;
  Index first_index;            // First entry still in the log.
  Configuration configuration;  // In force: the newest in the log, committed or not.
  Index configuration_index;
  std::optional<NodeId> transferee;
  struct Peer {
    NodeId node;
    Index match;
    Index next;
    bool recent_active = false;
    enum class State : std::uint8_t { kProbe, kReplicate, kSnapshot } state = State::kProbe;
  };
  std::vector<Peer> peers;  // Leader only, ordered by node.
};

class Raft {
 public:
  // A replica as its disk left it. `now` starts its election timer.
  // A first start restores a log of bootstrap configuration entries, committed, of term 1.
  Raft(const Config& config, const Restored& restored, TimePoint now);
  Raft(const Raft&);
  Raft(Raft&&) noexcept;
  Raft& operator=(const Raft&);
  Raft& operator=(Raft&&) noexcept;
  ~Raft();

  Output step(Input input);

  [[nodiscard]] Status status() const;
  // Parts of the status that are asked for all the time.
  [[nodiscard]] Term term() const;
  [[nodiscard]] Index commit() const;
  [[nodiscard]] Index persisted() const;  // Last index known synced here.
  [[nodiscard]] std::optional<NodeId> leader() const;
  [[nodiscard]] RoleName role() const;
  // The logical time of an entry that was appended in the last step; none unless it leads.
  [[nodiscard]] std::optional<std::uint64_t> time_ms() const;
  // When the next tick can do anything: the earliest deadline of election, heartbeat, quorum check.
  [[nodiscard]] TimePoint next_deadline() const;
  // Entries of [from, to] still in the log, for oracles and for recovery of the state machine.
  [[nodiscard]] std::vector<Entry> entries(Index from, Index to) const;
  [[nodiscard]] std::optional<Term> term_at(Index index) const;
  // The highest index that `node` ever acknowledged to this replica; 0: none that it knows of.
  [[nodiscard]] Index acknowledged(NodeId node) const;
  // Checks the invariants of this replica's state; costs O(log), for tests and the simulator.
  void verify() const;
  // Canonical bytes of the whole state, and a hash of them: equal states, equal bytes.
  [[nodiscard]] std::string canonical() const;
  [[nodiscard]] std::uint64_t hash() const;
  friend bool operator==(const Raft& a, const Raft& b);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detcd::raft
