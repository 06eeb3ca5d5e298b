// The seam between connections and the node: request values in, answer values out, by mailbox
// (DESIGN §3, "Connections are actors"). A connection may live on another thread; it never touches
// the node, and the node never waits for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apply/applier.h"
#include "apply/command.h"
#include "apply/range_stream.h"
#include "auth/types.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/units.h"
#include "membership/membership.h"
#include "runtime/mailbox.h"
#include "server/election_types.h"
#include "watch/types.h"

namespace detcd::server {

// Chosen by the connection, unique among its calls for its whole life: (stream, generation) packed.
using CallId = Id<struct CallIdTag>;

// Filled on the node's strand in the step that makes the answer (ETCD.md §3.2).
struct ResponseHeader {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  std::int64_t revision = 0;
  std::uint64_t raft_term = 0;
  friend bool operator==(const ResponseHeader&, const ResponseHeader&) = default;
};

struct MemberListRequest {
  bool linearizable = false;
  bool of_peer = false;  // Asked on the peers' port, by who wants to join: anybody may.
};
struct StatusRequest {};
// Of the whole backend, as etcd's would be.
struct HashRequest {};
struct DefragmentRequest {};
struct MoveLeaderRequest {
  std::uint64_t target = 0;
};
// A stream: answered with pieces, more of them as credit comes.
struct SnapshotRequest {};
struct HashKvRequest {
  std::int64_t revision = 0;
};
// /health asks for more than liveness: a leader and a quorum read (ETCD.md §5.2).
struct HealthRequest {
  bool serializable = false;
  std::vector<std::string> exclude;  // Names of alarms that don't matter.
};
// GET /version; answered at any time, by VersionInfo.
struct VersionRequest {};
// grpc.health.v1: answered at any time, by ServingAnswer; a stream is answered again at each
// change.
struct ServingRequest {
  bool stream = false;
};

// These hold passwords in clear, which go no further than to the node.
struct AuthenticateRequest {
  std::string name;
  std::string password;
};
struct UserAddRequest {
  std::string name;
  std::string password;
  bool no_password = false;
};
struct ChangePasswordRequest {
  std::string name;
  std::string password;
  std::string hashed_password;  // Base64 of a hash, taken when the password is empty.
};

// What a client's metadata held to say who it is (ETCD.md §3.3).
using Token = std::optional<std::string>;

// A stream of a range's rows, in pieces.
struct RangeStreamRequest {
  apply::RangeRequest range;
};

// A stream of watches begins; an error ends it. What its client asks on it comes in calls with the
// same id, and so do the answers.
struct WatchOpen {};

// A stream of keep-alives begins, as one of watches does; and one keep-alive on it.
struct KeepAliveOpen {};
struct KeepAliveRequest {
  std::int64_t lease = 0;
};

// A membership::Change of kind kAdd comes without an id.
using Request =
    std::variant<apply::RangeRequest, apply::PutRequest, apply::DeleteRangeRequest,
                 apply::TxnRequest, apply::CompactionRequest, apply::AlarmRequest,
                 MemberListRequest, StatusRequest, HashKvRequest, apply::DowngradeRequest,
                 HashRequest, DefragmentRequest, MoveLeaderRequest, SnapshotRequest, HealthRequest,
                 VersionRequest, ServingRequest, WatchOpen, watch::Request,
                 apply::LeaseGrantRequest, apply::LeaseRevokeRequest, apply::LeaseTimeToLiveRequest,
                 apply::LeaseLeasesRequest, KeepAliveOpen, KeepAliveRequest, AuthenticateRequest,
                 UserAddRequest, ChangePasswordRequest, auth::Change, auth::Query,
                 RangeStreamRequest, ElectionRequest, membership::Change>;

// Header without revision.
struct MemberListResponse {
  std::vector<membership::Member> members;
  std::optional<membership::Member> added;  // By the change that this answers.
};
struct StatusResponse {
  std::string version;  // The API level, "3.7.1".
  std::int64_t db_size = 0;
  std::uint64_t leader = 0;
  std::uint64_t raft_index = 0;
  std::uint64_t raft_term = 0;
  std::uint64_t raft_applied_index = 0;
  std::vector<std::string> errors;
  std::int64_t db_size_in_use = 0;
  bool is_learner = false;
  std::string storage_version;
  std::int64_t db_size_quota = 0;
  std::string downgrade_target;  // Empty: no downgrade is under way.
};
struct HealthResponse {
  bool healthy = false;
  std::string reason;  // "RAFT NO LEADER", "" …
};

// Not while the member doubts its own state (DESIGN §5, "Alarms").
struct ServingAnswer {
  bool serving = false;
};

// What GET /version says.
struct VersionInfo {
  std::string server = "3.7.1";
  std::string cluster = "not_decided";
  std::string storage = "unknown";
};

// What the client of a stream of watches is told next. Each response has a revision of its own.
struct WatchAnswer {
  std::uint32_t accepted = 0;  // So many more of its requests were taken.
  std::vector<watch::Response> responses;
};

// Of MoveLeader and Defragment, whose answers say nothing.
struct Acknowledged {};
struct HashAnswer {
  std::uint32_t hash = 0;
};
struct SnapshotPiece {
  std::uint64_t remaining_bytes = 0;
  Bytes blob;
  std::string version;
  bool last = false;  // The checksum of all before.
};

struct KeepAliveAnswer {
  std::int64_t lease = 0;
  std::int64_t ttl = 0;  // 0: there is no such lease.
};

using Outcome = std::variant<apply::Response, MemberListResponse, StatusResponse,
                             apply::HashKvAnswer, HealthResponse, VersionInfo, ServingAnswer,
                             Acknowledged, HashAnswer, SnapshotPiece, WatchAnswer,
                             apply::LeaseTimeToLiveResponse, apply::LeaseLeasesResponse,
                             KeepAliveAnswer, apply::RangePiece, ElectionAnswer, apply::ApiError>;

// Room that a large answer takes up at the node until its receiver destroys this, on any thread:
// when the client has taken the answer, or never will.
class Held {
 public:
  virtual ~Held() = default;
};

struct Reply {
  CallId call;
  ResponseHeader header;
  Outcome outcome;
  std::unique_ptr<Held> held = nullptr;  // None for what isn't large.
};

struct Call {
  CallId call;
  // From the client's `traceparent` metadata (W3C Trace Context), low 64 bits of the trace id; 0:
  // none.
  std::uint64_t trace = 0;
  // The client sent `hasleader: true`: refused at once when no leader is known (ETCD.md §3.3).
  bool require_leader = false;
  Token token;
  TimePoint deadline = kNever;  // On the node's boot clock; the request timeout applies as well.
  Request request;
  runtime::Mailbox<Reply>::Sender reply;
};

// Takes back a call whose client went away: its answer is no longer wanted. What was proposed
// stays.
struct Forget {
  CallId call;
  runtime::Mailbox<Reply>::Sender reply;
};

// Large answers to this connection are no more (server/answer_room.h sends it by itself).
struct Taken {
  runtime::Mailbox<Reply>::Sender connection;
  std::size_t bytes = 0;
};

// The client of a stream has taken so much of what it was told: as much more may be sent.
struct Credit {
  CallId call;
  runtime::Mailbox<Reply>::Sender reply;
  std::int64_t responses = 0;
  std::int64_t bytes = 0;
};

using ToNode = std::variant<Call, Forget, Taken, Credit>;

// What a connection gets when it is made.
struct Service {
  runtime::Mailbox<ToNode>::Sender node;
};

}  // namespace detcd::server
