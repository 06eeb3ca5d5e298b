// Byte streams over connected sockets, TCP and unix alike. The read buffer belongs to the stream,
// what is written is moved in; both outlive a task that is destroyed while it waits. Made and used
// on the scheduler they were made for.
#pragma once

#include <memory>
#include <string>

#include "runtime/network.h"
#include "runtime_asio/scheduler.h"
#include "runtime_asio/unique_fd.h"

namespace detcd::runtime_asio {

// A connection that no scheduler has yet, on its way to the one that will have it. Free to move
// between threads.
struct AcceptedSocket {
  UniqueFd socket;  // Non-blocking.
  std::string peer;
};

// Takes the connection over. The socket's descriptor closes with the stream.
[[nodiscard]] Result<std::unique_ptr<runtime::Stream>> make_stream(AsioScheduler& scheduler,
                                                                   AcceptedSocket accepted);

}  // namespace detcd::runtime_asio
