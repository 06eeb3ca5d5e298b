#include "http2/message.h"

#include <array>
#include <limits>

namespace detcd::http2 {
namespace {

struct TimeoutUnit {
  char letter;
  std::int64_t ns;
};
constexpr std::array<TimeoutUnit, 6> kUnits = {{{'n', 1},
                                                {'u', 1'000},
                                                {'m', 1'000'000},
                                                {'S', 1'000'000'000},
                                                {'M', 60'000'000'000},
                                                {'H', 3'600'000'000'000}}};
constexpr std::size_t kDigitsMax = 8;
constexpr std::int64_t kValueMax = 99'999'999;

bool travels_plain(unsigned char c) {
  return c >= 0x20 && c <= 0x7e && c != '%';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (travels_plain(byte)) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

// gRPC over HTTP/2, "Percent-Encoded": a decoder keeps what isn't valid as it is, rather than
// losing the message.
std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

std::optional<std::int64_t> parse_grpc_timeout_ns(std::string_view text) {
  if (text.size() < 2 || text.size() > kDigitsMax + 1) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  for (const TimeoutUnit& unit : kUnits) {
    if (unit.letter != text.back()) continue;
    // Only hours can pass the end of the range; grpc-go takes the longest duration then.
    constexpr std::int64_t kLongest = std::numeric_limits<std::int64_t>::max();
    return value > kLongest / unit.ns ? kLongest : value * unit.ns;
  }
  return std::nullopt;
}

// The finest unit that needs no more than eight digits, rounded up: a deadline on the wire is never
// earlier than the caller's.
std::string format_grpc_timeout(std::int64_t timeout_ns) {
  if (timeout_ns <= 0) return "0n";
  for (const TimeoutUnit& unit : kUnits) {
    const std::int64_t value = timeout_ns / unit.ns + (timeout_ns % unit.ns != 0 ? 1 : 0);
    if (value <= kValueMax) return std::to_string(value) + unit.letter;
  }
  return std::to_string(kValueMax) + 'H';
}

}  // namespace detcd::http2
