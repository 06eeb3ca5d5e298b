// From the flags of a command to a run: what is drawn from a seed, and what the flags change of it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "sim/campaign/arguments.h"
#include "sim/explore/mutate.h"
#include "sim/run/run.h"

namespace detcd::sim {

// --profile, --nodes, --virtual-seconds, --cross-check.
[[nodiscard]] Result<RunOptions> options_for(std::uint64_t seed, const Arguments& arguments);
// The same with the recipe's changes made.
[[nodiscard]] Result<RunOptions> options_for(const Recipe& recipe, const Arguments& arguments);
// How to make exactly this run again.
[[nodiscard]] std::string reproduce(const std::string& program, std::uint64_t seed,
                                    const Arguments& arguments);

struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
};
// "1..200"; a complaint names the flag.
[[nodiscard]] Result<SeedRange> parse_seeds(const std::string& text, std::string_view flag);

}  // namespace detcd::sim
