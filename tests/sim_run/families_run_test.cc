// Each family of faults takes effect in a real run, and its probe says so; off, nothing happens.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "sim/faults/registry.h"
#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

struct Example {
  std::string_view family;
  std::string_view lines;
};

std::uint64_t hits(const RunResult& result, std::string_view family) {
  const auto found = result.probes.find(std::string(family_named(family)->info().probe));
  return found == result.probes.end() ? 0 : found->second;
}

constexpr auto kExamples = std::to_array<Example>({
    {"crash", "fault at 1s crash n1 down 300ms\n"},
    {"power-loss", "fault at 1s power-loss leader down 300ms boundary 3\n"},
    {"rot", "fault at 2s rot n2 down 300ms where 77\n"},
    {"rot-snapshot", "fault at 2s rot-snapshot n2 down 300ms where 8\n"},
    {"flip", "set chunk-bytes 300\nfault at 800ms flip n2 where 77\n"},
    {"pause", "fault at 1s pause leader for 500ms\n"},
    {"partition", "fault at 1s partition n1 for 500ms\n"},
    {"delay", "fault at 1s delay n1 n2 by 20ms for 500ms\n"},
    {"reset", "fault at 1s reset n1 n2\n"},
    {"clock", "fault at 1s clock n1 drift-ppm 150 wall-step 20s\n"},
    {"put-back",
     "fault at 1500ms put-back n1 after 500ms down 100ms\n"
     "fault at 1500ms put-back n2 after 500ms down 100ms\n"},
    {"echo", "fault at 500ms echo for 2s\n"},
    {"write-error", "fault at 1s write-error leader for 500ms ppm 300000\n"},
    {"sync-error",
     "fault at 1s sync-error leader of-file mode 0\n"
     "fault at 1500ms sync-error n2 of-file mode 1\n"
     "fault at 2s sync-error leader of-file mode 2\n"},
    {"no-space",
     "fault at 1s no-space leader at-all for 500ms\n"
     "fault at 2s no-space n2 to-grow for 500ms\n"},
    {"stall", "fault at 1s stall leader for 700ms\n"},
    {"bad-sector",
     "fault at 2s bad-sector n2 down 300ms where 77\n"
     "fault at 3s bad-sector n2 down 300ms where 8\n"},
    {"lost-write",
     "fault at 1500ms lost-write n1 after 500ms down 100ms where 77\n"
     "fault at 1500ms lost-write n2 after 500ms down 100ms where 77\n"},
    {"misdirected-write",
     "fault at 1500ms misdirected-write n1 after 500ms down 100ms where 77\n"
     "fault at 1500ms misdirected-write n2 after 500ms down 100ms where 77\n"},
    {"wipe", "fault at 1s wipe n1 down 100ms\nfault at 1500ms wipe n2 down 100ms\n"},
    {"swap", "fault at 1500ms swap n1 n2 for 300ms\n"},
    {"lying-sync", "fault at 1s lying-sync leader for 1s ppm 1000000\n"},
    {"out-of-memory", "fault at 1s out-of-memory leader writing bytes 3000 down 300ms\n"},
    {"loss",
     "fault at 500ms loss n1 n2 ppm 300000 for 2s\n"
     "fault at 500ms loss n2 n3 ppm 300000 for 2s\n"},
    {"reorder", "fault at 500ms reorder n1 clients within 20ms for 2s\n"},
    {"hold", "fault at 1s hold n1 n2 for 500ms\nfault at 1s hold n2 n3 for 500ms\n"},
    {"bandwidth",
     "fault at 1s bandwidth n1 n2 bytes-per-second 3000 for 2s\n"
     "fault at 1s bandwidth n2 n3 bytes-per-second 3000 for 2s\n"
     "fault at 1s bandwidth n3 n1 bytes-per-second 3000 for 2s\n"},
    {"window",
     "fault at 1s window n1 n2 bytes 50 for 2s\nfault at 1s window n2 n3 bytes 50 for 2s\n"},
    {"isolate", "fault at 1s isolate leader for 500ms\n"},
    {"ring", "set nodes 5\nfault at 1s ring n1,n3,n5,n2,n4 for 500ms\n"},
    {"bridge",
     "fault at 1s bridge leader n1,n2 for 500ms\n"
     "fault at 2s bridge n3 n1 for 500ms\nfault at 3s bridge n2 n1 for 500ms\n"},
    {"swizzle", "fault at 1s swizzle n1,n2,n3 back n3,n1,n2 for 600ms\n"},
    {"half-open", "fault at 1s half-open n1 n2\n"},
    {"black-hole", "fault at 1s black-hole n1 n2\n"},
    {"refuse", "fault at 1s refuse n1 for 500ms\n"},
    {"no-answer", "fault at 1s no-answer n1 for 500ms\n"},
    {"slow-names", "fault at 1s slow-names n1 by 100ms for 500ms\n"},
    {"no-names", "fault at 1s no-names n1 for 500ms\n"},
    {"stale-names", "fault at 1s stale-names n1 n2 n3 for 500ms\n"},
    {"freeze", "fault at 1s freeze n1 for 500ms\nfault at 1s freeze-wall n2 for 1s\n"},
    {"clock-jump", "fault at 1s clock-jump n1 by 60s\n"},
    {"wall-drift", "fault at 1s wall-drift n1 ppm -3000 for 1s\n"},
    {"suspend", "fault at 1s suspend leader for 600ms\n"},
    {"slow-cpu", "fault at 1s slow-cpu n1 x20 for 1s\n"},
    {"rare", "fault at 500ms rare leader choices 0 permille 200 for 2s\n"},
    {"slow-disk", "fault at 1s slow-disk n1 x20 for 1s\n"},
});

