// Draws settings and plans from a seed. A profile says which families of faults there are and how
// severe; every choice is keyed by (seed, site, entity, ordinal).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "sim/plan/plan.h"

namespace detcd::sim {

// From one of the program's own profiles. kInvalid for one that doesn't exist; the message lists
// those that do.
[[nodiscard]] Result<Settings> draw_settings(std::uint64_t seed, std::string_view profile);
[[nodiscard]] Plan draw_plan(std::uint64_t seed, const Settings& settings);

// Below this much of everything a run proves nothing: it is VOID.
struct Minimum {
  std::uint64_t acknowledged = 0;
  std::uint64_t faults = 0;
  std::uint64_t leaders = 0;
};
[[nodiscard]] Minimum minimum_of(const Settings& settings);

}  // namespace detcd::sim
