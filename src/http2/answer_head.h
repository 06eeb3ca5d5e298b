// The headers and trailers of one answer as a client sees them, and the status they mean. The
// mappings are gRPC's: "HTTP to gRPC Status Code Mapping" and, for RST_STREAM, "Errors" in "gRPC
// over HTTP2".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http2/framing.h"
#include "http2/message.h"

namespace detcd::http2 {

struct AnswerHead {
  std::uint32_t http_status = 0;
  std::string content_type;
  std::string encoding_name;
  std::optional<std::uint32_t> grpc_status;
  std::string grpc_message;
  Headers rest;                  // Of the newest block: the trailers, at the end.
  std::size_t header_bytes = 0;  // Of the newest block.

  void clear() { *this = AnswerHead(); }
  // Another block of headers begins.
  void begin_block();
  void add(std::string_view name, std::string_view value);
  // None when the answer may go on as a gRPC stream; otherwise how the call ends at once.
  [[nodiscard]] std::optional<GrpcStatus> judge() const;
  // The status of a stream that has ended.
  [[nodiscard]] GrpcStatus final_status() const;
};

[[nodiscard]] std::uint32_t grpc_code_of_http_status(std::uint32_t http_status);
[[nodiscard]] std::uint32_t grpc_code_of_reset(std::uint32_t http2_error_code);

}  // namespace detcd::http2
