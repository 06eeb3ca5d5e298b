// The state of one simulated connection: two ends, each with a receive buffer, and two pipes that
// carry bytes from one end to the other in segments, in order, within a window. Data only: the
// network (network.h) moves it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/result.h"
#include "runtime/wait.h"
#include "sim/kernel/kernel.h"

namespace detcd::sim {

using ConnectionId = Id<struct ConnectionTag>;
using ListenerId = Id<struct ListenerTag>;

// The client's end is 0, the server's 1.
enum class Side : std::uint8_t { kClient, kServer };
[[nodiscard]] constexpr Side other(Side side) {
  return side == Side::kClient ? Side::kServer : Side::kClient;
}

// A suspended task, to be resumed through its scheduler's queue.
struct Waiter {
  runtime::Scheduler& scheduler;
  runtime::Resumption turn;
  void wake() {
    if (!turn.pending()) scheduler.post(turn);
  }
};

struct Segment {
  std::string bytes;
  bool fin = false;
};

// From one end to the other.
struct Pipe {
  NodeNumber from;
  NodeNumber to;
  std::deque<std::string> unsent;  // In the sender's buffer.
  std::uint64_t unsent_bytes = 0;
  bool fin_wanted = false;
  bool fin_sent = false;
  std::deque<Segment> flying;        // Oldest first; each has an event of its own.
  std::size_t stuck = 0;             // Of these, how many events found the link cut.
  std::uint64_t unacknowledged = 0;  // Bytes sent that the receiver hasn't taken out yet.
  std::uint64_t taken = 0;           // Bytes taken out that the sender hasn't heard of yet.
  std::uint64_t held_credit = 0;     // Acknowledgements that found the link cut.
  VirtualTime last_arrival;
  std::uint64_t segments = 0;  // Ordinal of draws.
  bool stalled = false;        // The sender's patience is running out.
  std::uint64_t stalls = 0;
};

enum class EndState : std::uint8_t {
  kConnecting,
  kOpen,
  kClosing,  // Its owner let go; what was written and the end of file are still on their way.
  kGone,     // Whatever arrives is answered by a reset.
};

struct End {
  EndState state = EndState::kConnecting;
  bool attached = false;       // A stream (or a connect, or a backlog) holds it.
  bool spoiled = false;        // A read or write was destroyed under way.
  std::optional<Error> error;  // Why it is gone.
  std::deque<std::string> received;
  std::uint64_t received_bytes = 0;
  bool end_of_file = false;
  std::uint64_t reads = 0;  // Ordinal of draws.
  Waiter* reader = nullptr;
  Waiter* writer = nullptr;  // Or who connects.
  std::string address;       // Of this end.
};

struct Connection {
  ConnectionId id;
  std::uint64_t key = 0;  // Stable: the pair of hosts and a count for the pair.
  bool black_hole = false;
  std::uint64_t messages = 0;  // Ordinal of draws.
  std::string port;            // Where the client connects to.
  EventId retry;               // Of the handshake.
  EventId deadline;            // Of the connect.
  std::array<End, 2> ends;
  std::array<Pipe, 2> pipes;  // Each from the end of its index.
  [[nodiscard]] End& end(Side side) { return ends[static_cast<std::size_t>(side)]; }
  [[nodiscard]] Pipe& pipe_from(Side side) { return pipes[static_cast<std::size_t>(side)]; }
  [[nodiscard]] const Pipe& pipe_from(Side side) const {
    return pipes[static_cast<std::size_t>(side)];
  }
};

}  // namespace detcd::sim
