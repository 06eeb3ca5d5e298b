#include "base/bytes.h"

#include "base/check.h"

namespace detcd {

Bytes::Bytes(std::string_view text) {
  if (text.empty()) return;
  *this = adopt(std::string(text));
}

Bytes Bytes::adopt(std::string&& text) {
  Bytes bytes;
  if (text.empty()) return bytes;
  bytes.buffer_ = new Buffer{.text = std::move(text)};
  bytes.view_ = bytes.buffer_->text;
  return bytes;
}

Bytes Bytes::slice(std::size_t offset, std::size_t length) const {
  check(offset <= view_.size(), "a slice begins inside its bytes");
  Bytes part(*this);
  part.view_ = view_.substr(offset, length);
  return part;
}

void Bytes::release() noexcept {
  if (buffer_ != nullptr && buffer_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    delete buffer_;
  }
}

OpenBytes::OpenBytes(std::size_t capacity) : capacity_(capacity) {
  owner_.buffer_ = new Bytes::Buffer;
  owner_.buffer_->text.reserve(capacity);
}

char* OpenBytes::extend(std::size_t length) {
  check(length <= room(), "an open buffer is never filled beyond its capacity");
  // Within the reserved capacity a string neither moves nor touches the bytes it has already.
  std::string& text = owner_.buffer_->text;
  text.resize(size_ + length);
  char* const begin = text.data() + size_;
  size_ += length;
  return begin;
}

std::string_view OpenBytes::view() const {
  return {owner_.buffer_->text.data(), size_};
}

Bytes OpenBytes::written() const {
  Bytes all(owner_);
  all.view_ = view();
  return all;
}

}  // namespace detcd
