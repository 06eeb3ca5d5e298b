// A foreign history as the simulator's exact judge takes it: with a log, made of the revisions that
// its answers tell.
#pragma once

#include <optional>

#include "sim/check/judge.h"
#include "sim/history/history.h"

namespace detcd::sim {

// None when some call has no place by its revision, or may be answered from the past. What wasn't
// written down of an answer is as it must be.
[[nodiscard]] std::optional<History> with_log(const CheckedHistory& history);

}  // namespace detcd::sim
