// The system's error numbers as Errors.
#pragma once

#include <string_view>

#include "base/result.h"

namespace detcd::runtime_asio {

// `what` says what was tried, with names: "open member/wal/1". The message adds the system's words.
[[nodiscard]] Error system_error(int number, std::string_view what);

}  // namespace detcd::runtime_asio
