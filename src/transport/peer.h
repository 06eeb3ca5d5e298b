// One peer's outgoing side: its queue, its addresses and the tasks that serve it. Internal to
// transport.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "runtime/random.h"
#include "runtime/task_group.h"
#include "runtime/wait.h"
#include "runtime/world.h"
#include "transport/transport.h"

namespace detcd::transport {

struct Transport::Peer {
  Peer(const runtime::World& world, raft::NodeId node);
  raft::NodeId id;
  std::vector<std::string> addresses;
  std::size_t next_address = 0;
  std::uint64_t dials = 0;
  std::deque<std::string> queue;  // Whole frames.
  std::size_t queued_bytes = 0;
  std::optional<TimePoint> connected_since;  // None: it isn't.
  bool broken = false;  // The connection has ended, its writer doesn't know yet.
  bool reported_unreachable = false;
  bool sending_snapshot = false;
  runtime::RareChoice hang_up;
  runtime::RareChoice write_alone;
  runtime::Signal filled;
  // Last: its tasks use what stands above, and end first.
  runtime::TaskGroup tasks;
};

}  // namespace detcd::transport
