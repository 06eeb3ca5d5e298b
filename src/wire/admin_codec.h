// The messages of Maintenance and of gRPC's health service, to and from values. Rare on the wire,
// so that generated code does it, and nothing of that shows here. Parsing refuses what protobuf
// refuses (kInvalid).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apply/applier.h"
#include "base/bytes.h"
#include "base/result.h"
#include "wire/kv_codec.h"

namespace detcd::wire {

[[nodiscard]] Result<void> parse_status_request(std::string_view bytes);
// Field for field what etcd 3.7 says.
struct Status {
  Header header;
  std::string version;
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
  friend bool operator==(const Status&, const Status&) = default;
};
[[nodiscard]] Bytes serialize(const Status& response);
[[nodiscard]] Result<Status> parse_status_response(std::string_view bytes);

// The request's `revision`.
[[nodiscard]] Result<std::int64_t> parse_hash_kv_request(std::string_view bytes);
[[nodiscard]] std::string serialize_hash_kv_request(std::int64_t revision);
struct HashKv {
  Header header;
  apply::HashKvAnswer answer;
};
[[nodiscard]] Bytes serialize(const HashKv& response);
[[nodiscard]] Result<HashKv> parse_hash_kv_response(std::string_view bytes);

[[nodiscard]] Result<apply::AlarmRequest> parse_alarm_request(std::string_view bytes);
[[nodiscard]] std::string serialize_alarm_request(const apply::AlarmRequest& request);
// Serialized as an answer of apply (kv_codec.h).
[[nodiscard]] Result<ParsedResponse> parse_alarm_response(std::string_view bytes);

[[nodiscard]] Result<apply::DowngradeRequest> parse_downgrade_request(std::string_view bytes);
[[nodiscard]] std::string serialize_downgrade_request(const apply::DowngradeRequest& request);
// The request's `targetID`.
[[nodiscard]] Result<std::uint64_t> parse_move_leader_request(std::string_view bytes);
[[nodiscard]] std::string serialize_move_leader_request(std::uint64_t target);
// A message without fields that matter: what Defragment, Hash and Snapshot are asked with.
[[nodiscard]] Result<void> parse_empty_request(std::string_view bytes);
[[nodiscard]] Bytes serialize_hash_response(const Header& header, std::uint32_t hash);
struct SnapshotPiece {
  std::uint64_t remaining_bytes = 0;
  std::string_view blob;
  std::string_view version;
};
[[nodiscard]] Bytes serialize(const SnapshotPiece& piece);

// grpc.health.v1; the numbers are the wire's.
enum class ServingStatus : std::uint8_t { kUnknown, kServing, kNotServing, kServiceUnknown };
// The request's `service`.
[[nodiscard]] Result<std::string> parse_health_check_request(std::string_view bytes);
[[nodiscard]] std::string serialize_health_check_request(std::string_view service);
[[nodiscard]] Bytes serialize_health_check_response(ServingStatus status);
[[nodiscard]] Result<ServingStatus> parse_health_check_response(std::string_view bytes);
[[nodiscard]] Result<void> parse_health_list_request(std::string_view bytes);
// Only the service "", the server as a whole, is known (ETCD.md §1).
[[nodiscard]] Bytes serialize_health_list_response(ServingStatus status);

}  // namespace detcd::wire
