#include "http1/parser.h"

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace detcd::http1 {
namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// The form of Go's net/http server: the status is the text, and the connection ends.
Response refusal(std::uint32_t status) {
  return {.status = status,
          .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
          .body = std::to_string(status) + ' ' + std::string(reason_phrase(status))};
}

std::uint32_t status_of(const boost::system::error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::bad_version) return 505;
  return 400;
}

}  // namespace

struct RequestParser::State {
  explicit State(Limits limits_given) : limits(limits_given) { begin(); }

  void begin();
  bool advance();
  void take_headers();
  Request take_request();
  void fail(std::uint32_t status) { failure = refusal(status); }

  Limits limits;
  std::optional<Parser> parser;
  std::string pending;  // Fed, not yet parsed.
  bool begun = false;   // Bytes of the request at hand were parsed.
  bool judged = false;  // Its headers were looked at.
  bool tell_continue = false;
  std::optional<Response> failure;
};

void RequestParser::State::begin() {
  parser.emplace();
  parser->eager(true);
  parser->header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
  parser->body_limit(limits.body_bytes_max);
  begun = judged = false;
}

// Parses what is pending; true when a request is whole.
bool RequestParser::State::advance() {
  while (!failure && !parser->is_done() && !pending.empty()) {
    if (!begun) {
      // Empty lines before a request are skipped (RFC 9112 §2.2).
      const std::size_t start = pending.find_first_not_of("\r\n");
      pending.erase(0, start);
      if (pending.empty()) return false;
    }
    boost::system::error_code error;
    const std::size_t taken =
        parser->put(boost::beast::net::const_buffer(pending.data(), pending.size()), error);
    pending.erase(0, taken);
    begun = true;
    if (error && error != http::error::need_more) {
      fail(status_of(error));
      return false;
    }
    if (parser->is_header_done() && !judged) take_headers();
    if (error == http::error::need_more) {
      // A start line without an end counts against the limit, too.
      if (!parser->is_header_done() && pending.size() > limits.header_bytes_max) fail(431);
      return false;
    }
    if (taken == 0 && !parser->is_done()) return false;
  }
  return !failure && parser->is_done();
}

void RequestParser::State::take_headers() {
  judged = true;
  const Parser::value_type& message = parser->get();
  // RFC 9112 §3.2: HTTP/1.1 has exactly one Host.
  const std::size_t hosts = message.count(http::field::host);
  if (hosts > 1 || (message.version() >= 11 && hosts == 0)) return fail(400);
  // Both lengths at once is how requests are smuggled past a proxy (RFC 9112 §6.3).
  if (message.count(http::field::content_length) > 0 &&
      message.count(http::field::transfer_encoding) > 0) {
    return fail(400);
  }
  const auto length = parser->content_length();
  if (length && *length > limits.body_bytes_max) return fail(413);
  if (message.version() >= 11 && message.count(http::field::expect) > 0) {
    if (lower(view(message[http::field::expect])) != "100-continue") return fail(417);
    tell_continue = !parser->is_done();
  }
}

Request RequestParser::State::take_request() {
  Parser::value_type message = parser->release();
  Request request{.method = std::string(view(message.method_string())),
                  .target = std::string(view(message.target())),
                  .minor_version = message.version() >= 11 ? 1u : 0u,
                  .headers = {},
                  .body = std::move(message.body()),
                  .keep_alive = message.keep_alive()};
  for (const auto& field : message.base()) {
    request.headers.emplace_back(lower(view(field.name_string())),
                                 std::string(view(field.value())));
  }
  begin();
  return request;
}

RequestParser::RequestParser(Limits limits) : state_(std::make_unique<State>(limits)) {}
RequestParser::~RequestParser() = default;

void RequestParser::feed(std::string_view bytes) {
  if (state_->failure) return;
  state_->pending.append(bytes);
  // Parsed at once, so that limits and "100 Continue" don't wait for next().
  (void)state_->advance();
}

std::optional<Request> RequestParser::next() {
  if (!state_->advance()) return std::nullopt;
  return state_->take_request();
}

bool RequestParser::take_continue() {
  return std::exchange(state_->tell_continue, false);
}

const std::optional<Response>& RequestParser::failure() const {
  return state_->failure;
}

bool RequestParser::idle() const {
  return !state_->begun && state_->pending.empty();
}

}  // namespace detcd::http1
