// Draws of a plan: each is a function of (seed, entity, site, ordinal) and of nothing else, so that
// one entry more or less changes no other.
#pragma once

#include <cstdint>

#include "base/hash.h"
#include "runtime/random.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {

class Draw {
 public:
  Draw(std::uint64_t seed, std::uint64_t entity) : seed_(seed), entity_(entity) {}
  [[nodiscard]] std::uint64_t word(runtime::Site site, std::uint64_t ordinal) const {
    return keyed_draw(seed_, site.key, entity_, ordinal);
  }
  [[nodiscard]] std::uint64_t pick(runtime::Site site, std::uint64_t ordinal,
                                   std::uint64_t bound) const {
    return below(word(site, ordinal), bound);
  }
  // The draws of another entity.
  [[nodiscard]] Draw of(std::uint64_t entity) const { return {seed_, entity}; }

 private:
  std::uint64_t seed_;
  std::uint64_t entity_;
};

}  // namespace detcd::sim
