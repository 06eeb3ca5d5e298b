// What a user isn't granted is neither done for him nor told to him. Judged by what an answer
// holds, whatever was asked for: so this sees also what the rules about requests forget.
#pragma once

#include <optional>

#include "apply/api_error.h"
#include "sim/history/access.h"
#include "sim/history/history.h"

namespace detcd::sim {

// Refused because of who asks.
[[nodiscard]] bool is_of_access(apply::ApiError error);
// Each key and value in the answer is one that the caller may read by `access`, at which it was
// served.
[[nodiscard]] std::optional<Violation> judge_access(const CallRecord& call, const Access& access);

}  // namespace detcd::sim
