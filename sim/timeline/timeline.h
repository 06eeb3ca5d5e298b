// What a picture of a run is drawn from, as plain data in virtual time: members' roles and commit
// indexes, what they said to each other, faults, log lines, and the clients' calls.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/history/history.h"
#include "sim/kernel/time.h"
#include "sim/plan/plan.h"

namespace detcd::sim {

// What a member's lane shows: Raft's roles, and what keeps a member from having one.
enum class Band : std::uint8_t {
  kFollower,
  kPreCandidate,
  kCandidate,
  kLeader,
  kLearner,
  kRecovering,
  kOpening,  // The process runs, Raft doesn't yet.
  kCrashed,
  kPowerLost,
};

struct RoleRecord {  // From `at` on.
  VirtualTime at;
  std::uint32_t node = 0;
  Band band = Band::kOpening;
  std::uint64_t term = 0;
  std::uint64_t leader = 0;  // Member id that it follows; 0: none.
  friend bool operator==(const RoleRecord&, const RoleRecord&) = default;
};

struct CommitRecord {  // From `at` on.
  VirtualTime at;
  std::uint32_t node = 0;
  std::uint64_t commit = 0;
  std::uint64_t synced = 0;  // Of its log.
  friend bool operator==(const CommitRecord&, const CommitRecord&) = default;
};

// The first are those of raft::Body, in its order; the others are the peer protocol's own frames.
enum class MessageKind : std::uint8_t {
  kVoteRequest,
  kVoteResponse,
  kAppendRequest,
  kAppendResponse,
  kHeartbeat,
  kHeartbeatResponse,
  kInstallSnapshot,
  kTimeoutNow,
  kForwardProposal,
  kForwardRead,
  kReadAnswer,
  kRecoveryQuery,
  kRecoveryAnswer,
  kHello,
  kWelcome,
  kSnapshotPiece,
  kSnapshotTaken,
};
enum class Fate : std::uint8_t { kUnderWay, kArrived, kLost };

struct MessageRecord {
  VirtualTime sent;   // Its first byte left.
  VirtualTime ended;  // Its last byte arrived, or it was clear that it never would.
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  MessageKind kind = MessageKind::kHeartbeat;
  Fate fate = Fate::kUnderWay;
  std::uint64_t term = 0;
  std::array<std::uint64_t, 4> fields{};  // What they mean is in kinds_of_messages().
  friend bool operator==(const MessageRecord&, const MessageRecord&) = default;
};

struct MessageKindWords {
  std::string name;
  std::string group;                // What the page filters by.
  std::vector<std::string> fields;  // At most four.
};
[[nodiscard]] const std::vector<MessageKindWords>& kinds_of_messages();

struct NodeEvent {  // What a member did or logged.
  VirtualTime at;
  std::uint32_t node = 0;
  std::string kind;  // "vote", "info", …
  std::string text;
  friend bool operator==(const NodeEvent&, const NodeEvent&) = default;
};

struct FaultRecord {
  VirtualTime at;
  VirtualTime until;  // As planned; the calm may end it before.
  std::string kind;   // As in a trace file: "partition".
  std::string text;   // Its words there.
  std::vector<std::uint32_t> nodes;
  bool done = false;
  friend bool operator==(const FaultRecord&, const FaultRecord&) = default;
};

struct Call {
  CallRecord record;
  std::uint64_t index = 0;  // In the log: where it was written or served; 0: nowhere.
  std::uint32_t node = 0;   // Whose answer its client took, else who served it; 0: nobody known.
};

// What became of a watch, in its client's lane.
enum class WatchMarkKind : std::uint8_t {
  kWanted,     // The client wants it from now on.
  kAsked,      // It asks a member for it.
  kCreated,    // The member answers that it is there,
  kResumed,    // … once more, on another stream,
  kRefused,    // … or that it won't be.
  kEvents,     // One response with events.
  kProgress,   // Nothing more happened up to a revision.
  kCompacted,  // What it asks for is gone: its end.
  kCanceled,   // Its end by the server otherwise.
  kLost,       // The client's stream is gone, and with it all that was on it.
  kUnwanted,   // Its end by the client.
  kHalted,     // The stream ended for good.
};
struct WatchMark {
  VirtualTime at;
  std::uint32_t client = 0;
  std::uint64_t watch = 0;  // The plan's name; 0: all of the client's.
  WatchMarkKind kind = WatchMarkKind::kWanted;
  std::uint32_t node = 0;      // Who told; 0: nobody.
  std::uint64_t revision = 0;  // Of the response's header.
  std::uint64_t first = 0;     // Revisions of its events.
  std::uint64_t last = 0;
  std::string words;
  std::vector<std::string> keys;  // Its range, or those of its events: what the page filters by.
  friend bool operator==(const WatchMark&, const WatchMark&) = default;
};

struct Timeline {
  std::vector<RoleRecord> roles;
  std::vector<CommitRecord> commits;
  std::vector<MessageRecord> messages;  // By `sent`.
  std::vector<NodeEvent> events;
  std::vector<FaultRecord> faults;
  std::vector<Call> calls;  // By id.
  std::vector<WatchMark> watches;
  std::map<std::uint64_t, VirtualTime> lease_entries;  // Index → when it was applied first.
  std::map<std::uint64_t, std::uint32_t> members;
  std::optional<VirtualTime> calm;  // All faults ended here.
  VirtualTime end;
  std::uint64_t hash = 0;  // Of the run up to `end`.
  std::uint64_t kernel_events = 0;
};

}  // namespace detcd::sim
