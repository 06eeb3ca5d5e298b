// An incremental parser of HTTP/1.1 requests, sans-IO: bytes of one connection in, whole requests
// out. It bounds what a client can make it hold, reads pipelined requests one at a time, and relies
// on its caller to answer them in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "http1/message.h"

namespace detcd::http1 {

struct Limits {
  std::size_t header_bytes_max = 16 << 10;  // Start line and headers.
  std::size_t body_bytes_max = 2 << 20;     // After the chunks are joined.
};

class RequestParser {
 public:
  explicit RequestParser(Limits limits = {});
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Takes bytes from the client. What follows a complete request is kept for the next one, so
  // callers feed no more while next() gives requests, and what is kept stays as small as what was
  // fed.
  void feed(std::string_view bytes);
  // The next complete request.
  std::optional<Request> next();

  // True once after the client asked for "100 Continue" before it sends a body that fits: send
  // kContinue.
  [[nodiscard]] bool take_continue();
  // What to answer to bytes that are no request, or one beyond the limits; then close. Nothing more
  // is parsed.
  [[nodiscard]] const std::optional<Response>& failure() const;
  // No byte of an unfinished request was seen: the connection may be closed without harm.
  [[nodiscard]] bool idle() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace detcd::http1
