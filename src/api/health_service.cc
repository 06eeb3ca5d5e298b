#include "api/health_service.h"

#include <array>
#include <string>

#include "api/errors.h"
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
  return wire::serialize_health_check_response(wire::ServingStatus::kServing);
}

Asked ask_list(const Bytes& message, const apply::Limits&) {
  const Result<void> parsed = wire::parse_health_list_request(message.view());
  if (!parsed) return unmarshalling_failed(parsed.error());
  return wire::serialize_health_list_response(wire::ServingStatus::kServing);
}

// The status never changes, so that one message is all a watcher gets.
Asked ask_watch(const Bytes& message, const apply::Limits&) {
  const Result<std::string> service = wire::parse_health_check_request(message.view());
  if (!service) return unmarshalling_failed(service.error());
  return wire::serialize_health_check_response(
      service->empty() ? wire::ServingStatus::kServing : wire::ServingStatus::kServiceUnknown);
}

constexpr std::array kMethods{
    Method{kService, "Check", Shape::kUnary, ask_check, nullptr},
    Method{kService, "List", Shape::kUnary, ask_list, nullptr},
    Method{kService, "Watch", Shape::kServerStream, ask_watch, nullptr},
};

}  // namespace

std::span<const Method> health_methods() {
  return kMethods;
}

}  // namespace detcd::api
