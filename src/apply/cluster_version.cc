#include "apply/cluster_version.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace detcd::apply {
namespace {

using Parts = std::array<std::uint32_t, 3>;

std::optional<Parts> parse(std::string_view text) {
  Parts parts{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return std::nullopt;
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    if (error != std::errc()) return std::nullopt;
    at = next;
  }
  if (at != end) return std::nullopt;
  return parts;
}

}  // namespace

bool may_follow(std::string_view next, std::string_view former) {
  const std::optional<Parts> later = parse(next);
  if (!later) return false;
  const std::optional<Parts> earlier = parse(former);
  return !earlier || *later >= *earlier;
}

}  // namespace detcd::apply
