// Who speaks HTTP/1.1 on the peers' port: a member that wants to join, or somebody who is curious.
#pragma once

#include <memory>
#include <string>

#include "api/environment.h"
#include "runtime/network.h"
#include "runtime/task.h"

namespace detcd::api {

// Ends when the visitor is gone or takes too long. `received` was read already; `environment` and
// `drain` outlive the task.
[[nodiscard]] runtime::Task<void> serve_peer_visitor(std::unique_ptr<runtime::Stream> stream,
                                                     std::string received,
                                                     const Environment& environment, Drain& drain);

}  // namespace detcd::api
