#include "wire/admin_codec.h"

#include <climits>
#include <utility>

#include "base/check.h"
#include "wire/field.h"
#include "wire/proto/health.pb.h"
#include "wire/proto/rpc.pb.h"

namespace detcd::wire {
namespace {

// Go's text, which clients see behind "grpc: error unmarshalling request: ".
Error malformed() {
  return Error{Errc::kInvalid, "proto: cannot parse invalid wire-format data"};
}

template <class Message>
bool parse_into(Message& message, std::string_view bytes) {
  return bytes.size() <= INT_MAX &&
         message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

template <class Message>
std::string to_string(const Message& message) {
  std::string bytes;
  const bool serialized = message.SerializeToString(&bytes);
  check(serialized, "a message made of valid fields can be serialized");
  return bytes;
}
template <class Message>
Bytes to_bytes(const Message& message) {
  return Bytes::adopt(to_string(message));
}

void set_header(etcdserverpb::ResponseHeader& out, const Header& header) {
  out.set_cluster_id(header.cluster_id);
  out.set_member_id(header.member_id);
  out.set_revision(header.revision);
  out.set_raft_term(header.raft_term);
}
Header header_of(const etcdserverpb::ResponseHeader& header) {
  return Header{.cluster_id = header.cluster_id(),
                .member_id = header.member_id(),
                .revision = header.revision(),
                .raft_term = header.raft_term()};
}

}  // namespace

Result<void> parse_status_request(std::string_view bytes) {
  etcdserverpb::StatusRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return {};
}

Bytes serialize(const Status& response) {
  etcdserverpb::StatusResponse out;
  set_header(*out.mutable_header(), response.header);
  out.set_version(response.version);
  out.set_dbsize(response.db_size);
  out.set_leader(response.leader);
  out.set_raftindex(response.raft_index);
  out.set_raftterm(response.raft_term);
  out.set_raftappliedindex(response.raft_applied_index);
  for (const std::string& error : response.errors) out.add_errors(error);
  out.set_dbsizeinuse(response.db_size_in_use);
  out.set_islearner(response.is_learner);
  out.set_storageversion(response.storage_version);
  out.set_dbsizequota(response.db_size_quota);
  etcdserverpb::DowngradeInfo& downgrade = *out.mutable_downgradeinfo();
  downgrade.set_enabled(!response.downgrade_target.empty());
  downgrade.set_targetversion(response.downgrade_target);
  return to_bytes(out);
}

Result<Status> parse_status_response(std::string_view bytes) {
  etcdserverpb::StatusResponse parsed;
  if (!parse_into(parsed, bytes)) return malformed();
  Status response;
  response.header = header_of(parsed.header());
  response.version = parsed.version();
  response.db_size = parsed.dbsize();
  response.leader = parsed.leader();
  response.raft_index = parsed.raftindex();
  response.raft_term = parsed.raftterm();
  response.raft_applied_index = parsed.raftappliedindex();
  response.errors.assign(parsed.errors().begin(), parsed.errors().end());
  response.db_size_in_use = parsed.dbsizeinuse();
  response.is_learner = parsed.islearner();
  response.storage_version = parsed.storageversion();
  response.db_size_quota = parsed.dbsizequota();
  response.downgrade_target = parsed.downgradeinfo().targetversion();
  return response;
}

Result<std::int64_t> parse_hash_kv_request(std::string_view bytes) {
  etcdserverpb::HashKVRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return static_cast<std::int64_t>(request.revision());
}

std::string serialize_hash_kv_request(std::int64_t revision) {
  etcdserverpb::HashKVRequest request;
  request.set_revision(revision);
  return to_string(request);
}

Bytes serialize(const HashKv& response) {
  etcdserverpb::HashKVResponse out;
  set_header(*out.mutable_header(), response.header);
  out.set_hash(response.answer.hash);
  out.set_compact_revision(response.answer.compact_revision);
  out.set_hash_revision(response.answer.hash_revision);
  return to_bytes(out);
}

Result<HashKv> parse_hash_kv_response(std::string_view bytes) {
  etcdserverpb::HashKVResponse parsed;
  if (!parse_into(parsed, bytes)) return malformed();
  HashKv response;
  response.header = header_of(parsed.header());
  response.answer.hash = parsed.hash();
  response.answer.compact_revision = parsed.compact_revision();
  response.answer.hash_revision = parsed.hash_revision();
  return response;
}

Result<apply::AlarmRequest> parse_alarm_request(std::string_view bytes) {
  etcdserverpb::AlarmRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return apply::AlarmRequest{.action = static_cast<std::int32_t>(request.action()),
                             .member_id = request.memberid(),
                             .alarm = static_cast<std::int32_t>(request.alarm())};
}

std::string serialize_alarm_request(const apply::AlarmRequest& request) {
  etcdserverpb::AlarmRequest out;
  out.set_action(static_cast<etcdserverpb::AlarmRequest::AlarmAction>(request.action));
  out.set_memberid(request.member_id);
  out.set_alarm(static_cast<etcdserverpb::AlarmType>(request.alarm));
  return to_string(out);
}

Result<ParsedResponse> parse_alarm_response(std::string_view bytes) {
  etcdserverpb::AlarmResponse parsed;
  if (!parse_into(parsed, bytes)) return malformed();
  apply::AlarmResponse response{.header_revision = parsed.header().revision()};
  for (const etcdserverpb::AlarmMember& alarm : parsed.alarms()) {
    response.alarms.push_back({alarm.memberid(), static_cast<std::int32_t>(alarm.alarm())});
  }
  return ParsedResponse{header_of(parsed.header()), std::move(response)};
}

Result<apply::DowngradeRequest> parse_downgrade_request(std::string_view bytes) {
  etcdserverpb::DowngradeRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return apply::DowngradeRequest{.action = static_cast<std::int32_t>(request.action()),
                                 .version = request.version()};
}

std::string serialize_downgrade_request(const apply::DowngradeRequest& request) {
  etcdserverpb::DowngradeRequest out;
  out.set_action(static_cast<etcdserverpb::DowngradeRequest::DowngradeAction>(request.action));
  out.set_version(request.version);
  return to_string(out);
}

Result<std::uint64_t> parse_move_leader_request(std::string_view bytes) {
  etcdserverpb::MoveLeaderRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return static_cast<std::uint64_t>(request.targetid());
}

std::string serialize_move_leader_request(std::uint64_t target) {
  etcdserverpb::MoveLeaderRequest request;
  request.set_targetid(target);
  return to_string(request);
}

Result<void> parse_empty_request(std::string_view bytes) {
  etcdserverpb::DefragmentRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return {};
}

Bytes serialize_hash_response(const Header& header, std::uint32_t hash) {
  etcdserverpb::HashResponse out;
  set_header(*out.mutable_header(), header);
  out.set_hash(hash);
  return to_bytes(out);
}

Bytes serialize(const SnapshotPiece& piece) {
  etcdserverpb::SnapshotResponse out;
  out.set_remaining_bytes(piece.remaining_bytes);
  out.set_blob(std::string(piece.blob));
  out.set_version(std::string(piece.version));
  return to_bytes(out);
}

Result<std::string> parse_health_check_request(std::string_view bytes) {
  // By hand: the generated code prints a line for every service that isn't UTF-8.
  std::string service;
  FieldReader reader(bytes);
  Field field;
  while (reader.next(field)) {
    if (field.is_bytes(1)) service = field.bytes;
  }
  if (!reader.ok()) return malformed();
  return service;
}

std::string serialize_health_check_request(std::string_view service) {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(std::string(service));
  return to_string(request);
}

Bytes serialize_health_check_response(ServingStatus status) {
  grpc::health::v1::HealthCheckResponse response;
  response.set_status(static_cast<grpc::health::v1::HealthCheckResponse::ServingStatus>(status));
  return to_bytes(response);
}

Result<ServingStatus> parse_health_check_response(std::string_view bytes) {
  grpc::health::v1::HealthCheckResponse response;
  if (!parse_into(response, bytes)) return malformed();
  if (!grpc::health::v1::HealthCheckResponse::ServingStatus_IsValid(response.status())) {
    return ServingStatus::kUnknown;
  }
  return static_cast<ServingStatus>(response.status());
}

Result<void> parse_health_list_request(std::string_view bytes) {
  grpc::health::v1::HealthListRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return {};
}

Bytes serialize_health_list_response(ServingStatus status) {
  grpc::health::v1::HealthListResponse response;
  (*response.mutable_statuses())[""].set_status(
      static_cast<grpc::health::v1::HealthCheckResponse::ServingStatus>(status));
  return to_bytes(response);
}

}  // namespace detcd::wire
