// The two clocks of a node. `boot` is monotonic and counts pauses and suspends: every deadline,
// lease and election is computed from it. `wall` is what a calendar shows: it may step, and is used
// only where values are drawn or shown (log lines, certificates).
#pragma once

#include "base/units.h"

namespace detcd::runtime {

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimePoint boot() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
};

}  // namespace detcd::runtime
