// What a client is told when a call fails: the one table from our errors to gRPC codes and texts.
// Clients of etcd look errors up by their text (ETCD.md §3.1), so every text here is etcd's or
// grpc-go's, byte for byte.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "apply/api_error.h"
#include "base/result.h"
#include "http2/message.h"

namespace detcd::api {

// gRPC's canonical codes come from apply, where etcd's errors are defined.
[[nodiscard]] http2::GrpcStatus status_of(apply::ApiError error);
// For failures that have no etcd name.
[[nodiscard]] http2::GrpcStatus status_of(const Error& error);

// What grpc-go itself answers, before or instead of a service.
[[nodiscard]] http2::GrpcStatus ok();
[[nodiscard]] http2::GrpcStatus deadline_exceeded();
[[nodiscard]] http2::GrpcStatus unmarshalling_failed(const Error& error);
[[nodiscard]] http2::GrpcStatus unmarshalling_of_stream_failed(const Error& error);
[[nodiscard]] http2::GrpcStatus malformed_method(std::string_view path);
[[nodiscard]] http2::GrpcStatus unknown_service(std::string_view service);
[[nodiscard]] http2::GrpcStatus unknown_method(std::string_view service, std::string_view method);
[[nodiscard]] http2::GrpcStatus not_a_post(std::string_view method);
[[nodiscard]] http2::GrpcStatus answer_too_large(std::size_t bytes, std::size_t bytes_max);
// A unary call, or a server-streaming one, that ended before its request came.
[[nodiscard]] http2::GrpcStatus no_request_unary();
[[nodiscard]] http2::GrpcStatus no_request_streaming();
[[nodiscard]] http2::GrpcStatus several_requests_streaming();

}  // namespace detcd::api
