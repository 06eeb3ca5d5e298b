// Little-endian fixed-width numbers, varints and length-prefixed strings: the words of every format
// of ours (WAL, snapshot, peer wire, canonical state). The writer can't fail; the reader never
// reads past its end and remembers that it would have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace detcd {

class Writer {
 public:
  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u16(std::uint16_t value) { fixed(value, 2); }
  void u32(std::uint32_t value) { fixed(value, 4); }
  void u64(std::uint64_t value) { fixed(value, 8); }
  void varint(std::uint64_t value);
  void boolean(bool value) { u8(value ? 1 : 0); }
  // Length as a varint, then the bytes.
  void bytes(std::string_view value) {
    varint(value.size());
    out_.append(value);
  }
  void raw(std::string_view value) { out_.append(value); }
  // Makes room at once for a buffer that will grow to about `bytes`.
  void reserve(std::size_t bytes) { out_.reserve(bytes); }
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] std::string_view view() const { return out_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void fixed(std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) out_.push_back(static_cast<char>(value >> (8 * i)));
  }
  std::string out_;
};

// Every read after the input has ended, or of a malformed varint or boolean, gives zero or empty
// and clears ok(); so a decoder reads everything and asks once.
class Reader {
 public:
  explicit Reader(std::string_view input) : rest_(input) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(fixed(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(fixed(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed(4)); }
  std::uint64_t u64() { return fixed(8); }
  std::uint64_t varint();
  bool boolean();
  // A view into the input.
  std::string_view bytes();
  std::string_view raw(std::uint64_t length);
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
  [[nodiscard]] bool ok() const { return ok_; }
  // All read, and nothing left over.
  [[nodiscard]] bool finished() const { return ok_ && rest_.empty(); }

 private:
  std::uint64_t fixed(std::size_t width);
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace detcd
