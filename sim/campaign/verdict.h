// What a command says of one run at its end: the failure, what it cost, the one line with all
// numbers and, unless it passed, the command that makes it again.
#pragma once

#include <string>

#include "sim/campaign/child.h"

namespace detcd::sim {

// The exit code.
int finish(const RunOptions& options, const ChildResult& child, const std::string& again);

}  // namespace detcd::sim
