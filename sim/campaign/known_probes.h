// All probes that a run can hit: of families of faults, of the product's paths and of its rare
// choices; and which of them a large campaign of a profile must have hit.
#pragma once

#include <string_view>
#include <vector>

#include "sim/plan/settings.h"
#include "sim/store/summary.h"

namespace detcd::sim {

// In the order to show.
[[nodiscard]] std::vector<std::string_view> known_probes();
// `drawn` are settings of some of its runs: what none of these has on need not be reached.
[[nodiscard]] std::vector<ProbeRule> probe_rules(const std::vector<Settings>& drawn);

}  // namespace detcd::sim
