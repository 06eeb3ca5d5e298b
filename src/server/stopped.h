// How a node's life ended.
#pragma once

#include <optional>

#include "base/result.h"

namespace detcd::server {

// Why a node stopped. Its owner acts on it: exit code, message, restart.
struct Stopped {
  bool asked = false;    // request_stop() was called, and everything was closed in order.
  bool removed = false;  // The cluster goes on without this member, for good; closed in order, too.
  std::optional<Error> error;  // A failed sync, damage, an unknown command …
};

}  // namespace detcd::server
