// The page's sources (the folder page/), as the build took them in.
#pragma once

#include <string_view>

namespace detcd::sim {

// A check fails for a name that isn't there.
[[nodiscard]] std::string_view page_source(std::string_view name);

}  // namespace detcd::sim
