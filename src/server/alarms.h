// Alarms in etcd's words.
#pragma once

#include <cstdint>
#include <string>

#include "apply/command.h"
#include "base/units.h"

namespace detcd::server {

// When this member may ask for a change of alarms next.
struct AlarmTimes {
  std::uint64_t cleared = 0;  // Applier::alarms().cleared(), when it was last looked at.
  TimePoint clear_after{};    // Not before this is another cleared.
  TimePoint raise_after{};    // One raised before this may still be on its way.
};

// "NOSPACE"; of a type that has no name, its number.
[[nodiscard]] std::string alarm_name(std::int32_t type);
// As protobuf prints an AlarmMember: what Status lists among its errors (ETCD.md §2.12).
[[nodiscard]] std::string alarm_text(const apply::AlarmMember& alarm);

}  // namespace detcd::server
