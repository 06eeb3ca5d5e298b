// A configured process from its first line of log to its end: world, member, clients' threads.
#pragma once

#include "bootstrap/config.h"

namespace detcd::app {

// Serves until SIGINT or SIGTERM, or until the member can't go on. The exit code; after a signal
// the process ends by that signal instead of returning.
[[nodiscard]] int serve(const bootstrap::Config& config);

}  // namespace detcd::app
