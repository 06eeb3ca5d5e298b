// Distributions from one random word each, in integers only: floating point rounds differently from
// compiler to compiler, and a run must be the same everywhere. Shapes come from one table of powers
// of two.
#pragma once

#include <cstdint>

#include "base/units.h"

namespace detcd::sim {

// Uniform in [0, bound); 0 when bound is 0.
[[nodiscard]] std::uint64_t below(std::uint64_t word, std::uint64_t bound);
// Uniform in [low, high], both included; low ≤ high.
[[nodiscard]] Duration uniform(std::uint64_t word, Duration low, Duration high);
// True with the probability of `ppm` parts in a million.
[[nodiscard]] bool chance(std::uint64_t word, std::uint64_t ppm);
// The logarithm is uniform; 0 < low ≤ high.
[[nodiscard]] std::uint64_t log_uniform(std::uint64_t word, std::uint64_t low, std::uint64_t high);
[[nodiscard]] Duration log_uniform(std::uint64_t word, Duration low, Duration high);
// Exponential with this mean, cut off at 44 times the mean by the width of the word.
[[nodiscard]] Duration exponential(std::uint64_t word, Duration mean);
// At least `low`, beyond x with probability (low / x)^(alpha_permille / 1000), cut off at `high`.
[[nodiscard]] Duration pareto(std::uint64_t word, Duration low, Duration high,
                              std::uint32_t alpha_permille);
// The logarithm is normal: half is below `median`, two thirds within a factor of exp(sigma).
[[nodiscard]] Duration lognormal(std::uint64_t word, Duration median, std::uint32_t sigma_permille);

// What most devices and links look like: a floor, an exponential or lognormal body, and rarely a
// long tail.
struct Latency {
  Duration floor{};
  Duration mean_extra{};    // Of the exponential body.
  Duration median_extra{};  // Of the lognormal body.
  std::uint32_t sigma_permille = 500;
  std::uint32_t tail_ppm = 0;  // How often the tail is added.
  Duration tail_low = 1ms;
  Duration tail_high = 2s;
  [[nodiscard]] Duration sample(std::uint64_t word) const;
};

// A standard normal number with 16 bits of fraction, within ±6.3.
[[nodiscard]] std::int64_t normal_fixed(std::uint64_t word);
// Fixed point with 32 bits of fraction. log2 of x ≥ 1, error below 2^-8 of the exact value.
[[nodiscard]] std::uint64_t log2_fixed(std::uint64_t x);
// 2^x, saturating at 2^64 - 1.
[[nodiscard]] std::uint64_t exp2_fixed(std::uint64_t x);

}  // namespace detcd::sim
