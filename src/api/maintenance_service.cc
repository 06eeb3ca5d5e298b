#include "api/maintenance_service.h"

#include <array>

#include "api/errors.h"
#include "base/check.h"
#include "wire/admin_codec.h"
#include "wire/kv_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kService = "etcdserverpb.Maintenance";

wire::Header header_of(const server::ResponseHeader& header) {
  return {.cluster_id = header.cluster_id,
          .member_id = header.member_id,
          .revision = header.revision,
          .raft_term = header.raft_term};
}

Asked ask_status(const Bytes& message, const apply::Limits&) {
  const Result<void> parsed = wire::parse_status_request(message.view());
  if (!parsed) return unmarshalling_failed(parsed.error());
  return server::Request(server::StatusRequest{});
}

Answered answer_status(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  const auto* response = std::get_if<server::StatusResponse>(&reply.outcome);
  check(response != nullptr, "the node answers Status with its status");
  return wire::serialize(wire::Status{.header = header_of(reply.header),
                                      .version = response->version,
                                      .db_size = response->db_size,
                                      .leader = response->leader,
                                      .raft_index = response->raft_index,
                                      .raft_term = response->raft_term,
                                      .raft_applied_index = response->raft_applied_index,
                                      .errors = response->errors,
                                      .db_size_in_use = response->db_size_in_use,
                                      .is_learner = response->is_learner,
                                      .storage_version = response->storage_version,
                                      .db_size_quota = response->db_size_quota,
                                      .downgrade_target = response->downgrade_target});
}

Asked ask_hash_kv(const Bytes& message, const apply::Limits&) {
  const Result<std::int64_t> revision = wire::parse_hash_kv_request(message.view());
  if (!revision) return unmarshalling_failed(revision.error());
  return server::Request(server::HashKvRequest{.revision = *revision});
}

Answered answer_hash_kv(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  const auto* answer = std::get_if<apply::HashKvAnswer>(&reply.outcome);
  check(answer != nullptr, "the node answers HashKV with a hash");
  return wire::serialize(wire::HashKv{.header = header_of(reply.header), .answer = *answer});
}

Asked ask_alarm(const Bytes& message, const apply::Limits&) {
  Result<apply::AlarmRequest> request = wire::parse_alarm_request(message.view());
  if (!request) return unmarshalling_failed(request.error());
  return server::Request(*std::move(request));
}

template <class Response>
Answered answer_applied(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  const auto* response = std::get_if<apply::Response>(&reply.outcome);
  check(response != nullptr && std::holds_alternative<Response>(*response),
        "the node answers a request with its own kind of response");
  return wire::serialize(header_of(reply.header), *response);
}

Asked ask_downgrade(const Bytes& message, const apply::Limits&) {
  Result<apply::DowngradeRequest> request = wire::parse_downgrade_request(message.view());
  if (!request) return unmarshalling_failed(request.error());
  if (request->action < 0 ||
      request->action > static_cast<std::int32_t>(apply::DowngradeAction::kCancel)) {
    return http2::GrpcStatus{static_cast<std::uint32_t>(apply::GrpcCode::kUnknown),
                             "etcdserver: unknown method"};
  }
  return server::Request(*std::move(request));
}

template <class Request>
Asked ask_empty(const Bytes& message, const apply::Limits&) {
  const Result<void> parsed = wire::parse_empty_request(message.view());
  if (!parsed) return unmarshalling_failed(parsed.error());
  return server::Request(Request{});
}

Asked ask_move_leader(const Bytes& message, const apply::Limits&) {
  const Result<std::uint64_t> target = wire::parse_move_leader_request(message.view());
  if (!target) return unmarshalling_failed(target.error());
  return server::Request(server::MoveLeaderRequest{.target = *target});
}

// Neither MoveLeader nor Defragment has anything to say, not even a header.
Answered answer_nothing(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  check(std::holds_alternative<server::Acknowledged>(reply.outcome), "the node says that it did");
  return Bytes();
}

Answered answer_hash(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  const auto* answer = std::get_if<server::HashAnswer>(&reply.outcome);
  check(answer != nullptr, "the node answers Hash with a hash");
  return wire::serialize_hash_response(header_of(reply.header), answer->hash);
}

StreamAnswer answer_snapshot(const server::Reply& reply, const apply::Limits&) {
  StreamAnswer said;
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) {
    said.end = status_of(*error);
    return said;
  }
  const auto* piece = std::get_if<server::SnapshotPiece>(&reply.outcome);
  check(piece != nullptr, "a stream of a snapshot is answered with its pieces, or ended");
  said.messages.push_back(wire::serialize(
      wire::SnapshotPiece{piece->remaining_bytes, piece->blob.view(), piece->version}));
  said.responses = 1;
  said.bytes = static_cast<std::int64_t>(piece->blob.size());
  if (piece->last) said.end = ok();
  return said;
}

constexpr std::array kMethods{
    Method{kService, "Status", Shape::kUnary, ask_status, answer_status},
    Method{kService, "HashKV", Shape::kUnary, ask_hash_kv, answer_hash_kv},
    Method{kService, "Alarm", Shape::kUnary, ask_alarm, answer_applied<apply::AlarmResponse>},
    Method{kService, "Downgrade", Shape::kUnary, ask_downgrade,
           answer_applied<apply::DowngradeResponse>},
    Method{kService, "Hash", Shape::kUnary, ask_empty<server::HashRequest>, answer_hash},
    Method{kService, "Defragment", Shape::kUnary, ask_empty<server::DefragmentRequest>,
           answer_nothing},
    Method{kService, "MoveLeader", Shape::kUnary, ask_move_leader, answer_nothing},
    Method{.service = kService,
           .name = "Snapshot",
           .shape = Shape::kServerStream,
           .ask = ask_empty<server::SnapshotRequest>,
           .answer_stream = answer_snapshot},
};

}  // namespace

std::span<const Method> maintenance_methods() {
  return kMethods;
}

}  // namespace detcd::api
