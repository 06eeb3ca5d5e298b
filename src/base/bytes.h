// Immutable shared bytes: the one shared owner allowed in pure modules. A Bytes is (buffer, offset,
// length) with an intrusive atomic count, so that entries, values and answers cross modules and
// threads without being copied. Mutable bytes under construction are a std::string.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace detcd {

class OpenBytes;

class Bytes {
 public:
  Bytes() = default;
  // Copies `text` into a new buffer. Empty text needs none.
  explicit Bytes(std::string_view text);
  // Takes the string over without copying its characters.
  static Bytes adopt(std::string&& text);

  Bytes(const Bytes& other) noexcept : buffer_(other.buffer_), view_(other.view_) { retain(); }
  Bytes(Bytes&& other) noexcept
      : buffer_(std::exchange(other.buffer_, nullptr)), view_(std::exchange(other.view_, {})) {}
  Bytes& operator=(const Bytes& other) noexcept {
    Bytes copy(other);
    swap(copy);
    return *this;
  }
  Bytes& operator=(Bytes&& other) noexcept {
    Bytes taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Bytes() { release(); }

  [[nodiscard]] std::string_view view() const { return view_; }
  [[nodiscard]] std::size_t size() const { return view_.size(); }
  [[nodiscard]] bool empty() const { return view_.empty(); }
  // The part of at most `length` bytes from `offset` on; it shares the buffer. `offset` ≤ size().
  [[nodiscard]] Bytes slice(std::size_t offset, std::size_t length = std::string_view::npos) const;
  [[nodiscard]] std::string str() const { return std::string(view_); }

  friend bool operator==(const Bytes& a, const Bytes& b) { return a.view_ == b.view_; }
  friend auto operator<=>(const Bytes& a, const Bytes& b) { return a.view_ <=> b.view_; }

 private:
  friend class OpenBytes;
  struct Buffer {
    std::atomic<std::uint32_t> owners{1};
    std::string text;
  };
  void retain() const noexcept {
    if (buffer_ != nullptr) buffer_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  void release() noexcept;
  void swap(Bytes& other) noexcept {
    std::swap(buffer_, other.buffer_);
    std::swap(view_, other.view_);
  }

  Buffer* buffer_ = nullptr;
  std::string_view view_;
};

// A buffer of fixed capacity that is filled from front to back and never moves: what was appended
// may be handed out as Bytes, also to other threads, while its one owner goes on appending behind.
class OpenBytes {
 public:
  explicit OpenBytes(std::size_t capacity);
  OpenBytes(OpenBytes&&) noexcept = default;
  OpenBytes& operator=(OpenBytes&&) noexcept = default;
  OpenBytes(const OpenBytes&) = delete;
  OpenBytes& operator=(const OpenBytes&) = delete;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t room() const { return capacity_ - size_; }
  // `length` ≤ room() more bytes, to be written before any of them is handed out.
  char* extend(std::size_t length);
  [[nodiscard]] std::string_view view() const;
  // All that was appended so far.
  [[nodiscard]] Bytes written() const;

 private:
  Bytes owner_;  // Keeps the buffer; its view stays empty.
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace detcd
