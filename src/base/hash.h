// XXH3-64, for block checksums, trace hashes and keyed randomness. Not for the wire.
#pragma once

#include <cstdint>
#include <string_view>

namespace detcd {

[[nodiscard]] std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

// Mixes 64-bit words without touching memory: the PRF of keyed randomness. Every input bit reaches
// every output bit; same words, same value, on every platform.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0xe9846af9b1a615dULL;
  x ^= x >> 32;
  x *= 0xe9846af9b1a615dULL;
  x ^= x >> 28;
  return x;
}
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t a, std::uint64_t b) {
  return mix64(mix64(a + 0x9e3779b97f4a7c15ULL) ^ (b + 0xd1b54a32d192ed03ULL));
}
// PRF(seed, site, entity, ordinal): one draw per expression, independent of all other draws.
[[nodiscard]] constexpr std::uint64_t keyed_draw(std::uint64_t seed, std::uint64_t site,
                                                 std::uint64_t entity, std::uint64_t ordinal) {
  return mix64(mix64(mix64(seed, site), entity), ordinal);
}

}  // namespace detcd
