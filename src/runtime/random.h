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
  // Whether to go a way that is always open but rarely the best: a cut where none is needed, a
  // second look, one more turn. The world says how often: here once in 2^32 times. What comes of it
  // must be as right as without.
  [[nodiscard]] virtual bool rarely(Site site, std::uint64_t entity, std::uint64_t ordinal) const {
    constexpr int kBits = 32;
    return draw(site, entity, ordinal) >> kBits == 0;
  }
};

// One such place in one object, which counts how often it has asked.
class RareChoice {
 public:
  RareChoice(const Random& random, Site site, std::uint64_t entity)
      : random_(random), site_(site), entity_(entity) {}
  [[nodiscard]] bool taken() { return random_.rarely(site_, entity_, asked_++); }

 private:
  const Random& random_;
  Site site_;
  std::uint64_t entity_;
  std::uint64_t asked_ = 0;
};

}  // namespace detcd::runtime
