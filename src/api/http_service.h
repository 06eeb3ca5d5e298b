// What the ports answer over HTTP/1.1: the clients' /version and /health, the peers' /members and
// /version, and both etcd's words for everything else (ETCD.md §5.1, §5.2, §6). Pure functions over
// requests and replies.
#pragma once

#include <cstdint>
#include <variant>

#include "http1/message.h"
#include "server/service.h"

namespace detcd::api {

// How a reply of the node becomes a response.
enum class HttpQuestion : std::uint8_t { kVersion, kHealth, kMembers };
struct HttpAsked {
  HttpQuestion question = HttpQuestion::kVersion;
  server::Request request;
};

[[nodiscard]] std::variant<HttpAsked, http1::Response> ask_http(const http1::Request& request);
[[nodiscard]] http1::Response answer_http(HttpQuestion question, const server::Reply& reply);

// Every answer on the client port has these (CORS).
void add_common_headers(http1::Response& response);

// What one port answers.
struct HttpPort {
  std::variant<HttpAsked, http1::Response> (*ask)(const http1::Request& request) = nullptr;
  void (*add_headers)(http1::Response& response) = nullptr;  // To every answer.
};
inline constexpr HttpPort kClientsPort{ask_http, add_common_headers};

// What the peers' port answers to who wants to join: /members and /version (ETCD.md §6, §9.2). The
// header says by its presence that the members speak this protocol, and not etcd's own.
[[nodiscard]] std::variant<HttpAsked, http1::Response> ask_peer_http(const http1::Request& request);
void add_peer_headers(http1::Response& response);
inline constexpr HttpPort kPeersPort{ask_peer_http, add_peer_headers};

}  // namespace detcd::api
