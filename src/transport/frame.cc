#include "transport/frame.h"

#include <algorithm>

#include "base/codec.h"
#include "base/crc32c.h"

namespace detcd::transport {
namespace {

constexpr std::string_view kMagic = "DETCDPR1";
constexpr std::size_t kHeadBytes = 8;  // length, checksum

Error damaged(std::string what) {
  return {Errc::kDamaged, "peer stream: " + what};
}

void put(Writer& out, const Promise& promise) {
  out.u64(promise.term);
  out.boolean(promise.voted);
  out.u64(promise.index);
}

Promise take_promise(Reader& in) {
  Promise promise;
  promise.term = in.u64();
  promise.voted = in.boolean();
  promise.index = in.u64();
  return promise;
}

void put(Writer& out, const Introduction& introduction) {
  const std::vector<Remembered>& lives = introduction.remembered;
  // First what the protocol's first members say, and all they read.
  out.u64(lives.empty() ? 0 : lives.back().promise.index);
  out.u64(introduction.life);
  out.u8(static_cast<std::uint8_t>(lives.size()));
  for (const Remembered& remembered : lives) {
    out.u64(remembered.life);
    put(out, remembered.promise);
  }
  put(out, introduction.remembered_before);
  out.u8(static_cast<std::uint8_t>(introduction.addresses.size()));
  for (const std::string& address : introduction.addresses) out.bytes(address);
}

Introduction take_introduction(Reader& in) {
  Introduction introduction;
  in.u64();
  if (in.finished()) return introduction;  // An index without its term proves nothing.
  introduction.life = in.u64();
  const std::uint8_t lives = in.u8();
  for (std::uint8_t n = 0; n < lives && in.ok(); ++n) {
    const std::uint64_t life = in.u64();
    introduction.remembered.push_back({life, take_promise(in)});
  }
  introduction.remembered_before = take_promise(in);
  if (in.finished()) return introduction;  // Addresses came later.
  const std::uint8_t addresses = in.u8();
  for (std::uint8_t n = 0; n < addresses && in.ok(); ++n) {
    introduction.addresses.emplace_back(in.bytes());
  }
  return introduction;
}

}  // namespace

std::string_view name_of(Welcome::Verdict verdict) {
  switch (verdict) {
    case Welcome::Verdict::kAccepted:
      return "accepted";
    case Welcome::Verdict::kVersion:
      return "no common protocol version";
    case Welcome::Verdict::kCluster:
      return "cluster ID mismatch";
    case Welcome::Verdict::kMember:
      return "member ID mismatch";
    case Welcome::Verdict::kRemoved:
      return "the member has been permanently removed from the cluster";
  }
  return "unknown";
}

bool begins_hello(std::string_view bytes) {
  const std::size_t seen = std::min(bytes.size(), kMagic.size());
  return bytes.substr(0, seen) == kMagic.substr(0, seen);
}

std::string frame(Kind kind, std::string_view payload) {
  Writer body;
  body.u8(static_cast<std::uint8_t>(kind));
  const std::uint32_t crc = crc32c(payload, crc32c(body.view()));
  Writer out;
  out.u32(static_cast<std::uint32_t>(payload.size() + 1));
  out.u32(crc);
  out.raw(body.view());
  out.raw(payload);
  return out.take();
}

std::string encode(const Hello& hello) {
  Writer out;
  out.u16(hello.version_least);
  out.u16(hello.version_newest);
  out.u64(hello.cluster_id);
  out.u64(hello.from);
  out.u64(hello.to);
  out.u8(static_cast<std::uint8_t>(hello.purpose));
  put(out, hello.introduction);
  return std::string(kMagic) + frame(Kind::kHello, out.view());
}

std::string encode(const Welcome& welcome) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(welcome.verdict));
  out.u16(welcome.version);
  out.u64(welcome.cluster_id);
  out.u64(welcome.member);
  put(out, welcome.introduction);
  return frame(Kind::kWelcome, out.view());
}

Result<Hello> decode_hello(std::string_view payload) {
  Reader in(payload);
  Hello hello;
  hello.version_least = in.u16();
  hello.version_newest = in.u16();
  hello.cluster_id = in.u64();
  hello.from = in.u64();
  hello.to = in.u64();
  const std::uint8_t purpose = in.u8();
  hello.introduction = take_introduction(in);
  // A newer version may say more: what follows is its own.
  if (!in.ok() || purpose < 1 || purpose > 2) return damaged("malformed hello");
  hello.purpose = static_cast<Purpose>(purpose);
  return hello;
}

Result<Welcome> decode_welcome(std::string_view payload) {
  Reader in(payload);
  Welcome welcome;
  const std::uint8_t verdict = in.u8();
  welcome.version = in.u16();
  welcome.cluster_id = in.u64();
  welcome.member = in.u64();
  welcome.introduction = take_introduction(in);
  if (!in.ok() || verdict > static_cast<std::uint8_t>(Welcome::Verdict::kRemoved)) {
    return damaged("malformed welcome");
  }
  welcome.verdict = static_cast<Welcome::Verdict>(verdict);
  return welcome;
}

Result<std::optional<Frame>> FrameReader::next() {
  std::string_view rest = std::string_view(buffer_).substr(read_);
  if (magic_left_) {
    const std::size_t seen = std::min(rest.size(), kMagic.size());
    if (rest.substr(0, seen) != kMagic.substr(0, seen)) {
      return damaged("this isn't detcd's peer protocol");
    }
    if (seen < kMagic.size()) return std::optional<Frame>();
    magic_left_ = false;
    read_ += seen;
    rest.remove_prefix(seen);
  }
  if (rest.size() < kHeadBytes) return std::optional<Frame>();
  Reader in(rest);
  const std::uint32_t length = in.u32();
  const std::uint32_t crc = in.u32();
  if (length == 0 || length > kFrameBytesMax) return damaged("a frame's length is out of bounds");
  if (in.remaining() < length) {
    // What was consumed goes away once, not with every frame.
    if (read_ > 0) {
      buffer_.erase(0, read_);
      read_ = 0;
    }
    return std::optional<Frame>();
  }
  const std::string_view body = in.raw(length);
  if (crc32c(body) != crc) return damaged("a frame's checksum doesn't hold");
  const auto kind = static_cast<std::uint8_t>(body.front());
  if (kind < 1 || kind > static_cast<std::uint8_t>(Kind::kNote)) {
    return damaged("unknown kind of frame " + std::to_string(kind));
  }
  read_ += kHeadBytes + length;
  Frame found{static_cast<Kind>(kind), Bytes(body.substr(1))};
  if (read_ == buffer_.size()) {
    buffer_.clear();
    read_ = 0;
  }
  return std::optional<Frame>(std::move(found));
}

}  // namespace detcd::transport
