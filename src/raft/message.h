// What replicas say to each other. One struct per kind: a field that is there means something.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "raft/types.h"

namespace detcd::raft {

// Dissertation §3.4, §9.6 (pre-vote). `transfer`: the campaign was asked for by the leader (§3.10),
// so stickiness (§4.2.3) doesn't hold it back.
struct VoteRequest {
  bool pre = false;
  bool transfer = false;
  Index last_index;
  Term last_term;
  friend bool operator==(const VoteRequest&, const VoteRequest&) = default;
};
struct VoteResponse {
  bool pre = false;
  bool granted = false;
  friend bool operator==(const VoteResponse&, const VoteResponse&) = default;
};

// Dissertation §3.5. An append without entries is a probe or carries a new commit index.
struct AppendRequest {
  Index previous_index;
  Term previous_term;
  std::vector<Entry> entries;
  Index commit;
  friend bool operator==(const AppendRequest&, const AppendRequest&) = default;
};
struct AppendResponse {
  bool accepted = false;
  Index match;       // Accepted: the log is synced and equal up to here.
  Index rejected;    // Refused: the previous_index that didn't fit,
  Index hint_index;  // the last index that might fit,
  Term hint_term;    // and its term here (0 when compacted).
  // False from a Recovering member: it takes entries, but the answer steers replication only and
  // counts in no quorum.
  bool counts = true;
  friend bool operator==(const AppendResponse&, const AppendResponse&) = default;
};

// `round` ties the answers to a ReadIndex round (§6.4) and to CheckQuorum; rounds begin at 1, and a
// Recovering member answers 0, which counts for nothing. `commit` ≤ the receiver's match. The state
// hash of DESIGN §4 rides along when the shell attaches it to the frame.
struct Heartbeat {
  Index commit;
  std::uint64_t round = 0;
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};
struct HeartbeatResponse {
  std::uint64_t round = 0;
  friend bool operator==(const HeartbeatResponse&, const HeartbeatResponse&) = default;
};

// The shell sends the state's bytes beside it; the receiver's shell delivers this only when they
// are complete and durable on its disk.
struct InstallSnapshot {
  SnapshotMeta meta;
  friend bool operator==(const InstallSnapshot&, const InstallSnapshot&) = default;
};

struct TimeoutNow {  // §3.10
  friend bool operator==(const TimeoutNow&, const TimeoutNow&) = default;
};

// Proposals and reads of a follower's clients, forwarded to the leader. Forwarded proposals may be
// lost: the proposer's deadline answers its client.
struct ForwardProposal {
  std::vector<Bytes> commands;
  friend bool operator==(const ForwardProposal&, const ForwardProposal&) = default;
};
struct ForwardRead {
  std::uint64_t read_id = 0;  // The follower's own.
  friend bool operator==(const ForwardRead&, const ForwardRead&) = default;
};
struct ReadAnswer {
  std::uint64_t read_id = 0;
  Index index;
  std::uint64_t time_ms = 0;  // The leader's logical time then.
  friend bool operator==(const ReadAnswer&, const ReadAnswer&) = default;
};

// A Recovering member asks everybody. It waits for the whole members' terms and for the leader's
// fence; the indices are for whoever looks at the messages.
struct RecoveryQuery {
  std::uint64_t nonce = 0;
  friend bool operator==(const RecoveryQuery&, const RecoveryQuery&) = default;
};
struct RecoveryAnswer {
  std::uint64_t nonce = 0;
  Index last_index;    // Of the answering member's log, synced.
  Index acknowledged;  // The highest index it remembers the asker to have acknowledged.
  // From the leader: the index of an entry of its term that it appended after the query arrived.
  // Once that is committed, no vote or acknowledgement that the asker gave and forgot can do harm.
  std::optional<Index> fence;
  friend bool operator==(const RecoveryAnswer&, const RecoveryAnswer&) = default;
};

using Body = std::variant<VoteRequest, VoteResponse, AppendRequest, AppendResponse, Heartbeat,
                          HeartbeatResponse, InstallSnapshot, TimeoutNow, ForwardProposal,
                          ForwardRead, ReadAnswer, RecoveryQuery, RecoveryAnswer>;

struct Message {
  NodeId from;
  NodeId to;
  Term term;  // The sender's; a pre-vote carries the term it would campaign in.
  Body body;
  friend bool operator==(const Message&, const Message&) = default;
};

[[nodiscard]] std::string_view name_of(const Body& body);

}  // namespace detcd::raft
