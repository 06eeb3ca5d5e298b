// Every boundary of every disk operation, one after the other: the process or the machine ends
// there.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "tests/wal/crashing_node.h"

namespace detcd::wal {
namespace {

TEST(Crash, OfTheProcessAtEveryBoundary) {
  const std::uint64_t count = boundaries_of(1);
  ASSERT_GT(count, 100u);
  for (std::uint64_t at = 0; at < count && !::testing::Test::HasFailure(); ++at) {
    EXPECT_FALSE(crash_twice(1, at, keyed_draw(1, 2, 0, at) % 120, CrashKind::kProcess));
  }
}

TEST(Crash, OfPowerAtEveryBoundary) {
  std::uint64_t unknown = 0;
  const std::uint64_t count = boundaries_of(2);
  for (std::uint64_t at = 0; at < count && !::testing::Test::HasFailure(); ++at) {
    unknown += crash_twice(2, at, keyed_draw(2, 2, 1, at) % 120, CrashKind::kPower) ? 1 : 0;
  }
  // Garbage and torn sectors are among what a power loss leaves.
  EXPECT_GT(unknown, 0u);
}

// The start that recovers is the one that ends, at each of its boundaries.
TEST(Crash, OfPowerAtEveryBoundaryOfARecovery) {
  for (std::uint64_t second = 0; second < 150 && !::testing::Test::HasFailure(); ++second) {
    crash_twice(second % 5, 100 + 7 * (second % 20), second, CrashKind::kPower);
  }
}

}  // namespace
}  // namespace detcd::wal
