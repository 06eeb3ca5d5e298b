// Tells HTTP/2 with prior knowledge from HTTP/1.1 by the first bytes of a connection, so that one
// port speaks both. It consumes nothing: the same bytes go to the session that is chosen.
#pragma once

#include <cstdint>
#include <string_view>

namespace detcd::http2 {

enum class Protocol : std::uint8_t {
  kNeedsMore,  // What has arrived is a true beginning of the HTTP/2 preface, or nothing.
  kHttp2,
  kHttp1,  // Anything else; whether it is HTTP at all is for the HTTP/1.1 parser to say.
};

// The 24 bytes every HTTP/2 client sends first (RFC 9113 §3.4).
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// `bytes` is all that has arrived so far.
[[nodiscard]] constexpr Protocol sniff(std::string_view bytes) {
  if (bytes.starts_with(kPreface)) return Protocol::kHttp2;
  return kPreface.starts_with(bytes) ? Protocol::kNeedsMore : Protocol::kHttp1;
}

}  // namespace detcd::http2
