// What HTTP/2 and gRPC framing are made of, as values shared by the server's and the client's end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace detcd::http2 {

using StreamId = Id<struct StreamIdTag>;

using Headers = std::vector<std::pair<std::string, std::string>>;  // Lower-case names.

struct GrpcStatus {
  std::uint32_t code = 0;
  std::string message;  // Plain text; percent-encoded on the wire.
  friend bool operator==(const GrpcStatus&, const GrpcStatus&) = default;
};

// gRPC's percent-encoding of grpc-message: bytes outside 0x20..0x7e and '%' become %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);
[[nodiscard]] std::string percent_decode(std::string_view text);

// "1H", "250m", "30S" …; none when malformed (more than 8 digits, unknown unit).
[[nodiscard]] std::optional<std::int64_t> parse_grpc_timeout_ns(std::string_view text);
[[nodiscard]] std::string format_grpc_timeout(std::int64_t timeout_ns);

}  // namespace detcd::http2
