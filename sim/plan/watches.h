// What the clients of a run watch: drawn from the seed, every field of a creation now and then.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/plan/plan.h"

namespace detcd::sim {

// Of all clients, by time.
[[nodiscard]] std::vector<WatchEntry> draw_watches(std::uint64_t seed, const Settings& settings);

}  // namespace detcd::sim
