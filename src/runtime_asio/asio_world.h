// The real world of one scheduler, whole.
#pragma once

#include <string>
#include <utility>

#include "runtime/world.h"
#include "runtime_asio/disk.h"
#include "runtime_asio/helpers.h"
#include "runtime_asio/network.h"
#include "runtime_asio/os_random.h"
#include "runtime_asio/scheduler.h"

namespace detcd::runtime_asio {

// The members' order is the order of birth: the disk goes first, which drains it.
struct AsioWorld {
  // Relative paths of its disk are below `directory`.
  explicit AsioWorld(std::string directory) : disk(scheduler, std::move(directory)) {}
  [[nodiscard]] runtime::World world() {
    return {scheduler, scheduler.clock(), random, network, disk, helpers};
  }

  AsioScheduler scheduler;
  OsRandom random;
  AsioNetwork network{scheduler};
  AsioHelpers helpers{scheduler};
  AsioDisk disk;
};

}  // namespace detcd::runtime_asio
