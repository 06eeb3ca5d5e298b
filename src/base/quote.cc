#include "base/quote.h"

#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

namespace detcd {
namespace {

// Characters that have an escape of one letter, and their letters.
constexpr std::string_view kEscaped = "\a\b\f\n\r\t\v\"\\";
constexpr std::string_view kLetters = "abfnrtv\"\\";

// The length of the UTF-8 sequence of several bytes at the front; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) >= 0xa0) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) >= 0x90) return 0;
  return length;
}

}  // namespace

std::string go_quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const char c = text.front();
    const auto byte = static_cast<std::uint8_t>(c);
    std::size_t taken = 1;
    if (const std::size_t known = kEscaped.find(c); known != std::string_view::npos) {
      out += '\\';
      out += kLetters[known];
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else if (const std::size_t length = byte < 0x80 ? 0 : sequence_length(text); length > 0) {
      out += text.substr(0, length);
      taken = length;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
    text.remove_prefix(taken);
  }
  return out + '"';
}

}  // namespace detcd
