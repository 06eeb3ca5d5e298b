// Protobuf's wire format, field by field: what the hot messages are read and written with. Reading
// accepts and refuses what Go's protobuf does (unknown fields are skipped, varints have 64 bits,
// field numbers are 1 to 2^29-1); writing gives protobuf's canonical bytes. Neither allocates for a
// field.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace detcd::wire {

enum class FieldKind : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kGroup = 3,
  kFixed32 = 5
};

struct Field {
  std::uint32_t number = 0;
  FieldKind kind = FieldKind::kVarint;
  std::uint64_t varint = 0;  // Of kVarint.
  std::string_view bytes;    // Of kBytes: a view into the input.

  [[nodiscard]] bool is_varint(std::uint32_t wanted) const {
    return number == wanted && kind == FieldKind::kVarint;
  }
  [[nodiscard]] bool is_bytes(std::uint32_t wanted) const {
    return number == wanted && kind == FieldKind::kBytes;
  }
};

// Walks over the fields of one message. A field whose kind isn't the declared one is unknown to the
// caller and passed over, as protobuf does.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : rest_(message) {}
  // False at the end of the message, or when it is malformed: then ok() is false.
  bool next(Field& field);
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  bool fail();
  bool varint(std::uint64_t& value);
  bool tag(std::uint32_t& number, std::uint32_t& kind);
  bool skip(std::size_t length);
  bool skip_group(std::uint32_t number);
  bool length_delimited(std::string_view& bytes);
  std::string_view rest_;
  bool ok_ = true;
};

[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

// Proto3's scalar rule is the sink's: zero and empty are not written.
class FieldSizer {
 public:
  void number(std::uint32_t field, std::uint64_t value) {
    if (value != 0) size_ += varint_size(field << 3) + varint_size(value);
  }
  void bytes(std::uint32_t field, std::string_view value) {
    if (!value.empty()) present_bytes(field, value);
  }
  void present_number(std::uint32_t field, std::uint64_t value) {
    size_ += varint_size(field << 3) + varint_size(value);
  }
  void present_bytes(std::uint32_t field, std::string_view value) {
    message_header(field, value.size());
    size_ += value.size();
  }
  void message_header(std::uint32_t field, std::size_t length) {
    size_ += varint_size(field << 3) + varint_size(length);
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};

class FieldWriter {
 public:
  explicit FieldWriter(std::size_t size) { out_.reserve(size); }
  void number(std::uint32_t field, std::uint64_t value) {
    if (value != 0) present_number(field, value);
  }
  void bytes(std::uint32_t field, std::string_view value) {
    if (!value.empty()) present_bytes(field, value);
  }
  void present_number(std::uint32_t field, std::uint64_t value) {
    varint(field << 3);
    varint(value);
  }
  void present_bytes(std::uint32_t field, std::string_view value) {
    message_header(field, value.size());
    out_.append(value);
  }
  // The message's own fields follow.
  void message_header(std::uint32_t field, std::size_t length) {
    varint((field << 3) | 2);
    varint(length);
  }
  // Fields that were written before.
  void append(std::string_view fields) { out_.append(fields); }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void varint(std::uint64_t value) {
    std::array<char, 10> bytes;
    std::size_t size = 0;
    for (; value >= 0x80; value >>= 7) bytes[size++] = static_cast<char>(value | 0x80);
    bytes[size++] = static_cast<char>(value);
    out_.append(bytes.data(), size);
  }
  std::string out_;
};

}  // namespace detcd::wire
