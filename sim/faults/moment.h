// When a death strikes: at once, at a boundary of the victim's disk (just before or just after an
// operation takes effect), at one of a named kind, or while something that changes the disk is at
// the device. Most deaths strike with writes in flight: that is where broken promises are made.
#pragma once

#include <cstdint>
#include <optional>

#include "sim/disk/options.h"
#include "sim/faults/fields.h"

namespace detcd::sim {

struct Moment {
  std::uint64_t boundary = 0;    // The boundary-th from then on; 0: at once.
  std::optional<DiskCall> call;  // Only boundaries of these count.
  std::uint64_t in_flight = 0;   // So many thousandths of its way to the medium; 0: at once.

  void fields(Fields& fields);
};

}  // namespace detcd::sim
