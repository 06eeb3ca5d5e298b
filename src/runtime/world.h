// Everything a node takes from outside, passed to constructors. Nothing asks which world it is.
#pragma once

#include "runtime/clock.h"
#include "runtime/disk.h"
#include "runtime/helpers.h"
#include "runtime/network.h"
#include "runtime/random.h"
#include "runtime/scheduler.h"

namespace detcd::runtime {

struct World {
  Scheduler& scheduler;
  const Clock& clock;
  const Random& random;
  Network& network;
  Disk& disk;
  Helpers& helpers;
};

}  // namespace detcd::runtime
