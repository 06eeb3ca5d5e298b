// A gRPC method as the connection sees it: from the bytes of its request to a question for the node
// or an answer at once, and from the node's reply to the answer's bytes. Pure functions; the
// services (kv_service and its siblings) list theirs, and find_method knows them all.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "api/settings.h"
#include "base/bytes.h"
#include "http2/message.h"
#include "server/service.h"

namespace detcd::api {

// The node is asked; or the call is answered by this message, or refused by this status.
using Asked = std::variant<server::Request, Bytes, http2::GrpcStatus>;
using Answered = std::variant<Bytes, http2::GrpcStatus>;

// What a reply of the node says on a stream in both directions.
struct StreamAnswer {
  std::vector<Bytes> messages;
  std::uint32_t accepted = 0;  // So many more of the client's requests were taken.
  // What it counts as, for the credit that the node gave the stream.
  std::int64_t responses = 0;
  std::int64_t bytes = 0;
  std::optional<http2::GrpcStatus> end;
};

enum class Shape : std::uint8_t {
  kUnary,
  // One request; answered at once, and then the stream stays open; or, with `answer_stream`, by the
  // node, until it ends the stream.
  kServerStream,
  // Requests and answers as they come. The client's end of its side ends only its requests, unless
  // the method says otherwise.
  kBothWays,
};

struct Method {
  std::string_view service;
  std::string_view name;
  Shape shape = Shape::kUnary;
  Asked (*ask)(const Bytes& message, const apply::Limits& limits) = nullptr;
  // Null for methods that never ask the node.
  Answered (*answer)(const server::Reply& reply) = nullptr;
  // Of kBothWays, what the node is told first.
  server::Request (*open)() = nullptr;
  // How the node's answers on a stream are put.
  StreamAnswer (*answer_stream)(const server::Reply& reply, const apply::Limits& limits) = nullptr;
  // Of kBothWays: once the client has ended its side, it ends with OK after the last answer.
  bool ends_with_requests = false;
};

// By the path "/package.Service/Method"; grpc-go's refusal when there is none.
[[nodiscard]] std::variant<const Method*, http2::GrpcStatus> find_method(std::string_view path);

}  // namespace detcd::api
