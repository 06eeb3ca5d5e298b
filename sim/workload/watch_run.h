// What one simulated client watches: its part of the plan on one stream at a time, each watch over
// as many streams as it takes, as clientv3 does it. All that passes is told.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/world.h"
#include "sim/history/watched.h"
#include "sim/kernel/kernel.h"
#include "sim/plan/plan.h"

namespace detcd::sim {

struct WatchJob {
  std::uint32_t number = 1;
  std::vector<std::string> endpoints;
  std::vector<WatchEntry> entries;  // Of this client, by time.
  // The newest revision that the client has seen; it outlives the task.
  const apply::Revision* seen = nullptr;
  Duration connect_timeout{};
  std::uint32_t window_bytes = 0;
  Duration slow_until{};  // From the beginning; then nobody is slow any more.
  std::function<void(const WatchNote&)> tell;
};

// Never ends. The kernel outlives it.
runtime::Task<void> run_watches(runtime::World world, Kernel& kernel, WatchJob job);

}  // namespace detcd::sim
