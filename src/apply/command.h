// Requests and answers of the KV service and the commands that are replicated, as plain values: the
// deterministic part never depends on a serializer. Field meanings are etcd's (ETCD.md §1.2, §2).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apply/api_error.h"
#include "apply/lease_command.h"
#include "apply/member_command.h"
#include "auth/types.h"
#include "base/ids.h"
#include "mvcc/types.h"

namespace detcd::apply {

using mvcc::KeyValue;
using mvcc::Revision;

enum class SortOrder : std::uint8_t { kNone, kAscend, kDescend };
enum class SortTarget : std::uint8_t { kKey, kVersion, kCreate, kMod, kValue };

struct RangeRequest {
  std::string key;
  std::string range_end;
  std::int64_t limit = 0;
  Revision revision = 0;
  std::int32_t sort_order =
      0;  // As on the wire: values outside the enum are refused by validation.
  std::int32_t sort_target = 0;
  bool serializable = false;
  bool keys_only = false;
  bool count_only = false;
  Revision min_mod_revision = 0;
  Revision max_mod_revision = 0;
  Revision min_create_revision = 0;
  Revision max_create_revision = 0;
  friend bool operator==(const RangeRequest&, const RangeRequest&) = default;
};
struct RangeResponse {
  Revision header_revision = 0;
  std::vector<KeyValue> kvs;
  bool more = false;
  std::int64_t count = 0;
  friend bool operator==(const RangeResponse&, const RangeResponse&) = default;
};

struct PutRequest {
  std::string key;
  std::string value;
  std::int64_t lease = 0;
  bool prev_kv = false;
  bool ignore_value = false;
  bool ignore_lease = false;
  friend bool operator==(const PutRequest&, const PutRequest&) = default;
};
struct PutResponse {
  Revision header_revision = 0;
  std::optional<KeyValue> prev_kv;
  friend bool operator==(const PutResponse&, const PutResponse&) = default;
};

struct DeleteRangeRequest {
  std::string key;
  std::string range_end;
  bool prev_kv = false;
  friend bool operator==(const DeleteRangeRequest&, const DeleteRangeRequest&) = default;
};
struct DeleteRangeResponse {
  Revision header_revision = 0;
  std::int64_t deleted = 0;
  std::vector<KeyValue> prev_kvs;
  friend bool operator==(const DeleteRangeResponse&, const DeleteRangeResponse&) = default;
};

enum class CompareTarget : std::int32_t { kVersion, kCreate, kMod, kValue, kLease };
enum class CompareResult : std::int32_t { kEqual, kGreater, kLess, kNotEqual };

struct Compare {
  std::int32_t result = 0;  // As on the wire; unknown values hold (ETCD.md §2.5).
  std::int32_t target = 0;
  std::string key;
  std::string range_end;
  std::int64_t number = 0;  // version, create, mod or lease.
  std::string value;
  friend bool operator==(const Compare&, const Compare&) = default;
};

struct RequestOp;
struct ResponseOp;

struct TxnRequest {
  std::vector<Compare> compare;
  std::vector<RequestOp> success;
  std::vector<RequestOp> failure;
  friend bool operator==(const TxnRequest&, const TxnRequest&);
};
struct TxnResponse {
  // The outer header's revision; inner TxnResponses carry a present but empty header (0).
  Revision header_revision = 0;
  bool succeeded = false;
  std::vector<ResponseOp> responses;
  friend bool operator==(const TxnResponse&, const TxnResponse&);
};
struct RequestOp {
  std::variant<std::monostate, RangeRequest, PutRequest, DeleteRangeRequest, TxnRequest> request;
  friend bool operator==(const RequestOp&, const RequestOp&) = default;
};
struct ResponseOp {
  std::variant<RangeResponse, PutResponse, DeleteRangeResponse, TxnResponse> response;
  friend bool operator==(const ResponseOp&, const ResponseOp&) = default;
};
inline bool operator==(const TxnRequest& a, const TxnRequest& b) {
  return a.compare == b.compare && a.success == b.success && a.failure == b.failure;
}
inline bool operator==(const TxnResponse& a, const TxnResponse& b) {
  return a.header_revision == b.header_revision && a.succeeded == b.succeeded &&
         a.responses == b.responses;
}

struct CompactionRequest {
  Revision revision = 0;
  bool physical = false;
  friend bool operator==(const CompactionRequest&, const CompactionRequest&) = default;
};
struct CompactionResponse {
  Revision header_revision = 0;
  friend bool operator==(const CompactionResponse&, const CompactionResponse&) = default;
};

// A member publishes its name and client URLs through the log after it started (ETCD.md §2.11).
struct PublishAttributes {
  std::uint64_t member_id = 0;
  std::string name;
  std::vector<std::string> client_urls;
  friend bool operator==(const PublishAttributes&, const PublishAttributes&) = default;
};
struct PublishResponse {
  friend bool operator==(const PublishResponse&, const PublishResponse&) = default;
};

// The replicated cluster version, "3.7.0"; proposed by the leader when it isn't decided or may
// rise.
struct SetClusterVersion {
  std::string version;
  friend bool operator==(const SetClusterVersion&, const SetClusterVersion&) = default;
};

// Alarms (ETCD.md §2.12). Numbers outside the enumerations are kept as they came, as etcd keeps
// them.
enum class AlarmType : std::int32_t { kNone, kNoSpace, kCorrupt };
enum class AlarmAction : std::int32_t { kGet, kActivate, kDeactivate };

struct AlarmRequest {
  std::int32_t action = 0;
  std::uint64_t member_id = 0;
  std::int32_t alarm = 0;
  // Of a member that raises or clears NOSPACE by itself: its quota, or that of the alarm. Zero: a
  // client asks.
  std::uint64_t quota_bytes = 0;
  friend bool operator==(const AlarmRequest&, const AlarmRequest&) = default;
};
struct AlarmMember {
  std::uint64_t member_id = 0;
  std::int32_t alarm = 0;
  friend auto operator<=>(const AlarmMember&, const AlarmMember&) = default;
};
struct AlarmResponse {
  Revision header_revision = 0;
  std::vector<AlarmMember> alarms;
  friend bool operator==(const AlarmResponse&, const AlarmResponse&) = default;
};

enum class DowngradeAction : std::int32_t { kValidate, kEnable, kCancel };

struct DowngradeRequest {
  std::int32_t action = 0;
  std::string version;
  friend bool operator==(const DowngradeRequest&, const DowngradeRequest&) = default;
};
struct DowngradeResponse {
  Revision header_revision = 0;
  std::string version;  // The cluster's, "3.7".
  friend bool operator==(const DowngradeResponse&, const DowngradeResponse&) = default;
};

// (origin member, its counter): ties an entry to the call that waits for it, in every incarnation
// of the origin (the counter's high bits are drawn at start). Unique in the log, except that a lost
// leader's forwarded proposal may be appended twice: apply keeps the first (exactly once).
struct RequestId {
  std::uint64_t member = 0;
  std::uint64_t ordinal = 0;
  friend auto operator<=>(const RequestId&, const RequestId&) = default;
};

struct Command {
  RequestId id;
  std::variant<PutRequest, DeleteRangeRequest, TxnRequest, CompactionRequest, PublishAttributes,
               SetClusterVersion, AlarmRequest, DowngradeRequest, LeaseGrantRequest,
               LeaseRevokeRequest, LeaseRenewRequest, LeaseTick, auth::Change, MemberChange>
      request;
  auth::Caller caller;  // Empty: nobody who was named.
  friend bool operator==(const Command&, const Command&) = default;
};

struct AuthResponse {
  Revision header_revision = 0;
  auth::Answer answer;
  friend bool operator==(const AuthResponse&, const AuthResponse&) = default;
};

// What apply answers; the server adds the header.
using Response = std::variant<RangeResponse, PutResponse, DeleteRangeResponse, TxnResponse,
                              CompactionResponse, PublishResponse, AlarmResponse, DowngradeResponse,
                              LeaseGrantResponse, LeaseRevokeResponse, LeaseRenewResponse,
                              LeaseTickResponse, AuthResponse, MemberResponse>;
using Answer = std::variant<Response, ApiError>;

}  // namespace detcd::apply
