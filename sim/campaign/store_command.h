// What the commands on stores share.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sim/campaign/store_files.h"
#include "sim/store/summary.h"

namespace detcd::sim {

inline constexpr int kStoreTrouble = 3;  // Exit code.

// Says it on stderr, and which exit code it is.
int store_trouble(const Error& error);
// What runs may hit, and what of it a large campaign must have hit.
[[nodiscard]] std::vector<ProbeRule> rules_of(const CampaignPlan& plan);
// summary.txt, summary.json and summary.html beside the results.
[[nodiscard]] Result<void> write_summaries(const CampaignStore& store, const Story& story);

}  // namespace detcd::sim
