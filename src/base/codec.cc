#include "base/codec.h"

namespace detcd {

void Writer::varint(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<char>(value));
}

std::uint64_t Reader::fixed(std::size_t width) {
  if (rest_.size() < width) {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
  }
  rest_.remove_prefix(width);
  return value;
}

std::uint64_t Reader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) break;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    // The tenth byte has room for one bit: more would be a number beyond 64 bits.
    if (shift == 63 && byte > 1) break;
    // One form only: a number doesn't end in a group of zeros.
    if (shift > 0 && byte == 0) break;
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return value;
  }
  ok_ = false;
  rest_ = {};
  return 0;
}

bool Reader::boolean() {
  const std::uint8_t value = u8();
  if (value > 1) {
    ok_ = false;
    rest_ = {};
  }
  return value == 1;
}

std::string_view Reader::bytes() {
  return raw(varint());
}

std::string_view Reader::raw(std::uint64_t length) {
  if (!ok_ || length > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view value = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return value;
}

}  // namespace detcd
