#include "sim/timeline/json.h"

#include "base/check.h"

namespace detcd::sim {
namespace {

std::string escaped_unit(unsigned unit) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[(unit >> shift) & 0xFU]);
  return out;
}

unsigned at(std::string_view text, std::size_t place) {
  return place < text.size() ? static_cast<unsigned char>(text[place]) : 0U;
}

// How many bytes the character at the front takes; 0: this isn't UTF-8. RFC 3629: the shortest
// form only, no surrogates, nothing above U+10FFFF.
std::size_t character_length(std::string_view text) {
  const unsigned first = at(text, 0);
  if (first < 0x80U) return 1;
  std::size_t length = 0;
  if (first >= 0xC2U && first <= 0xDFU) length = 2;
  if (first >= 0xE0U && first <= 0xEFU) length = 3;
  if (first >= 0xF0U && first <= 0xF4U) length = 4;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(text, i) & 0xC0U) != 0x80U) return 0;
  }
  const unsigned second = at(text, 1);
  const bool too_long = (first == 0xE0U && second < 0xA0U) || (first == 0xF0U && second < 0x90U);
  const bool too_large = (first == 0xEDU && second > 0x9FU) || (first == 0xF4U && second > 0x8FU);
  return too_long || too_large ? 0 : length;
}

bool is_plain(char c) {
  static constexpr std::string_view kSpecial = "\"\\<>&'`\x7f";
  return static_cast<unsigned char>(c) >= 0x20U && kSpecial.find(c) == std::string_view::npos;
}

}  // namespace

void Json::begin_value() {
  if (!named_ && !first_) out_.push_back(',');
  named_ = false;
  first_ = false;
}

Json& Json::open(char bracket) {
  begin_value();
  out_.push_back(bracket);
  open_.push_back(bracket == '{' ? '}' : ']');
  first_ = true;
  return *this;
}

Json& Json::close() {
  check(!open_.empty() && !named_, "a bracket is closed that was opened, after a value");
  out_.push_back(open_.back());
  open_.pop_back();
  first_ = false;
  return *this;
}

Json& Json::name(std::string_view name) {
  text(name);
  out_.push_back(':');
  named_ = true;
  return *this;
}

Json& Json::text(std::string_view text) {
  begin_value();
  out_.push_back('"');
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) {
      out_ += "\\ufffd";
    } else if (length > 1) {
      const std::string_view character = text.substr(0, length);
      const bool separator = character == "\u2028" || character == "\u2029";
      if (separator) out_ += character == "\u2028" ? "\\u2028" : "\\u2029";
      if (!separator) out_ += character;
    } else if (is_plain(text.front())) {
      out_.push_back(text.front());
    } else {
      out_ += escaped_unit(at(text, 0));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out_.push_back('"');
  return *this;
}

Json& Json::number(std::int64_t number) {
  return raw(std::to_string(number));
}
Json& Json::number(std::uint64_t number) {
  return raw(std::to_string(number));
}
Json& Json::boolean(bool value) {
  return raw(value ? "true" : "false");
}

Json& Json::raw(std::string_view json) {
  begin_value();
  out_ += json;
  return *this;
}

}  // namespace detcd::sim
