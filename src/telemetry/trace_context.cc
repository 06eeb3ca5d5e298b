#include "telemetry/trace_context.h"

#include <fmt/format.h>

#include <charconv>

namespace detcd::telemetry {

std::string format_traceparent(std::uint64_t trace) {
  return fmt::format("00-{:032x}-{:016x}-01", trace, trace);
}

std::uint64_t parse_traceparent(std::string_view text) {
  constexpr std::size_t kLength = 55;
  constexpr std::size_t kIdEnd = 35;
  if (text.size() < kLength || text[2] != '-' || text[kIdEnd] != '-') return 0;
  const std::string_view digits = text.substr(kIdEnd - 16, 16);
  std::uint64_t trace = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), trace, 16);
  return error == std::errc() && end == digits.end() ? trace : 0;
}

}  // namespace detcd::telemetry
