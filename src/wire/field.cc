#include "wire/field.h"

namespace detcd::wire {

namespace {
constexpr std::uint32_t kGroupStart = 3;
constexpr std::uint32_t kGroupEnd = 4;
constexpr std::uint64_t kFieldNumberMax = (1U << 29) - 1;
// Groups are only ever skipped; none of etcd's messages has one.
constexpr std::size_t kGroupDepthMax = 100;
}  // namespace

bool FieldReader::fail() {
  ok_ = false;
  rest_ = {};
  return false;
}

bool FieldReader::varint(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return fail();
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    // The tenth byte has room for one bit.
    if (shift == 63 && byte > 1) return fail();
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return true;
  }
  return fail();
}

bool FieldReader::tag(std::uint32_t& number, std::uint32_t& kind) {
  std::uint64_t value = 0;
  if (!varint(value)) return false;
  if (value >> 3 == 0 || value >> 3 > kFieldNumberMax) return fail();
  number = static_cast<std::uint32_t>(value >> 3);
  kind = static_cast<std::uint32_t>(value & 7);
  return true;
}

bool FieldReader::skip(std::size_t length) {
  if (length > rest_.size()) return fail();
  rest_.remove_prefix(length);
  return true;
}

bool FieldReader::length_delimited(std::string_view& bytes) {
  std::uint64_t length = 0;
  if (!varint(length)) return false;
  if (length > rest_.size()) return fail();
  bytes = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return true;
}

bool FieldReader::skip_group(std::uint32_t number) {
  std::uint32_t open[kGroupDepthMax] = {number};
  std::size_t depth = 1;
  while (depth > 0) {
    std::uint32_t inner = 0;
    std::uint32_t kind = 0;
    std::uint64_t ignored = 0;
    std::string_view view;
    if (!tag(inner, kind)) return false;
    bool skipped = true;
    if (kind == kGroupStart) {
      if (depth == kGroupDepthMax) return fail();
      open[depth++] = inner;
    } else if (kind == kGroupEnd) {
      if (open[--depth] != inner) return fail();
    } else if (kind == static_cast<std::uint32_t>(FieldKind::kVarint)) {
      skipped = varint(ignored);
    } else if (kind == static_cast<std::uint32_t>(FieldKind::kBytes)) {
      skipped = length_delimited(view);
    } else if (kind == static_cast<std::uint32_t>(FieldKind::kFixed64)) {
      skipped = skip(8);
    } else if (kind == static_cast<std::uint32_t>(FieldKind::kFixed32)) {
      skipped = skip(4);
    } else {
      return fail();
    }
    if (!skipped) return false;
  }
  return true;
}

bool FieldReader::next(Field& field) {
  if (rest_.empty()) return false;
  std::uint32_t kind = 0;
  if (!tag(field.number, kind)) return false;
  field.kind = static_cast<FieldKind>(kind);
  switch (kind) {
    case static_cast<std::uint32_t>(FieldKind::kVarint):
      return varint(field.varint);
    case static_cast<std::uint32_t>(FieldKind::kFixed64):
      return skip(8);
    case static_cast<std::uint32_t>(FieldKind::kBytes):
      return length_delimited(field.bytes);
    case kGroupStart:
      return skip_group(field.number);
    case static_cast<std::uint32_t>(FieldKind::kFixed32):
      return skip(4);
    default:
      return fail();
  }
}

}  // namespace detcd::wire
