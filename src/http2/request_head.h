// The headers of one request as they arrive, and grpc-go's judgement of them
// (internal/transport/http2_server.go: operateHeaders): which are refused, with which HTTP status,
// code and text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http2/framing.h"
#include "http2/header_rules.h"
#include "http2/message.h"

namespace detcd::http2 {

struct Refusal {
  std::uint32_t http_status = 200;
  GrpcStatus status;
};

struct RequestHead {
  std::string method;
  std::string path;
  std::string content_type;
  std::string encoding_name;  // grpc-encoding, empty when absent.
  std::optional<std::int64_t> timeout_ns;
  std::optional<std::string> malformed_timeout;
  Headers metadata;
  HeaderRules rules;
  std::size_t header_bytes = 0;  // As SETTINGS_MAX_HEADER_LIST_SIZE counts them.

  void clear();
  // Past `header_bytes_max` it only counts.
  void add(std::string_view name, std::string_view value, std::size_t header_bytes_max);
  [[nodiscard]] std::optional<Refusal> judge() const;
  // None when we have no such encoding.
  [[nodiscard]] std::optional<Encoding> encoding() const;
};

// "application/grpc", or that with "+subtype" or ";parameter": grpcutil.ContentSubtype.
[[nodiscard]] bool is_grpc_content_type(std::string_view content_type);
// What the answer to such a request says: grpc-go answers with the subtype it was asked with.
[[nodiscard]] std::string answer_content_type(std::string_view content_type);

}  // namespace detcd::http2
