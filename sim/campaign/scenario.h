// A story of a cluster as a person writes it: settings, faults and operations in the words of trace
// files, load in one line, under one seed or several, and what is expected of it. `shrink
// --scenario` writes such files, too. A file of the regression corpus also says what it must
// reach: one that no longer does is stale, and proves nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/campaign/child.h"
#include "sim/campaign/tally.h"

namespace detcd::sim {

// "leaders >= 2", "snapshots-installed n3", "probe "a clock stood still" >= 1".
struct Expectation {
  enum class Relation : std::uint8_t { kAtLeast, kAtMost, kExactly } relation = Relation::kAtLeast;
  std::string what;
  std::string probe;       // When that is what is counted.
  std::uint32_t node = 0;  // 0: of all.
  std::uint64_t number = 1;
  bool total = false;  // Of all seeds together, rather than of each.
  [[nodiscard]] bool holds(std::uint64_t count) const;
};
[[nodiscard]] std::string print(const Expectation& expectation);

struct Scenario {
  RunOptions options;  // Under the first seed.
  std::uint64_t seeds = 1;
  Verdict verdict = Verdict::kPass;
  std::string oracle;                // Of the failure that is expected; empty: any.
  std::vector<Expectation> expects;  // A run that misses one fails.
  std::vector<Expectation> reaches;  // All seeds together: else the file is stale.
  std::string judge;                 // Who finds the bug that this once was.
};

// Lines of "seed N", "seeds A..B", "set …", "fault …", "op …", "override …", "load …", "expect …",
// "reach …" and "judge "NAME""; empty ones and those that begin with "#" say nothing. kInvalid
// names the line.
[[nodiscard]] Result<Scenario> parse_scenario(std::string_view text);

// "load c1..c3 mixed every 20ms from 300ms to 4s" as operations, one every so often by each of
// these clients, who take turns: puts, reads, serializable (reads), deletes, txns or mixed.
[[nodiscard]] Result<std::vector<OperationEntry>> parse_load(std::string_view line,
                                                             std::uint64_t keys);

struct ScenarioOutcome {
  enum class Kind : std::uint8_t { kPass, kFail, kStale } kind = Kind::kPass;
  std::string why;         // In words, when it isn't a pass.
  std::uint64_t seed = 0;  // Of the run that missed an expectation; 0: all together.
  std::uint64_t runs = 0;
  std::uint64_t events = 0;
};
// `find`: the code has the bug that this file once was: its judge must find it with one of the
// seeds, and nothing else counts.
enum class Aim : std::uint8_t { kHolds, kFind };
[[nodiscard]] ScenarioOutcome play(const Scenario& scenario, Aim aim);

}  // namespace detcd::sim
