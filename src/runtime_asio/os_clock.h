// The clocks of this machine: CLOCK_BOOTTIME, which counts suspends, and CLOCK_REALTIME.
#pragma once

#include "base/units.h"
#include "runtime/clock.h"

namespace detcd::runtime_asio {

class OsClock final : public runtime::Clock {
 public:
  [[nodiscard]] TimePoint boot() const override;
  [[nodiscard]] WallTime wall() const override;
};

}  // namespace detcd::runtime_asio
