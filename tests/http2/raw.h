// HTTP/2 frames made and read by hand, to say to a session what a well-behaved peer would not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http2/message.h"
#include "http2/sniff.h"

namespace detcd::http2::raw {

inline constexpr std::uint8_t kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kPing = 6,
                              kGoAway = 7, kWindowUpdate = 8, kContinuation = 9;
inline constexpr std::uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;

inline std::string number(std::uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift));
  }
  return out;
}

struct Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

inline std::string write(const Frame& frame) {
  return number(frame.payload.size(), 3) + number(frame.type, 1) + number(frame.flags, 1) +
         number(frame.stream, 4) + frame.payload;
}

inline std::vector<Frame> read(std::string_view bytes) {
  const auto value = [&](std::size_t at, std::size_t size) {
    std::uint64_t out = 0;
    for (const char byte : bytes.substr(at, size)) out = out << 8 | static_cast<std::uint8_t>(byte);
    return out;
  };
  std::vector<Frame> out;
  while (bytes.size() >= 9) {
    const std::size_t size = value(0, 3);
    out.push_back({static_cast<std::uint8_t>(value(3, 1)), static_cast<std::uint8_t>(value(4, 1)),
                   static_cast<std::uint32_t>(value(5, 4)), std::string(bytes.substr(9, size))});
    bytes.remove_prefix(9 + size);
  }
  return out;
}

// HPACK literals without indexing, names and values as they are.
inline std::string pack(const Headers& headers) {
  const auto text = [](std::string_view value) {
    std::string out;
    std::size_t rest = value.size();
    if (rest < 127) return std::string(1, static_cast<char>(rest)).append(value);
    out.push_back(127);
    for (rest -= 127; rest >= 128; rest /= 128) out.push_back(static_cast<char>(128 + rest % 128));
    out.push_back(static_cast<char>(rest));
    return out.append(value);
  };
  std::string out;
  for (const auto& [name, value] : headers) {
    out.push_back('\0');
    out += text(name);
    out += text(value);
  }
  return out;
}

inline Headers request(const Headers& more = {}, std::string_view method = "POST",
                       std::string_view content_type = "application/grpc") {
  Headers out = {{":method", std::string(method)},
                 {":scheme", "http"},
                 {":path", "/p.S/M"},
                 {":authority", "a"},
                 {"content-type", std::string(content_type)}};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

inline std::string hello() {
  return std::string(kPreface) + write({kSettings, 0, 0, ""});
}

inline std::string headers(std::uint32_t stream, const Headers& list, bool end = false) {
  return write({kHeaders, static_cast<std::uint8_t>(kEndHeaders | (end ? kEndStream : 0)), stream,
                pack(list)});
}

inline std::string data(std::uint32_t stream, std::string_view bytes, bool end = false) {
  return write(
      {kData, static_cast<std::uint8_t>(end ? kEndStream : 0), stream, std::string(bytes)});
}

inline std::string grpc(std::string_view message, bool compressed = false) {
  return std::string(1, compressed ? '\1' : '\0') + number(message.size(), 4) +
         std::string(message);
}

inline std::string ping() {
  return write({kPing, 0, 0, "12345678"});
}

inline std::string reset(std::uint32_t stream, std::uint32_t code = 8) {
  return write({kReset, 0, stream, number(code, 4)});
}

}  // namespace detcd::http2::raw
