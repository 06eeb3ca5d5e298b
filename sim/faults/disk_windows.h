// What is wrong with the members' disks for a while: several troubles of one disk at a time add up
// to the worst of each kind.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "sim/disk/options.h"
#include "sim/faults/stage.h"

namespace detcd::sim {

struct DiskTrouble {
  std::uint32_t write_error_ppm = 0;
  std::uint32_t name_error_ppm = 0;
  std::uint32_t lying_sync_ppm = 0;
  Room room = Room::kPlenty;
};

class DiskWindows final : public FamilyState {
 public:
  static constexpr std::string_view kName = "troubles of disks";
  explicit DiskWindows(Stage& stage) : stage_(stage) {}
  void calm() override;
  void disarm() override;
  // The trouble lasts so long.
  void begin(std::uint32_t node, const DiskTrouble& trouble, Duration lasts);

 private:
  void apply(std::uint32_t node);

  Stage& stage_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, DiskTrouble> troubles_;  // By node and number.
  std::uint64_t next_ = 0;
};

}  // namespace detcd::sim
