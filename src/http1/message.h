// One HTTP/1.1 request and one answer as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace detcd::http1 {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // As sent: "GET".
  std::string target;  // As sent: path, and query behind '?'.
  std::uint32_t minor_version = 1;
  Headers headers;  // Names in lower case, in order.
  std::string body;
  bool keep_alive = true;  // The client wants to use the connection again.

  // The first header of that (lower-case) name.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

struct Response {
  std::uint32_t status = 200;
  // Without Content-Length, Transfer-Encoding and Connection: these are the writer's.
  Headers headers;
  std::string body;
};

// What of the request shapes the bytes of its answer.
struct AnswerForm {
  bool head_only = false;  // The answer to HEAD has a Content-Length but no body.
  bool keep_alive = true;  // False: "Connection: close" is said, and the caller closes.
  std::uint32_t minor_version = 1;
};
[[nodiscard]] AnswerForm answer_form(const Request& request);

[[nodiscard]] std::string serialize(const Response& response, const AnswerForm& form);

// An answer whose length isn't known when it begins: the head (the body of `response` is the first
// chunk unless empty), chunks, and the end. An HTTP/1.0 client can't read chunks: its answer is
// plain and ends with the connection, which the caller closes.
[[nodiscard]] std::string serialize_stream_head(const Response& response, const AnswerForm& form);
[[nodiscard]] std::string serialize_chunk(std::string_view data, const AnswerForm& form);
[[nodiscard]] std::string serialize_stream_end(const AnswerForm& form);

// "Not Found" and the like; empty for a status that has no registered name.
[[nodiscard]] std::string_view reason_phrase(std::uint32_t status);

}  // namespace detcd::http1
