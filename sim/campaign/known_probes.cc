#include "sim/campaign/known_probes.h"

#include <algorithm>
#include <ranges>
#include <string>

#include "sim/faults/registry.h"
#include "sim/faults/stage.h"
#include "sim/kernel/rare.h"
#include "sim/oracles/leases.h"
#include "sim/oracles/paths.h"
#include "sim/oracles/watch.h"
#include "sim/run/run.h"

namespace detcd::sim {
namespace {

bool is_drawn(const Family& family, const std::vector<Settings>& drawn) {
  return std::ranges::any_of(drawn, [&](const Settings& settings) {
    return is_on(family, settings) && family.possible(settings);
  });
}

// Of those that anybody survives.
bool all_are_drawn(const std::vector<Settings>& drawn) {
  return std::ranges::all_of(families(), [&](const Family* family) {
    const bool wanted = family->available() && !family->info().beyond_budget;
    return !wanted || is_drawn(*family, drawn);
  });
}

}  // namespace

std::vector<std::string_view> known_probes() {
  std::vector<std::string_view> names;
  for (const Family* family : families()) {
    if (family->available()) names.push_back(family->info().probe);
  }
  names.insert(names.end(), {kDiedInFlightProbe, kDiskFailedProbe, kLostPowerToRotProbe,
                             kLostPowerToBadSectorProbe, kCoreProbe});
  std::ranges::copy(path_probes(), std::back_inserter(names));
  std::ranges::copy(watch_probes(), std::back_inserter(names));
  std::ranges::copy(lease_probes(), std::back_inserter(names));
  std::ranges::copy(rare_choices(), std::back_inserter(names));
  return names;
}

std::vector<ProbeRule> probe_rules(const std::vector<Settings>& drawn) {
  const bool everything = all_are_drawn(drawn);
  const bool watched =
      std::ranges::any_of(drawn, [](const Settings& settings) { return settings.watches > 0; });
  const bool leased =
      std::ranges::any_of(drawn, [](const Settings& settings) { return settings.leases > 0; });
  std::vector<ProbeRule> rules;
  for (const std::string_view name : known_probes()) {
    // Paths follow from faults together, and rare choices from their family.
    ProbeRule rule{std::string(name), everything};
    for (const Family* family : families()) {
      const bool rare = family->name() == "rare" && name.starts_with("rare: ");
      if (family->info().probe == name || rare) rule.required = is_drawn(*family, drawn);
    }
    const bool of_watches = std::ranges::count(watch_probes(), name) > 0;
    const bool of_leases = std::ranges::count(lease_probes(), name) > 0;
    rule.required = rule.required && (watched || !of_watches) && (leased || !of_leases);
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace detcd::sim
