#include "sim/kernel/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
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

TEST(Distribution, ChanceIsWhatItSays) {
  int hits = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) hits += chance(word(i), 250'000) ? 1 : 0;
  EXPECT_NEAR(hits, 25'000, 600);
  EXPECT_FALSE(chance(0, 0));
  EXPECT_TRUE(chance(~std::uint64_t{0}, 1'000'000));
}

}  // namespace
}  // namespace detcd::sim
