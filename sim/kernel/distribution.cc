#include "sim/kernel/distribution.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "base/check.h"
#include "base/hash.h"
#include "sim/kernel/normal_table.h"

namespace detcd::sim {
namespace {

using Wide = unsigned __int128;

constexpr std::uint64_t kLn2Fixed = 2'977'044'472;    // ln 2 with 32 bits of fraction.
constexpr std::uint64_t kLog2EFixed = 6'196'328'019;  // 1 / ln 2, likewise.
constexpr std::size_t kTableSize = 256;

constexpr std::uint64_t integer_square_root(Wide x) {
  std::uint64_t root = 0;
  for (int bit = 63; bit >= 0; --bit) {
    const std::uint64_t candidate = root | (std::uint64_t{1} << bit);
    if (static_cast<Wide>(candidate) * candidate <= x) root = candidate;
  }
  return root;
}

// 2^(i/256) with 62 bits of fraction, for i in [0, 256]: the eighth square root of 2 and its
// powers.
constexpr std::array<std::uint64_t, kTableSize + 1> make_powers() {
  constexpr std::uint64_t kOne = std::uint64_t{1} << 62;
  std::uint64_t root = kOne * 2;
  for (int i = 0; i < 8; ++i) root = integer_square_root(static_cast<Wide>(root) << 62);
  std::array<std::uint64_t, kTableSize + 1> powers{};
  powers[0] = kOne;
  for (std::size_t i = 1; i <= kTableSize; ++i) {
    powers[i] = static_cast<std::uint64_t>((static_cast<Wide>(powers[i - 1]) * root) >> 62);
  }
  powers[kTableSize] = kOne * 2;
  return powers;
}
constexpr std::array<std::uint64_t, kTableSize + 1> kPowers = make_powers();

std::uint64_t scale(std::uint64_t value, std::uint64_t fixed) {
  const Wide scaled = (static_cast<Wide>(value) * fixed) >> 32;
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  return scaled > kMax ? kMax : static_cast<std::uint64_t>(scaled);
}

// -log2 of a uniform number in (0, 1].
std::uint64_t negative_log2(std::uint64_t word) {
  return (std::uint64_t{64} << 32) - log2_fixed(std::max<std::uint64_t>(word, 1));
}

std::uint64_t count_of(Duration duration) {
  check(duration >= Duration::zero(), "distributions are of lengths of time, not below zero");
  return static_cast<std::uint64_t>(duration.count());
}

Duration nanoseconds(std::uint64_t count) {
  return Duration(static_cast<std::int64_t>(count));
}

}  // namespace

std::uint64_t log2_fixed(std::uint64_t x) {
  check(x != 0, "zero has no logarithm");
  const auto whole = static_cast<std::uint64_t>(63 - std::countl_zero(x));
  // x as a number in [1, 2) with 62 bits of fraction.
  const std::uint64_t mantissa = (x << (63 - whole)) >> 1;
  const auto* const above = std::upper_bound(kPowers.begin(), kPowers.end() - 1, mantissa);
  const auto step = static_cast<std::uint64_t>(above - kPowers.begin()) - 1;
  const std::uint64_t width = kPowers[step + 1] - kPowers[step];
  const auto part =
      static_cast<std::uint64_t>((static_cast<Wide>(mantissa - kPowers[step]) << 24) / width);
  return (whole << 32) + (step << 24) + std::min<std::uint64_t>(part, (1U << 24) - 1);
}

std::uint64_t exp2_fixed(std::uint64_t x) {
  const std::uint64_t whole = x >> 32;
  if (whole >= 64) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t step = (x >> 24) & 0xff;
  const std::uint64_t part = x & 0xffffff;
  const Wide width = kPowers[step + 1] - kPowers[step];
  const Wide mantissa = kPowers[step] + ((width * part) >> 24);
  return static_cast<std::uint64_t>((mantissa << whole) >> 62);
}

std::uint64_t below(std::uint64_t word, std::uint64_t bound) {
  return static_cast<std::uint64_t>((static_cast<Wide>(word) * bound) >> 64);
}

Duration uniform(std::uint64_t word, Duration low, Duration high) {
  check(low <= high, "the low end of a range isn't above its high end");
  return low + nanoseconds(below(word, static_cast<std::uint64_t>((high - low).count()) + 1));
}

bool chance(std::uint64_t word, std::uint64_t ppm) {
  return below(word, 1'000'000) < ppm;
}

std::uint64_t log_uniform(std::uint64_t word, std::uint64_t low, std::uint64_t high) {
  check(low > 0 && low <= high, "a logarithmic range begins above zero and isn't empty");
  const std::uint64_t from = log2_fixed(low);
  const std::uint64_t to = log2_fixed(high);
  return std::clamp(exp2_fixed(from + below(word, to - from + 1)), low, high);
}

Duration log_uniform(std::uint64_t word, Duration low, Duration high) {
  return nanoseconds(log_uniform(word, count_of(low), count_of(high)));
}

Duration exponential(std::uint64_t word, Duration mean) {
  const std::uint64_t natural = scale(negative_log2(word), kLn2Fixed);
  return nanoseconds(scale(count_of(mean), natural));
}

Duration pareto(std::uint64_t word, Duration low, Duration high, std::uint32_t alpha_permille) {
  check(alpha_permille > 0, "the exponent of a tail is above zero");
  const auto exponent =
      static_cast<std::uint64_t>(static_cast<Wide>(negative_log2(word)) * 1000 / alpha_permille);
  // The factor itself has 32 bits of fraction and stays below 2^32.
  constexpr std::uint64_t kOne = std::uint64_t{32} << 32;
  const std::uint64_t factor = exp2_fixed(std::min(exponent, kOne - 1) + kOne);
  return std::clamp(nanoseconds(scale(count_of(low), factor)), low, high);
}

std::int64_t normal_fixed(std::uint64_t word) {
  // The upper bit is the sign; the others, over 2^64, the probability of being further out.
  const std::uint64_t rest = std::max<std::uint64_t>(word & (~std::uint64_t{0} >> 1), 1);
  const auto leading = static_cast<std::uint64_t>(63 - std::countl_zero(rest));
  const std::uint64_t octave = 62 - leading;
  std::int64_t z = kNormalTable.back();
  if (octave < kNormalTable.size() / 8) {
    const std::uint64_t below_one = rest - (std::uint64_t{1} << leading);
    const auto eighths =
        static_cast<std::uint64_t>(((static_cast<Wide>(below_one) << 35) >> leading));
    const std::uint64_t inner = octave * 8 + 7 - (eighths >> 32);
    const std::int64_t far = kNormalTable[inner + 1];
    const std::int64_t width = far - kNormalTable[inner];
    z = far - ((width * static_cast<std::int64_t>(eighths & 0xffffffff)) >> 32);
  }
  return (word >> 63) != 0 ? -z : z;
}

Duration lognormal(std::uint64_t word, Duration median, std::uint32_t sigma_permille) {
  check(sigma_permille <= 4000, "a logarithm spreads by a factor that can be believed");
  // exp(sigma z) = 2^(sigma z / ln 2), with 32 bits of fraction; below 2^37, so no overflow.
  const std::int64_t natural = normal_fixed(word) * std::int64_t{1 << 16} / 1000 * sigma_permille;
  const auto exponent = static_cast<std::int64_t>(
      (static_cast<__int128>(natural) * static_cast<std::int64_t>(kLog2EFixed)) >> 32);
  constexpr std::int64_t kMiddle = std::int64_t{32} << 32;
  const std::int64_t shifted = std::clamp<std::int64_t>(exponent + kMiddle, 0, 2 * kMiddle - 1);
  return nanoseconds(scale(count_of(median), exp2_fixed(static_cast<std::uint64_t>(shifted))));
}

Duration Latency::sample(std::uint64_t word) const {
  Duration total = floor;
  if (median_extra > Duration::zero()) {
    total += lognormal(mix64(word, 3), median_extra, sigma_permille);
  }
  if (mean_extra > Duration::zero()) total += exponential(word, mean_extra);
  if (tail_ppm > 0 && chance(mix64(word, 1), tail_ppm)) {
    total += pareto(mix64(word, 2), tail_low, tail_high, 1000);
  }
  return total;
}

}  // namespace detcd::sim
