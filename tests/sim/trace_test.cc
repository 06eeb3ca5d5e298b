#include "sim/trace/trace.h"

#include <set>

#include <gtest/gtest.h>

#include "sim/faults/registry.h"
#include "sim/profile/generate.h"

namespace detcd::sim {
namespace {

Trace drawn(std::uint64_t seed) {
  Trace trace;
  trace.version = "0.1.0";
  trace.commit = "abc";
  trace.seed = seed;
  trace.settings = *draw_settings(seed, "swarm");
  trace.plan = draw_plan(seed, trace.settings);
  trace.overrides = {{1, 2, 3, 4}};
  trace.checkpoints = {0, 77, ~0ULL};
  trace.hash = 0x1234;
  trace.verdict = "FAIL";
  trace.fingerprint = "linearizability: a \"quoted\"\nthing";
  return trace;
}

TEST(Trace, PrintsAndParsesToTheSameValue) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Trace trace = drawn(seed);
    const Result<Trace> parsed = parse_trace(print(trace), Strictness::kWhole);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(*parsed, trace) << "seed " << seed;
  }
}

TEST(Trace, EveryTruncationIsAnError) {
  Trace trace = drawn(3);
  trace.plan.operations.resize(5);
  const std::string text = print(trace);
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(parse_trace(std::string_view(text).substr(0, length), Strictness::kEdited))
        << length;
  }
}

TEST(Trace, AnEditedFileIsReadOnlyWhenAskedFor) {
  std::string text = print(drawn(4));
  const std::size_t at = text.find("seed 4");
  text.replace(at, 6, "seed 5");
  const Result<Trace> strict = parse_trace(text, Strictness::kWhole);
  ASSERT_FALSE(strict);
  EXPECT_NE(strict.error().message.find("edited"), std::string::npos);
  const Result<Trace> lenient = parse_trace(text, Strictness::kEdited);
  ASSERT_TRUE(lenient);
  EXPECT_EQ(lenient->seed, 5U);
}

TEST(Trace, NamesTheLineItCantRead) {
  std::string text = print(drawn(4));
  text.insert(text.find("seed "), "frobnicate 7\n");
  const Result<Trace> parsed = parse_trace(text, Strictness::kEdited);
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("line 4: unknown word \"frobnicate\""), std::string::npos)
      << parsed.error().message;
}

TEST(Trace, RefusesANewerFormat) {
  std::string text = print(drawn(4));
  text.replace(text.find("detcd-trace 1"), 13, "detcd-trace 9");
  const Result<Trace> parsed = parse_trace(text, Strictness::kEdited);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Errc::kIncompatible);
}

TEST(Plan, IsAFunctionOfTheSeed) {
  const Settings settings = *draw_settings(9, "swarm");
  EXPECT_EQ(draw_plan(9, settings), draw_plan(9, settings));
  EXPECT_NE(draw_plan(9, settings), draw_plan(10, settings));
}

TEST(Plan, RotStaysOnAMinority) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Settings settings = *draw_settings(seed, "swarm");
    std::set<std::uint32_t> rotten;
    for (const FaultEntry& entry : draw_plan(seed, settings).faults) {
      if (!entry.fault.starts_with("rot")) continue;
      FieldsLook look;
      read_fault(entry.fault)->fields(look);
      rotten.insert(look.nodes.front());
    }
    EXPECT_LE(rotten.size(), (settings.nodes - 1) / 2) << "seed " << seed;
  }
}

}  // namespace
}  // namespace detcd::sim
