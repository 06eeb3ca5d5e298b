// What a picture shows of a watch: each note that passed between a client and the members, in words
// and numbers.
#pragma once

#include "sim/history/watched.h"
#include "sim/timeline/timeline.h"

namespace detcd::sim {

// Without the time, and who told it.
[[nodiscard]] WatchMark mark_of(const WatchNote& note);

}  // namespace detcd::sim
