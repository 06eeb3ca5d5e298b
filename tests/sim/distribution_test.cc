#include "sim/kernel/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/hash.h"

namespace detcd::sim {
namespace {

std::uint64_t word(std::uint64_t i) {
  return keyed_draw(99, 1, 2, i);
}

template <class F>
std::vector<std::int64_t> sorted_samples(F sample) {
  std::vector<std::int64_t> values;
  for (std::uint64_t i = 0; i < 20'000; ++i) values.push_back(sample(word(i)));
  std::sort(values.begin(), values.end());
  return values;
}

TEST(Distribution, LogarithmAndPowerAreInverse) {
  EXPECT_EQ(exp2_fixed(std::uint64_t{10} << 32), 1024U);
  EXPECT_EQ(log2_fixed(1024), std::uint64_t{10} << 32);
  EXPECT_EQ(log2_fixed(1), 0U);
  // 2^0.5 = 1.41421356…, here with 32 bits of fraction.
  const std::uint64_t root = exp2_fixed((std::uint64_t{32} << 32) + (std::uint64_t{1} << 31));
  EXPECT_NEAR(static_cast<double>(root), 1.41421356 * 4294967296.0, 100.0);
  for (std::uint64_t x = 1; x < (std::uint64_t{1} << 60); x = x * 3 + 1) {
    const std::uint64_t back = exp2_fixed(log2_fixed(x));
    EXPECT_LE(x - std::min(x, back), 1 + (x >> 16)) << x;
  }
}

TEST(Distribution, UniformCoversItsRangeEvenly) {
  const auto values =
      sorted_samples([](std::uint64_t w) { return uniform(w, 10ns, 19ns).count(); });
  EXPECT_EQ(values.front(), 10);
  EXPECT_EQ(values.back(), 19);
  EXPECT_NEAR(static_cast<double>(std::count(values.begin(), values.end(), 13)), 2000, 200);
}

TEST(Distribution, LogUniformHasItsMedianAtTheGeometricMean) {
  const auto values =
      sorted_samples([](std::uint64_t w) { return log_uniform(w, 1us, 100ms).count(); });
  EXPECT_GE(values.front(), 1'000);
  EXPECT_LE(values.back(), 100'000'000);
  EXPECT_NEAR(static_cast<double>(values[10'000]), 316'227, 32'000);
}

TEST(Distribution, ExponentialHasItsMeanAndItsMedian) {
  const auto values = sorted_samples([](std::uint64_t w) { return exponential(w, 1ms).count(); });
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum += value;
  EXPECT_NEAR(static_cast<double>(sum) / 20'000, 1e6, 3e4);
  EXPECT_NEAR(static_cast<double>(values[10'000]), 693'147, 30'000);
}

TEST(Distribution, ParetoHasItsTailAndStaysInItsBounds) {
  const auto values =
      sorted_samples([](std::uint64_t w) { return pareto(w, 1ms, 2s, 1000).count(); });
  EXPECT_GE(values.front(), 1'000'000);
  EXPECT_LE(values.back(), 2'000'000'000);
  // With exponent 1 half lies beyond twice, a hundredth beyond a hundred times the low end.
  EXPECT_NEAR(static_cast<double>(values[10'000]), 2e6, 1e5);
  EXPECT_NEAR(static_cast<double>(values[19'800]), 1e8, 2.5e7);
}

TEST(Distribution, NormalHasItsQuantilesAndIsSymmetric) {
  const auto values = sorted_samples([](std::uint64_t w) { return normal_fixed(w); });
  constexpr double kOne = 65536;
  EXPECT_NEAR(static_cast<double>(values[10'000]) / kOne, 0.0, 0.03);
  EXPECT_NEAR(static_cast<double>(values[16'827]) / kOne, 1.0, 0.03);
  EXPECT_NEAR(static_cast<double>(values[455]) / kOne, -2.0, 0.08);
  EXPECT_NEAR(static_cast<double>(values[19'973]) / kOne, 3.0, 0.25);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(normal_fixed(word(i)), -normal_fixed(word(i) ^ (std::uint64_t{1} << 63)));
  }
}

TEST(Distribution, NormalAgreesWithTheErrorFunctionAndNeverTurnsBack) {
  std::int64_t last = std::int64_t{8} << 16;
  for (std::uint64_t bits = 0; bits < 63; ++bits) {
    for (std::uint64_t part = 0; part < 64; ++part) {
      const std::uint64_t one = std::uint64_t{1} << bits;
      const std::uint64_t w = one + (bits >= 6 ? (one >> 6) * part : 0);
      const std::int64_t z = normal_fixed(w);
      EXPECT_LE(z, last);
      last = z;
      if (bits < 32) continue;
      const double beyond = 0.5 * std::erfc(static_cast<double>(z) / 65536 / std::sqrt(2.0));
      const double asked = static_cast<double>(w) / 18446744073709551616.0;
      EXPECT_NEAR(beyond / asked, 1.0, 0.02) << w;
    }
  }
}

TEST(Distribution, LognormalHasItsMedianAndItsSpread) {
  const auto values =
      sorted_samples([](std::uint64_t w) { return lognormal(w, 1ms, 500).count(); });
  EXPECT_NEAR(static_cast<double>(values[10'000]), 1e6, 2e4);
  EXPECT_NEAR(static_cast<double>(values[16'827]), 1.6487e6, 4e4);
  EXPECT_NEAR(static_cast<double>(values[3'173]), 0.6065e6, 2e4);
  EXPECT_EQ(lognormal(word(1), 0ns, 500), 0ns);
}

TEST(Distribution, ALatencyAddsItsParts) {
  const Latency body{.floor = 1ms, .median_extra = 2ms, .sigma_permille = 700};
  const auto values = sorted_samples([&](std::uint64_t w) { return body.sample(w).count(); });
  EXPECT_GE(values.front(), 1'000'000);
  EXPECT_NEAR(static_cast<double>(values[10'000]), 3e6, 1e5);
  const Latency tail{.floor = 1ms, .tail_ppm = 100'000, .tail_low = 1s};
  int late = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) late += tail.sample(word(i)) > 1s ? 1 : 0;
  EXPECT_NEAR(late, 1000, 120);
}

TEST(Distribution, ChanceIsWhatItSays) {
  int hits = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) hits += chance(word(i), 250'000) ? 1 : 0;
  EXPECT_NEAR(hits, 25'000, 600);
  EXPECT_FALSE(chance(0, 0));
  EXPECT_TRUE(chance(~std::uint64_t{0}, 1'000'000));
}

}  // namespace
}  // namespace detcd::sim
