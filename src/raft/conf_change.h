// How one configuration becomes another (dissertation §4): in a single step when at most one voter
// differs, through a joint configuration otherwise. Pure functions.
#pragma once

#include <optional>

#include "raft/types.h"

namespace detcd::raft {

// Sets are disjoint where they must be, and somebody votes. What a peer or a client sends is
// checked by this before it is believed.
[[nodiscard]] bool is_valid(const Configuration& configuration);

// The configuration to append next on the way from `current` (not joint) to `target` (voters and
// learners only). None when `target` isn't a valid one.
[[nodiscard]] std::optional<Configuration> next_configuration(const Configuration& current,
                                                              const Configuration& target,
                                                              bool force_joint);

// What a joint configuration becomes when it is left.
[[nodiscard]] Configuration left(const Configuration& joint);

}  // namespace detcd::raft
