// What the client port answers over HTTP/1.1: /version and /health, and etcd's words for everything
// else (ETCD.md §5.1, §5.2). Pure functions over requests and replies.
#pragma once

#include <cstdint>
#include <variant>

#include "http1/message.h"
#include "server/service.h"

namespace detcd::api {

// How a reply of the node becomes a response.
enum class HttpQuestion : std::uint8_t { kVersion, kHealth };
struct HttpAsked {
  HttpQuestion question = HttpQuestion::kVersion;
  server::Request request;
};

[[nodiscard]] std::variant<HttpAsked, http1::Response> ask_http(const http1::Request& request);
[[nodiscard]] http1::Response answer_http(HttpQuestion question, const server::Outcome& outcome);

// Every answer on the client port has these (CORS).
void add_common_headers(http1::Response& response);

}  // namespace detcd::api