TEST(FamilyInARun, EachTakesEffectAndItsProbeSaysSo) {
  for (const Family* family : families()) {
    if (!family->available()) continue;
    const auto example = std::ranges::find(kExamples, family->name(), &Example::family);
    ASSERT_NE(example, kExamples.end()) << "give the family " << family->name() << " an example";
    const RunOptions options =
        scenario("seed 5\n" + std::string(example->lines) + puts(40, 300ms, 60ms));
    const RunResult result = run(options);
    EXPECT_EQ(result.verdict, Verdict::kPass) << family->name() << ": " << failure_text(result);
    EXPECT_GT(hits(result, family->name()), 0U) << family->name();
  }
}

TEST(FamilyInARun, OffItIsAsIfItWerentInThePlan) {
  RunOptions two = scenario("seed 5\nfault at 1s pause n1 for 500ms\nfault at 2s reset n1 n2\n" +
                            puts(10, 300ms, 60ms));
  two.settings.families = "all -pause";
  const RunResult off = run(two);
  two.plan.faults.erase(two.plan.faults.begin());
  EXPECT_EQ(off.hash, run(two).hash);
}

TEST(FamilyInARun, OffNothingOfItHappens) {
  for (const Example& example : kExamples) {
    RunOptions options = scenario("seed 5\n" + std::string(example.lines) + puts(10, 300ms, 60ms));
    options.settings.families = "all -" + std::string(example.family);
    const RunResult off = run(options);
    EXPECT_EQ(off.faults, 0U) << example.family;
    EXPECT_EQ(hits(off, example.family), 0U) << example.family;
  }
}

// A fault that is planned but hits nobody is no proof.
TEST(FamilyInARun, AProbeCountsOnlyWhatTookEffect) {
  const RunResult result =
      run(scenario("seed 5\nfault at 1s reset n9 n1\n"
                   "fault at 1s pause n9 for 1s\n" +
                   puts(5, 300ms, 100ms)));
  EXPECT_EQ(result.faults, 0U);
  EXPECT_EQ(hits(result, "reset"), 0U);
  EXPECT_EQ(hits(result, "pause"), 0U);
  EXPECT_TRUE(result.probes.contains(std::string(family_named("reset")->info().probe)))
      << "it was planned, and is reported with 0";
}

}  // namespace
}  // namespace detcd::sim
