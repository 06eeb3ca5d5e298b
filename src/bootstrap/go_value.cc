#include "bootstrap/go_value.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

namespace detcd::bootstrap {
namespace {

constexpr std::string_view kSyntax = "parse error";
constexpr std::string_view kRange = "value out of range";

Error bad(std::string_view what) {
  return Error{Errc::kInvalid, std::string(what)};
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// Takes the prefix that names the base off the text.
std::uint64_t take_base(std::string_view& text) {
  if (text.size() < 2 || text[0] != '0') return 10;
  switch (text[1]) {
    case 'x':
    case 'X':
      text.remove_prefix(2);
      return 16;
    case 'b':
    case 'B':
      text.remove_prefix(2);
      return 2;
    case 'o':
    case 'O':
      text.remove_prefix(2);
      return 8;
    default:
      text.remove_prefix(1);
      return 8;
  }
}

// The whole part and the fraction of a decimal number, in units of `unit` nanoseconds.
std::optional<std::uint64_t> scaled(std::string_view whole, std::string_view fraction,
                                    std::uint64_t unit) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 63U;
  std::uint64_t value = 0;
  for (const char c : whole) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (kMost - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  if (value > kMost / unit) return std::nullopt;
  value *= unit;
  std::uint64_t place = unit;
  for (const char c : fraction) {
    if (place % 10 != 0) break;  // Nothing below a nanosecond.
    place /= 10;
    value += place * static_cast<std::uint64_t>(c - '0');
  }
  return value > kMost ? std::nullopt : std::optional(value);
}

std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

std::uint64_t unit_of(std::string_view name) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> kUnits = {
      {{"ns", 1},
       {"us", 1000},
       {"µs", 1000},
       {"μs", 1000},
       {"ms", 1'000'000},
       {"s", kSecond},
       {"m", 60 * kSecond},
       {"h", 3600 * kSecond}}};
  for (const auto& [unit, nanoseconds] : kUnits) {
    if (unit == name) return nanoseconds;
  }
  return 0;
}

}  // namespace

Result<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return bad(kSyntax);
}

Result<std::uint64_t> parse_uint(std::string_view text, int bits) {
  const std::uint64_t most =
      bits == 64 ? std::numeric_limits<std::uint64_t>::max() : (std::uint64_t{1} << bits) - 1;
  if (text.empty()) return bad(kSyntax);
  const std::size_t length = text.size();
  const std::uint64_t base = take_base(text);
  const bool prefixed = text.size() < length;
  std::uint64_t value = 0;
  bool after_digit = prefixed;
  for (const char c : text) {
    if (c == '_' && after_digit) {
      after_digit = false;
      continue;
    }
    const int digit = digit_of(c);
    if (std::cmp_greater_equal(digit, base)) return bad(kSyntax);
    if (value > (most - static_cast<std::uint64_t>(digit)) / base) return bad(kRange);
    value = value * base + static_cast<std::uint64_t>(digit);
    after_digit = true;
  }
  if (!after_digit || (text.empty() && base != 8)) return bad(kSyntax);
  return value;
}

Result<std::int64_t> parse_int(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const Result<std::uint64_t> magnitude = parse_uint(text);
  if (!magnitude) return magnitude.error();
  const std::uint64_t limit = (std::uint64_t{1} << 63U) - (negative ? 0 : 1);
  if (*magnitude > limit) return bad(kRange);
  return static_cast<std::int64_t>(negative ? ~*magnitude + 1 : *magnitude);
}

Result<Duration> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return Duration(0);
  if (text.empty()) return bad(kSyntax);
  std::uint64_t total = 0;
  while (!text.empty()) {
    const std::string_view whole = take_digits(text);
    std::string_view fraction;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      fraction = take_digits(text);
    }
    if (whole.empty() && fraction.empty()) return bad(kSyntax);
    const std::size_t unit_length = std::min(text.find_first_of("0123456789."), text.size());
    const std::uint64_t unit = unit_of(text.substr(0, unit_length));
    text.remove_prefix(unit_length);
    if (unit == 0) return bad(kSyntax);
    const std::optional<std::uint64_t> part = scaled(whole, fraction, unit);
    if (!part || total + *part > (std::uint64_t{1} << 63U) - 1) return bad(kSyntax);
    total += *part;
  }
  const auto count = static_cast<std::int64_t>(total);
  return Duration(negative ? -count : count);
}

}  // namespace detcd::bootstrap
