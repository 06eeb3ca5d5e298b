#include "api/maintenance_service.h"

#include <array>

#include "api/errors.h"
#include "base/check.h"
#include "wire/admin_codec.h"

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
                                      .db_size_quota = response->db_size_quota});
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

// Nothing raises an alarm in this version: asked which are active, or to end one, it answers as
// etcd does without any. etcdctl's health check asks.
Asked ask_alarm(const Bytes& message, const apply::Limits&) {
  const Result<wire::AlarmAction> action = wire::parse_alarm_request(message.view());
  if (!action) return unmarshalling_failed(action.error());
  if (*action == wire::AlarmAction::kActivate) {
    return http2::GrpcStatus{static_cast<std::uint32_t>(apply::GrpcCode::kUnimplemented),
                             "alarms can't be activated in this version"};
  }
  return server::Request(server::StatusRequest{});
}

Answered answer_alarm(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  return wire::serialize_no_alarms(header_of(reply.header));
}

constexpr std::array kMethods{
    Method{kService, "Status", Shape::kUnary, ask_status, answer_status},
    Method{kService, "HashKV", Shape::kUnary, ask_hash_kv, answer_hash_kv},
    Method{kService, "Alarm", Shape::kUnary, ask_alarm, answer_alarm},
};

}  // namespace

std::span<const Method> maintenance_methods() {
  return kMethods;
}

}  // namespace detcd::api
