// Randomness of a real process: SipHash-2-4 under a 128-bit key from getrandom. Who sees some draws
// can't tell the others, so tokens and ids may be drawn from it.
#pragma once

#include <cstdint>

#include "runtime/random.h"

namespace detcd::runtime_asio {

struct SipKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

// SipHash-2-4 of the 24 bytes of three little-endian words (Aumasson and Bernstein, 2012).
[[nodiscard]] std::uint64_t siphash(SipKey key, std::uint64_t a, std::uint64_t b, std::uint64_t c);

class OsRandom final : public runtime::Random {
 public:
  // Draws a key from the kernel, waiting for its entropy pool when the machine has just started.
  OsRandom();
  [[nodiscard]] std::uint64_t draw(runtime::Site site, std::uint64_t entity,
                                   std::uint64_t ordinal) const override;
  // Nobody gains by telling these: a hash that costs next to nothing will do.
  [[nodiscard]] bool rarely(runtime::Site site, std::uint64_t entity,
                            std::uint64_t ordinal) const override;

 private:
  SipKey key_;
};

}  // namespace detcd::runtime_asio
