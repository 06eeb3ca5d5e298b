#include "sim/campaign/reduce.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/hash.h"

namespace detcd::sim {
namespace {

// Needs all of `culprits`; counts what it was asked.
struct Needs {
  std::set<std::size_t> culprits;
  std::size_t judged = 0;

  std::optional<std::size_t> operator()(std::size_t count,
                                        const std::function<Kept(std::size_t)>& candidate) {
    for (std::size_t n = 0; n < count; ++n) {
      ++judged;
      const Kept kept = candidate(n);
      if (std::ranges::includes(kept, culprits)) return n;
    }
    return std::nullopt;
  }
};

TEST(Reduce, FindsExactlyWhatIsNeeded) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::size_t units = mix64(seed) % 300;
    Needs needs;
    for (std::size_t n = 0; units > 0 && n < seed % 5; ++n) {
      needs.culprits.insert(mix64(seed, n + 1) % units);
    }
    const std::set<std::size_t> culprits = needs.culprits;
    const Kept kept = reduce(units, std::ref(needs));
    EXPECT_EQ(std::set(kept.begin(), kept.end()), culprits) << "seed " << seed;
  }
}

TEST(Reduce, AsksLogarithmicallyOften) {
  Needs nothing;
  EXPECT_EQ(reduce(1000, std::ref(nothing)), Kept{});
  EXPECT_EQ(nothing.judged, 1U) << "all at once";
  Needs two{{17, 801}};
  EXPECT_EQ(reduce(1000, std::ref(two)), (Kept{17, 801}));
  EXPECT_LT(two.judged, 80U);
}

TEST(Reduce, TriesAgainWhatCouldGoOnlyLater) {
  // Unit 2 can go only after unit 5.
  const Probe probe = [](std::size_t count, const auto& candidate) -> std::optional<std::size_t> {
    for (std::size_t n = 0; n < count; ++n) {
      const Kept kept = candidate(n);
      const bool has_2 = std::ranges::count(kept, 2U) > 0;
      const bool has_5 = std::ranges::count(kept, 5U) > 0;
      const bool has_7 = std::ranges::count(kept, 7U) > 0;
      if (has_7 && (has_2 || !has_5)) return n;
    }
    return std::nullopt;
  };
  EXPECT_EQ(reduce(9, probe), Kept{7});
}

TEST(Reduce, AProbeThatGivesUpEndsIt) {
  std::size_t asked = 0;
  const Probe gives_up = [&](std::size_t, const auto&) -> std::optional<std::size_t> {
    ++asked;
    return std::nullopt;
  };
  EXPECT_EQ(reduce(64, gives_up).size(), 64U);
  EXPECT_LE(asked, 8U);
}

TEST(ReducePairs, TakesOutTwoThatOnlyGoTogether) {
  // A lock and its release: one without the other is another failure.
  const Probe probe = [](std::size_t count, const auto& candidate) -> std::optional<std::size_t> {
    for (std::size_t n = 0; n < count; ++n) {
      const Kept kept = candidate(n);
      const auto has = [&](std::size_t unit) { return std::ranges::count(kept, unit) > 0; };
      if (has(0) && has(1) == has(4) && has(2) == has(3)) return n;
    }
    return std::nullopt;
  };
  EXPECT_EQ(reduce_pairs({0, 1, 2, 3, 4}, probe), Kept{0});
}

}  // namespace
}  // namespace detcd::sim
