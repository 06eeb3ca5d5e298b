// W3C Trace Context: the `traceparent` metadata that ties a server's work to its client's call.
// Only the low 64 bits of the trace id are kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace detcd::telemetry {

inline constexpr std::string_view kTraceParent = "traceparent";

// "00-<32 hex digits>-<16 hex digits>-01"
[[nodiscard]] std::string format_traceparent(std::uint64_t trace);
// 0 when it is malformed or of no trace.
[[nodiscard]] std::uint64_t parse_traceparent(std::string_view text);

}  // namespace detcd::telemetry
