// The order of cluster versions, "3.7.0": a later decision never lowers an earlier one.
#pragma once

#include <string_view>

namespace detcd::apply {

// Whether `next` may follow `former`. A text that isn't a version never may; "" was never decided.
[[nodiscard]] bool may_follow(std::string_view next, std::string_view former);

}  // namespace detcd::apply
