// Alarms in etcd's words.
#pragma once

#include <string>

#include "apply/command.h"

namespace detcd::server {

// "NOSPACE"; of a type that has no name, its number.
[[nodiscard]] std::string alarm_name(std::int32_t type);
// As protobuf prints an AlarmMember: what Status lists among its errors (ETCD.md §2.12).
[[nodiscard]] std::string alarm_text(const apply::AlarmMember& alarm);

}  // namespace detcd::server
