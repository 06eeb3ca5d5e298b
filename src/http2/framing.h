// gRPC's message framing: one byte of flag, four of length, the message. Deframer cuts arriving
// bytes into whole messages within a limit; OutputQueue holds framed messages until HTTP/2 takes
// them. Both are plain values that know neither streams nor windows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "http2/message.h"

namespace detcd::http2 {

inline constexpr std::size_t kPrefixBytes = 5;

// What a peer's grpc-encoding allows its messages to be.
enum class Encoding : std::uint8_t { kIdentity, kGzip };

class Deframer {
 public:
  enum class Step : std::uint8_t {
    kNeedsMore,  // The input is used up.
    kMessage,    // message() is the next one.
    kFailed,     // failure() ends the call; the rest of the input has no meaning.
  };

  void begin(Encoding encoding, std::size_t message_bytes_max);
  // Takes from the front of `input` what belongs to the message at hand.
  Step step(std::string_view& input);
  // Bytes taken since the last message was complete; the whole frame right after kMessage.
  [[nodiscard]] std::size_t frame_bytes() const { return frame_bytes_; }
  [[nodiscard]] bool between_messages() const { return prefix_filled_ == 0; }
  [[nodiscard]] Bytes take_message() { return std::move(message_); }
  [[nodiscard]] const GrpcStatus& failure() const { return failure_; }
  // Gives back all memory; begin() makes it usable again.
  void clear();

 private:
  bool take_prefix(std::string_view& input);
  Step accept_prefix();
  Step finish_message(Bytes raw);
  Step fail(std::uint32_t code, std::string text);

  Encoding encoding_ = Encoding::kIdentity;
  bool compressed_ = false;
  std::uint8_t prefix_filled_ = 0;
  std::array<char, kPrefixBytes> prefix_{};
  std::size_t message_bytes_max_ = 0;
  std::size_t message_bytes_ = 0;  // As the prefix says.
  std::size_t frame_bytes_ = 0;
  std::string partial_;
  Bytes message_;
  GrpcStatus failure_;
};

class OutputQueue {
 public:
  // Frames the message; `encoding` kGzip compresses it, unless it is empty (as grpc-go).
  void push(Bytes message, Encoding encoding);
  // Adds bytes without a frame. They aren't empty.
  void push_plain(Bytes bytes);
  // Moves `count` bytes from the front to the end of `out`. count ≤ bytes().
  void move_to(std::string& out, std::size_t count);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  void clear();

 private:
  struct Framed {
    std::array<char, kPrefixBytes> prefix{};
    std::size_t prefix_bytes = kPrefixBytes;  // Or none.
    Bytes message;
  };
  void append(Framed framed);

  // The front is kept apart, so that a unary answer needs no node of the deque.
  Framed front_{};
  bool has_front_ = false;
  std::deque<Framed> rest_;
  std::size_t front_taken_ = 0;  // Of prefix and message together.
  std::size_t bytes_ = 0;
};

}  // namespace detcd::http2
