// A campaign told: as text for people, as JSON for programs, as one page for a browser that needs
// nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/store/record.h"
#include "sim/store/totals.h"

namespace detcd::sim {

// A rare thing that some run must have reached before a campaign of that size proves anything.
struct ProbeRule {
  std::string name;
  bool required = false;
};
inline constexpr std::uint64_t kRunsThatReachAll = 20'000;

struct Story {
  CampaignPlan plan;
  const Totals* totals = nullptr;
  std::vector<ProbeRule> probes;  // All there are, in the order to show.
  bool ended = true;              // False: the campaign still runs.
  std::optional<std::uint64_t> wall_ms;
};

// "pass", "FAIL" or "incomplete": runs of the range are missing and none that was done failed.
[[nodiscard]] std::string verdict_of(const Story& story);
// Of the range, how many are done; none for a campaign without an end.
[[nodiscard]] std::optional<std::uint64_t> planned_runs(const CampaignPlan& plan);
// Probes that had to be hit and weren't; empty below kRunsThatReachAll runs.
[[nodiscard]] std::vector<std::string> missed_probes(const Story& story);

[[nodiscard]] std::string summary_text(const Story& story);
[[nodiscard]] std::string summary_json(const Story& story);
[[nodiscard]] std::string summary_page(const Story& story);

// "12.3 k", "4.5 M", for people.
[[nodiscard]] std::string short_number(std::uint64_t number);

}  // namespace detcd::sim
