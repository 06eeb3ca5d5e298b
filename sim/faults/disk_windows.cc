#include "sim/faults/disk_windows.h"

#include <algorithm>

namespace detcd::sim {

void DiskWindows::begin(std::uint32_t node, const DiskTrouble& trouble, Duration lasts) {
  const std::pair key{node, next_++};
  troubles_.emplace(key, trouble);
  apply(node);
  stage_.later(lasts, [this, key] {
    if (troubles_.erase(key) != 0) apply(key.first);
  });
}

void DiskWindows::apply(std::uint32_t node) {
  DiskTrouble worst;
  for (const auto& [key, trouble] : troubles_) {
    if (key.first != node) continue;
    worst.write_error_ppm = std::max(worst.write_error_ppm, trouble.write_error_ppm);
    worst.name_error_ppm = std::max(worst.name_error_ppm, trouble.name_error_ppm);
    worst.lying_sync_ppm = std::max(worst.lying_sync_ppm, trouble.lying_sync_ppm);
    worst.room = std::max(worst.room, trouble.room);
  }
  DiskFaults& faults = stage_.members().machine(node).disk().faults();
  faults.write_error_ppm = worst.write_error_ppm;
  faults.name_error_ppm = worst.name_error_ppm;
  faults.lying_sync_ppm = worst.lying_sync_ppm;
  faults.room = worst.room;
}

// A sync that lies ends nobody.
void DiskWindows::disarm() {
  for (auto& [key, trouble] : troubles_) trouble = {.lying_sync_ppm = trouble.lying_sync_ppm};
  for (std::uint32_t node = 1; node <= stage_.size(); ++node) apply(node);
}

void DiskWindows::calm() {
  troubles_.clear();
  for (std::uint32_t node = 1; node <= stage_.size(); ++node) apply(node);
}

}  // namespace detcd::sim
