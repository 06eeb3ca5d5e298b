#include "api/health_service.h"

#include <array>
#include <string>

#include "api/errors.h"
#include "base/check.h"
#include "wire/admin_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kService = "grpc.health.v1.Health";

Asked ask_check(const Bytes& message, const apply::Limits&) {
  const Result<std::string> service = wire::parse_health_check_request(message.view());
  if (!service) return unmarshalling_failed(service.error());
  if (!service->empty()) {
    return http2::GrpcStatus{static_cast<std::uint32_t>(apply::GrpcCode::kNotFound),
                             "unknown service"};
  }
  return server::Request(server::ServingRequest{});
}

Asked ask_list(const Bytes& message, const apply::Limits&) {
  const Result<void> parsed = wire::parse_health_list_request(message.view());
  if (!parsed) return unmarshalling_failed(parsed.error());
  return server::Request(server::ServingRequest{});
}

// That a service is unknown never changes, so that one message is all who watches it gets.
Asked ask_watch(const Bytes& message, const apply::Limits&) {
  const Result<std::string> service = wire::parse_health_check_request(message.view());
  if (!service) return unmarshalling_failed(service.error());
  if (!service->empty()) {
    return wire::serialize_health_check_response(wire::ServingStatus::kServiceUnknown);
  }
  return server::Request(server::ServingRequest{.stream = true});
}

wire::ServingStatus status_in(const server::Reply& reply) {
  const auto* answer = std::get_if<server::ServingAnswer>(&reply.outcome);
  check(answer != nullptr, "the node says whether it serves, or refuses to");
  return answer->serving ? wire::ServingStatus::kServing : wire::ServingStatus::kNotServing;
}

template <Bytes (*serialize)(wire::ServingStatus)>
Answered answer_with(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  return serialize(status_in(reply));
}

StreamAnswer answer_watch(const server::Reply& reply, const apply::Limits&) {
  StreamAnswer said;
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) {
    said.end = status_of(*error);
  } else {
    said.messages.push_back(wire::serialize_health_check_response(status_in(reply)));
  }
  return said;
}

constexpr std::array kMethods{
    Method{kService, "Check", Shape::kUnary, ask_check,
           answer_with<wire::serialize_health_check_response>},
    Method{kService, "List", Shape::kUnary, ask_list,
           answer_with<wire::serialize_health_list_response>},
    Method{.service = kService,
           .name = "Watch",
           .shape = Shape::kServerStream,
           .ask = ask_watch,
           .answer_stream = answer_watch},
};

}  // namespace

std::span<const Method> health_methods() {
  return kMethods;
}

}  // namespace detcd::api
