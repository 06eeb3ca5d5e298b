#include "http2/header_rules.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <nghttp2/nghttp2.h>

namespace detcd::http2 {
namespace {

constexpr std::array<std::string_view, 4> kPseudo = {":method", ":scheme", ":path", ":authority"};
constexpr std::size_t kRequired = 3;  // So many of them, from the first on.
// They are about one connection of HTTP/1.
constexpr std::array<std::string_view, 5> kOfConnections = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};

const std::uint8_t* bytes(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

}  // namespace

void HeaderRules::see_pseudo(std::string_view name, std::string_view value) {
  const auto* const known = std::ranges::find(kPseudo, name);
  if (known == kPseudo.end() || regular_) {
    broken_ = true;
    return;
  }
  bool& seen = seen_[static_cast<std::size_t>(known - kPseudo.begin())];
  broken_ = broken_ || seen || (name == ":path" && value.empty());
  seen = true;
}

void HeaderRules::see(std::string_view name, std::string_view value) {
  if (nghttp2_check_header_value(bytes(value), value.size()) == 0) broken_ = true;
  if (name.starts_with(':')) return see_pseudo(name, value);
  regular_ = true;
  if (nghttp2_check_header_name(bytes(name), name.size()) == 0) broken_ = true;
  const bool foreign = std::ranges::find(kOfConnections, name) != kOfConnections.end();
  if (foreign || (name == "te" && value != "trailers")) broken_ = true;
}

bool HeaderRules::hold() const {
  return !broken_ && std::ranges::all_of(seen_.begin(), seen_.begin() + kRequired,
                                         [](bool seen) { return seen; });
}

}  // namespace detcd::http2
