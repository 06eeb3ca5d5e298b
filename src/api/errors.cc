#include "api/errors.h"

#include <utility>

#include <fmt/format.h>

#include "base/quote.h"

namespace detcd::api {
namespace {

using apply::GrpcCode;

http2::GrpcStatus make(GrpcCode code, std::string message) {
  return {static_cast<std::uint32_t>(code), std::move(message)};
}

GrpcCode code_of(Errc code) {
  switch (code) {
    case Errc::kClosed:
    case Errc::kReset:
    case Errc::kRefused:
    case Errc::kBusy:
    case Errc::kWouldBlock:
    case Errc::kUnavailable:
      return GrpcCode::kUnavailable;
    case Errc::kTimedOut:
      return GrpcCode::kDeadlineExceeded;
    case Errc::kNotFound:
      return GrpcCode::kNotFound;
    case Errc::kExists:
      return GrpcCode::kAlreadyExists;
    case Errc::kPermission:
      return GrpcCode::kPermissionDenied;
    case Errc::kNoSpace:
    case Errc::kTooLarge:
      return GrpcCode::kResourceExhausted;
    case Errc::kDamaged:
      return GrpcCode::kDataLoss;
    case Errc::kIncompatible:
      return GrpcCode::kFailedPrecondition;
    case Errc::kInvalid:
      return GrpcCode::kInvalidArgument;
    case Errc::kIo:
    case Errc::kInternal:
      return GrpcCode::kUnknown;
  }
  return GrpcCode::kUnknown;
}

}  // namespace

http2::GrpcStatus status_of(apply::ApiError error) {
  return make(apply::grpc_code(error), std::string(apply::text(error)));
}

http2::GrpcStatus status_of(const Error& error) {
  return make(code_of(error.code), error.message);
}

http2::GrpcStatus ok() {
  return {};
}

http2::GrpcStatus deadline_exceeded() {
  return make(GrpcCode::kDeadlineExceeded, "context deadline exceeded");
}

http2::GrpcStatus unmarshalling_failed(const Error& error) {
  return make(GrpcCode::kInternal, "grpc: error unmarshalling request: " + error.message);
}

http2::GrpcStatus unmarshalling_of_stream_failed(const Error& error) {
  return make(GrpcCode::kInternal,
              "grpc: failed to unmarshal the received message: " + error.message);
}

http2::GrpcStatus malformed_method(std::string_view path) {
  return make(GrpcCode::kUnimplemented, "malformed method name: " + go_quoted(path));
}

http2::GrpcStatus unknown_service(std::string_view service) {
  return make(GrpcCode::kUnimplemented, fmt::format("unknown service {}", service));
}

http2::GrpcStatus unknown_method(std::string_view service, std::string_view method) {
  return make(GrpcCode::kUnimplemented,
              fmt::format("unknown method {} for service {}", method, service));
}

http2::GrpcStatus not_a_post(std::string_view method) {
  return make(GrpcCode::kInternal, "http2Server.operateHeaders parsed a :method field with value " +
                                       go_quoted(method) + " which should be POST");
}

http2::GrpcStatus answer_too_large(std::size_t bytes, std::size_t bytes_max) {
  return make(
      GrpcCode::kResourceExhausted,
      fmt::format("grpc: trying to send message larger than max ({} vs. {})", bytes, bytes_max));
}

// What io.EOF becomes in grpc-go's processUnaryRPC.
http2::GrpcStatus no_request_unary() {
  return make(GrpcCode::kUnknown, "EOF");
}

http2::GrpcStatus no_request_streaming() {
  return make(GrpcCode::kInternal,
              "cardinality violation: received no request message from non-client-streaming RPC");
}

http2::GrpcStatus several_requests_streaming() {
  return make(
      GrpcCode::kInternal,
      "cardinality violation: received multiple request messages for non-client-streaming RPC");
}

}  // namespace detcd::api
