#include "http2/framing.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "http2/gzip.h"

namespace detcd::http2 {
namespace {

constexpr std::uint32_t kResourceExhausted = 8;
constexpr std::uint32_t kInternal = 13;

// Until this part of a message has arrived its buffer grows with what arrives, so that many streams
// that only announce long messages cost little.
constexpr std::size_t kTrustedPart = 4;

std::array<char, kPrefixBytes> make_prefix(bool compressed, std::size_t length) {
  return {compressed ? '\1' : '\0', static_cast<char>(length >> 24),
          static_cast<char>(length >> 16), static_cast<char>(length >> 8),
          static_cast<char>(length)};
}

}  // namespace

void Deframer::begin(Encoding encoding, std::size_t message_bytes_max) {
  clear();
  encoding_ = encoding;
  message_bytes_max_ = message_bytes_max;
}

void Deframer::clear() {
  prefix_filled_ = 0;
  frame_bytes_ = 0;
  message_bytes_ = 0;
  partial_ = std::string();
  message_ = Bytes();
  failure_ = GrpcStatus();
}

Deframer::Step Deframer::step(std::string_view& input) {
  if (prefix_filled_ == 0) frame_bytes_ = 0;
  if (prefix_filled_ < kPrefixBytes) {
    if (!take_prefix(input)) return Step::kNeedsMore;
    if (accept_prefix() == Step::kFailed) return Step::kFailed;
  }
  const std::size_t missing = message_bytes_ - partial_.size();
  const std::string_view part = input.substr(0, missing);
  input.remove_prefix(part.size());
  frame_bytes_ += part.size();
  // A message that arrived in one piece, as nearly all do, is copied once.
  if (partial_.empty() && part.size() == missing) return finish_message(Bytes(part));
  if (partial_.size() >= message_bytes_ / kTrustedPart) partial_.reserve(message_bytes_);
  partial_.append(part);
  if (partial_.size() < message_bytes_) return Step::kNeedsMore;
  return finish_message(Bytes::adopt(std::exchange(partial_, std::string())));
}

// True when the prefix is whole.
bool Deframer::take_prefix(std::string_view& input) {
  const std::size_t count = std::min(kPrefixBytes - prefix_filled_, input.size());
  std::copy_n(input.data(), count, prefix_.data() + prefix_filled_);
  input.remove_prefix(count);
  prefix_filled_ = static_cast<std::uint8_t>(prefix_filled_ + count);
  frame_bytes_ += count;
  return prefix_filled_ == kPrefixBytes;
}

// The texts are grpc-go's (rpc_util.go: recvMsg, checkRecvPayload).
Deframer::Step Deframer::accept_prefix() {
  const auto flag = static_cast<unsigned char>(prefix_[0]);
  message_bytes_ = 0;
  for (std::size_t i = 1; i < kPrefixBytes; ++i) {
    message_bytes_ = message_bytes_ << 8 | static_cast<unsigned char>(prefix_[i]);
  }
  if (message_bytes_ > message_bytes_max_) {
    return fail(kResourceExhausted, "grpc: received message larger than max (" +
                                        std::to_string(message_bytes_) + " vs. " +
                                        std::to_string(message_bytes_max_) + ")");
  }
  if (flag > 1) {
    return fail(kInternal, "grpc: received unexpected payload format " + std::to_string(flag));
  }
  compressed_ = flag == 1;
  if (compressed_ && encoding_ == Encoding::kIdentity) {
    return fail(kInternal, "grpc: compressed flag set with identity or empty encoding");
  }
  return Step::kNeedsMore;
}

Deframer::Step Deframer::finish_message(Bytes raw) {
  prefix_filled_ = 0;
  if (!compressed_) {
    message_ = std::move(raw);
    return Step::kMessage;
  }
  Result<std::string> inflated = gunzip(raw.view(), message_bytes_max_);
  if (inflated) {
    message_ = Bytes::adopt(std::move(*inflated));
    return Step::kMessage;
  }
  if (inflated.error().code == Errc::kTooLarge) {
    return fail(kResourceExhausted, "grpc: received message after decompression larger than max " +
                                        std::to_string(message_bytes_max_));
  }
  return fail(kInternal, "grpc: failed to decompress the message: " + inflated.error().message);
}

Deframer::Step Deframer::fail(std::uint32_t code, std::string text) {
  partial_ = std::string();
  failure_ = {.code = code, .message = std::move(text)};
  return Step::kFailed;
}

void OutputQueue::push(Bytes message, Encoding encoding) {
  const bool compressed = encoding == Encoding::kGzip && !message.empty();
  if (compressed) message = Bytes::adopt(gzip(message.view()));
  check(message.size() <= 0xffffffffu, "a gRPC message is shorter than 4 GiB");
  append({.prefix = make_prefix(compressed, message.size()), .message = std::move(message)});
}

void OutputQueue::push_plain(Bytes bytes) {
  check(!bytes.empty(), "plain bytes are queued only when there are some");
  append({.prefix_bytes = 0, .message = std::move(bytes)});
}

void OutputQueue::append(Framed framed) {
  bytes_ += framed.prefix_bytes + framed.message.size();
  if (has_front_) {
    rest_.push_back(std::move(framed));
  } else {
    front_ = std::move(framed);
    has_front_ = true;
  }
}

void OutputQueue::move_to(std::string& out, std::size_t count) {
  check(count <= bytes_, "no more is taken from a queue than it holds");
  bytes_ -= count;
  while (count > 0) {
    const std::size_t prefix_bytes = front_.prefix_bytes;
    const bool in_prefix = front_taken_ < prefix_bytes;
    const std::string_view source =
        in_prefix ? std::string_view(front_.prefix.data(), prefix_bytes) : front_.message.view();
    const std::string_view part =
        source.substr(in_prefix ? front_taken_ : front_taken_ - prefix_bytes, count);
    out.append(part);
    count -= part.size();
    front_taken_ += part.size();
    if (front_taken_ < prefix_bytes + front_.message.size()) continue;
    front_taken_ = 0;
    has_front_ = !rest_.empty();
    if (has_front_) {
      front_ = std::move(rest_.front());
      rest_.pop_front();
    } else {
      front_.message = Bytes();
    }
  }
}

void OutputQueue::clear() {
  front_.message = Bytes();
  has_front_ = false;
  rest_.clear();
  front_taken_ = 0;
  bytes_ = 0;
}

}  // namespace detcd::http2
