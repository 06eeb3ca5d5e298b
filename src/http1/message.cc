#include "http1/message.h"

#include <ostream>

#include <boost/beast/http/status.hpp>

namespace detcd::http1 {
namespace {

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// Line ends in a value would let it forge headers; they become spaces, as in Go's net/http.
void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) out.push_back(c == '\r' || c == '\n' ? ' ' : c);
  out.append("\r\n");
}

std::string begin(const Response& response) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  const std::string_view reason = reason_phrase(response.status);
  out.append(reason.empty() ? "status code " + std::to_string(response.status)
                            : std::string(reason));
  out.append("\r\n");
  for (const auto& [name, value] : response.headers) append_header(out, name, value);
  return out;
}

void append_connection(std::string& out, const AnswerForm& form) {
  if (!form.keep_alive) {
    append_line(out, "Connection", "close");
  } else if (form.minor_version == 0) {
    append_line(out, "Connection", "keep-alive");
  }
}

// RFC 9110 §6.4.1: these never have content.
bool may_have_body(std::uint32_t status) {
  return status >= 200 && status != 204 && status != 304;
}

}  // namespace

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

AnswerForm answer_form(const Request& request) {
  return {.head_only = request.method == "HEAD",
          .keep_alive = request.keep_alive,
          .minor_version = request.minor_version};
}

std::string_view reason_phrase(std::uint32_t status) {
  namespace http = boost::beast::http;
  const http::status known = http::int_to_status(status);
  if (known == http::status::unknown) return {};
  const auto reason = http::obsolete_reason(known);
  return {reason.data(), reason.size()};
}

std::string serialize(const Response& response, const AnswerForm& form) {
  std::string out = begin(response);
  if (may_have_body(response.status)) {
    append_line(out, "Content-Length", std::to_string(response.body.size()));
  }
  append_connection(out, form);
  out.append("\r\n");
  if (may_have_body(response.status) && !form.head_only) out.append(response.body);
  return out;
}

std::string serialize_stream_head(const Response& response, const AnswerForm& form) {
  std::string out = begin(response);
  if (form.minor_version > 0) {
    append_line(out, "Transfer-Encoding", "chunked");
    append_connection(out, form);
  } else {
    append_line(out, "Connection", "close");
  }
  out.append("\r\n");
  out.append(serialize_chunk(response.body, form));
  return out;
}

std::string serialize_chunk(std::string_view data, const AnswerForm& form) {
  // A chunk of no bytes would end the answer.
  if (data.empty() || form.head_only) return {};
  if (form.minor_version == 0) return std::string(data);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string size;
  for (std::size_t rest = data.size(); rest > 0; rest >>= 4) size.insert(0, 1, kHex[rest & 15]);
  return size.append("\r\n").append(data).append("\r\n");
}

std::string serialize_stream_end(const AnswerForm& form) {
  return form.minor_version == 0 || form.head_only ? std::string() : std::string("0\r\n\r\n");
}

}  // namespace detcd::http1
