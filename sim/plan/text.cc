#include "sim/plan/text.h"

#include <array>
#include <charconv>
#include <utility>

namespace detcd::sim {
namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kUnits{
    {{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}}};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string quote(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || byte <= 0x20 || byte >= 0x7f) {
      out += "\\x";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

std::string print_duration(Duration duration) {
  const std::int64_t ns = duration.count();
  for (const auto& [name, size] : kUnits) {
    if (ns % size == 0) return std::to_string(ns / size) + std::string(name);
  }
  return std::to_string(ns) + "ns";
}

void Words::skip_spaces() {
  while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
}

std::string_view Words::word() {
  skip_spaces();
  const std::string_view taken = rest_.substr(0, rest_.find(' '));
  rest_.remove_prefix(taken.size());
  if (taken.empty()) ok_ = false;
  return ok_ ? taken : std::string_view();
}

std::string_view Words::rest() {
  skip_spaces();
  return ok_ ? rest_ : std::string_view();
}

std::string_view Words::peek() const {
  Words copy(*this);
  return copy.word();
}

bool Words::finished() const {
  return ok_ && rest_.find_first_not_of(' ') == std::string_view::npos;
}

bool Words::expect(std::string_view expected) {
  if (word() != expected) ok_ = false;
  return ok_;
}

std::string Words::quoted() {
  std::string_view text = word();
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') {
    ok_ = false;
    return {};
  }
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
      continue;
    }
    const bool whole = i + 3 < text.size() + 0 && text[i + 1] == 'x';
    const int high = whole ? hex_digit(text[i + 2]) : -1;
    const int low = whole ? hex_digit(text[i + 3]) : -1;
    if (high < 0 || low < 0) {
      ok_ = false;
      return {};
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 3;
  }
  return out;
}

Duration Words::duration() {
  const std::string_view text = word();
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, size] : kUnits) {
    const bool fits = count <= INT64_MAX / size && count >= INT64_MIN / size;
    if (error == std::errc() && unit == name && fits) return Duration(count * size);
  }
  ok_ = false;
  return {};
}

std::uint64_t Words::number() {
  const std::string_view text = word();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) ok_ = false;
  return ok_ ? value : 0;
}

std::int64_t Words::integer() {
  const std::string_view text = word();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) ok_ = false;
  return ok_ ? value : 0;
}

}  // namespace detcd::sim
