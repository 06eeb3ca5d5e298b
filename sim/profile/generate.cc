#include "sim/profile/generate.h"

#include <algorithm>

#include "sim/faults/registry.h"
#include "sim/plan/operations.h"
#include "sim/plan/watches.h"
#include "sim/profile/profile.h"

namespace detcd::sim {

Result<Settings> draw_settings(std::uint64_t seed, std::string_view profile) {
  const Result<Profile> known = Profile::builtin(profile);
  if (!known) return known.error();
  return known->draw(seed);
}

Plan draw_plan(std::uint64_t seed, const Settings& settings) {
  return {draw_faults(seed, settings), draw_operations(seed, settings),
          draw_watches(seed, settings)};
}

Minimum minimum_of(const Settings& settings) {
  const auto seconds = static_cast<std::uint64_t>(settings.length / 1s);
  const std::uint64_t long_enough = seconds * settings.minimum_acked_per_minute / 60;
  return {std::max(settings.minimum_acked, long_enough), settings.minimum_faults,
          settings.minimum_leaders};
}

}  // namespace detcd::sim
