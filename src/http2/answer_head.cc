#include "http2/answer_head.h"

#include <charconv>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "http2/request_head.h"

namespace detcd::http2 {
namespace {

constexpr std::uint32_t kCancelled = 1;
constexpr std::uint32_t kUnknown = 2;
constexpr std::uint32_t kPermissionDenied = 7;
constexpr std::uint32_t kResourceExhausted = 8;
constexpr std::uint32_t kUnimplemented = 12;
constexpr std::uint32_t kInternal = 13;
constexpr std::uint32_t kUnavailable = 14;
constexpr std::uint32_t kUnauthenticated = 16;

constexpr std::uint32_t kCodeMax = kUnauthenticated;
constexpr std::size_t kHeaderOverheadBytes = 32;
constexpr std::size_t kHeaderBytesMax = 1 << 20;

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void AnswerHead::begin_block() {
  rest.clear();
  header_bytes = 0;
}

void AnswerHead::add(std::string_view name, std::string_view value) {
  header_bytes += name.size() + value.size() + kHeaderOverheadBytes;
  if (header_bytes > kHeaderBytesMax) return;
  if (name == ":status") {
    http_status = parse_number(value).value_or(0);
  } else if (name == "content-type") {
    content_type = value;
  } else if (name == "grpc-encoding") {
    encoding_name = value;
  } else if (name == "grpc-status") {
    // Codes that gRPC doesn't define are UNKNOWN to a client.
    const std::optional<std::uint32_t> code = parse_number(value);
    grpc_status = code && *code <= kCodeMax ? *code : kUnknown;
  } else if (name == "grpc-message") {
    grpc_message = percent_decode(value);
  } else {
    rest.emplace_back(name, value);
  }
}

std::optional<GrpcStatus> AnswerHead::judge() const {
  if (header_bytes > kHeaderBytesMax) {
    return GrpcStatus{kInternal, "peer header list size exceeded limit"};
  }
  if (grpc_status) return std::nullopt;
  if (http_status != 200) {
    return GrpcStatus{
        grpc_code_of_http_status(http_status),
        "unexpected HTTP status code received from server: " + std::to_string(http_status)};
  }
  if (!is_grpc_content_type(content_type)) {
    return GrpcStatus{kUnknown,
                      "transport: received unexpected content-type \"" + content_type + "\""};
  }
  if (!encoding_name.empty() && encoding_name != "identity" && encoding_name != "gzip") {
    return GrpcStatus{kInternal, "grpc: Decompressor is not installed for grpc-encoding \"" +
                                     encoding_name + "\""};
  }
  return std::nullopt;
}

GrpcStatus AnswerHead::final_status() const {
  if (grpc_status) return {.code = *grpc_status, .message = grpc_message};
  return {.code = kInternal, .message = "server closed the stream without sending trailers"};
}

std::uint32_t grpc_code_of_http_status(std::uint32_t http_status) {
  if (http_status == 400) return kInternal;
  if (http_status == 401) return kUnauthenticated;
  if (http_status == 403) return kPermissionDenied;
  if (http_status == 404) return kUnimplemented;
  if (http_status == 429) return kUnavailable;
  if (http_status >= 502 && http_status <= 504) return kUnavailable;
  return kUnknown;
}

std::uint32_t grpc_code_of_reset(std::uint32_t http2_error_code) {
  if (http2_error_code == NGHTTP2_REFUSED_STREAM) return kUnavailable;
  if (http2_error_code == NGHTTP2_CANCEL) return kCancelled;
  if (http2_error_code == NGHTTP2_ENHANCE_YOUR_CALM) return kResourceExhausted;
  if (http2_error_code == NGHTTP2_INADEQUATE_SECURITY) return kPermissionDenied;
  return kInternal;
}

}  // namespace detcd::http2
