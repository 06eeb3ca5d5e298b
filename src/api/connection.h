// One client's connection, from the first byte to the last: finds out whether it speaks HTTP/2 or
// HTTP/1.1, and serves it as that (grpc_connection, http_connection). It never touches the node; it
// exchanges values with it by mailbox, so that it may live on any scheduler.
#pragma once

#include <memory>

#include "api/environment.h"
#include "runtime/network.h"
#include "runtime/task.h"

namespace detcd::api {

// Ends when the connection is over, by whatever end of it, or drained. Destroying it resets the
// client. `environment` and `drain` outlive the task.
[[nodiscard]] runtime::Task<void> serve(std::unique_ptr<runtime::Stream> stream,
                                        const Environment& environment, Drain& drain);

}  // namespace detcd::api
