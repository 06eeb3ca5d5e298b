// The names of all places in the code that draw; the build collects them.
#pragma once

#include <span>
#include <string_view>

namespace detcd::sim {

[[nodiscard]] std::span<const std::string_view> site_names();

}  // namespace detcd::sim
