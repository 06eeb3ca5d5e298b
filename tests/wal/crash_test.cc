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

// Without garbage and half sectors, what a power loss leaves of a batch that its segment was made
// larger for is a torn write or nothing, and never unknown.
TEST(Crash, OfPowerInABatchThatIsLargerThanASegment) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    bool crashed = true;
    for (std::uint64_t at = 0; crashed && !::testing::Test::HasFailure(); ++at) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", boundary " + std::to_string(at));
      Machine machine(seed);
      machine.disk().options().power_loss.sector_torn = 0;
      machine.disk().options().power_loss.sector_garbage = 0;
      auto made =
          machine.run(Wal::create(machine.world(), Machine::kDirectory, kIdentity, kCrashOptions));
      ASSERT_TRUE(machine.run((**made)->save({save_of(1, 1, 100)}))->ok());
      machine.crash_after(at, CrashKind::kPower);
      machine.run((**made)->save({save_of(2, 1, 20'000)}));
      crashed = machine.crashed();
      machine.crash(CrashKind::kPower);
      made.reset();
      machine.restart();
      auto opened = machine.run(
          Wal::open(machine.world(), Machine::kDirectory, kIdentity, kCrashOptions, false));
      ASSERT_TRUE(opened->ok()) << opened->error().message;
      const Recovered& log = (*opened)->recovered;
      EXPECT_LE(log.health, Recovered::Health::kTorn) << ::testing::PrintToString(log);
      EXPECT_GE(log.entries.size(), crashed ? 1u : 2u);
    }
  }
}

}  // namespace
}  // namespace detcd::wal
