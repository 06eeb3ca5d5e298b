// Delta debugging (Zeller's ddmin, by complements), pure: which of many units does something need?
// It knows neither plans nor runs; a probe says which of several smaller sets still does.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace detcd::sim {

// Numbers of units, ascending.
using Kept = std::vector<std::size_t>;

// The first of `count` candidates that still does, if any does. A candidate is made when asked for.
using Probe = std::function<std::optional<std::size_t>(
    std::size_t count, const std::function<Kept(std::size_t)>& candidate)>;

// Takes chunks out, from everything down to single units, until none of these can go. Takes the
// first candidate that does: the same answer however many a probe looks at together.
[[nodiscard]] Kept reduce(std::size_t units, const Probe& probe);

// Where no single unit can go, two together may. Ends with neither.
[[nodiscard]] Kept reduce_pairs(Kept kept, const Probe& probe);

}  // namespace detcd::sim
