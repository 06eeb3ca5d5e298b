#include "api/lease_service.h"

#include <array>
#include <utility>

#include "api/errors.h"
#include "base/check.h"
#include "wire/lease_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kService = "etcdserverpb.Lease";

wire::Header header_of(const server::Reply& reply) {
  return {.cluster_id = reply.header.cluster_id,
          .member_id = reply.header.member_id,
          .revision = reply.header.revision,
          .raft_term = reply.header.raft_term};
}

template <class Request>
Asked asked(Result<Request> request) {
  if (!request) return unmarshalling_failed(request.error());
  return server::Request(*std::move(request));
}

Asked ask_grant(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_lease_grant_request(message.view()));
}
Asked ask_revoke(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_lease_revoke_request(message.view()));
}
Asked ask_time_to_live(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_lease_time_to_live_request(message.view()));
}
Asked ask_leases(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_lease_leases_request(message.view()));
}

template <class Response>
Answered answer_write(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  const auto* response = std::get_if<apply::Response>(&reply.outcome);
  check(response != nullptr && std::holds_alternative<Response>(*response),
        "the node answers a request of Lease with its own kind of response");
  return wire::serialize(header_of(reply), *response);
}

template <class Response>
Answered answer_read(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  const auto* response = std::get_if<Response>(&reply.outcome);
  check(response != nullptr, "the node answers a question about leases with what it asked for");
  return wire::serialize(header_of(reply), *response);
}

server::Request open_keep_alives() {
  return server::KeepAliveOpen{};
}

Asked ask_keep_alive(const Bytes& message, const apply::Limits&) {
  const Result<std::int64_t> lease = wire::parse_lease_keep_alive_request(message.view());
  if (!lease) return unmarshalling_of_stream_failed(lease.error());
  return server::Request(server::KeepAliveRequest{*lease});
}

StreamAnswer answer_keep_alive(const server::Reply& reply, const apply::Limits&) {
  StreamAnswer said;
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) {
    said.end = status_of(*error);
    return said;
  }
  const auto* told = std::get_if<server::KeepAliveAnswer>(&reply.outcome);
  check(told != nullptr, "a stream of keep-alives is answered with these, or ended");
  said.accepted = 1;
  said.messages.push_back(
      wire::serialize(wire::LeaseKeepAliveResponse{header_of(reply), told->lease, told->ttl}));
  return said;
}

constexpr std::array kMethods{
    Method{kService, "LeaseGrant", Shape::kUnary, ask_grant,
           answer_write<apply::LeaseGrantResponse>},
    Method{kService, "LeaseRevoke", Shape::kUnary, ask_revoke,
           answer_write<apply::LeaseRevokeResponse>},
    Method{.service = kService,
           .name = "LeaseKeepAlive",
           .shape = Shape::kBothWays,
           .ask = ask_keep_alive,
           .open = open_keep_alives,
           .answer_stream = answer_keep_alive,
           .ends_with_requests = true},
    Method{kService, "LeaseTimeToLive", Shape::kUnary, ask_time_to_live,
           answer_read<apply::LeaseTimeToLiveResponse>},
    Method{kService, "LeaseLeases", Shape::kUnary, ask_leases,
           answer_read<apply::LeaseLeasesResponse>},
};

}  // namespace

std::span<const Method> lease_methods() {
  return kMethods;
}

}  // namespace detcd::api
