// Randomness as an argument. `draw` is keyed: the same (site, entity, ordinal) gives the same word
// in one run of one node, so that taking one choice away changes no other. Sites are constants of
// the caller; ordinals count per stable entity. In production the key is a secret seed of the
// process.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/hash.h"

namespace detcd::runtime {

// Names a place in the code that draws: `constexpr Site kBackoff{"client backoff"};`
struct Site {
  std::uint64_t key = 0;
  constexpr explicit Site(std::string_view name) {
    for (const char c : name) key = mix64(key, static_cast<unsigned char>(c));
  }
};

class Random {
 public:
  virtual ~Random() = default;
  [[nodiscard]] virtual std::uint64_t draw(Site site, std::uint64_t entity,
                                           std::uint64_t ordinal) const = 0;
  // Uniform in [0, bound), by multiplication: the bias is below 2^-32 for bounds below 2^32.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound, Site site, std::uint64_t entity,
                                    std::uint64_t ordinal) const {
    const auto wide = static_cast<unsigned __int128>(draw(site, entity, ordinal)) * bound;
    return static_cast<std::uint64_t>(wide >> 64);
  }
};

}  // namespace detcd::runtime
