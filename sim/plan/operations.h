// What the clients of a run do: drawn from the seed, every field of the KV service now and then.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/plan/plan.h"

namespace detcd::sim {

// Of all clients, by time.
[[nodiscard]] std::vector<OperationEntry> draw_operations(std::uint64_t seed,
                                                          const Settings& settings);

}  // namespace detcd::sim
