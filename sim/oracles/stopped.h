// The judge of what a member leaves on its disk when its life ends: a copy of the disk is opened
// with the product's own readers, in a world of its own where nothing fails. What opens must be the
// member's, of one piece, and hold all that the member had promised.
#pragma once

#include <cstdint>
#include <optional>

#include "raft/types.h"
#include "server/options.h"
#include "sim/disk/image.h"
#include "sim/history/history.h"

namespace detcd::sim {

// What others count on.
struct Promised {
  raft::Index synced;   // The log that it had reported synced.
  raft::Term answered;  // The newest term that it had answered in.
  // It voted so in this term.
  raft::Term voted_in;
  std::optional<raft::NodeId> vote;
  // It acknowledged this index, whose entry is of this term.
  raft::Index match;
  raft::Term entry;
};

struct StoppedMember {
  std::uint32_t node = 0;
  server::NodeOptions options;
  DiskImage image;
  Promised promised;
  // Since its first start this disk held all that it had acknowledged.
  bool honest = true;
};

// Entries are also compared with what was applied.
[[nodiscard]] std::optional<Violation> judge_stopped(StoppedMember stopped, const History& history);

}  // namespace detcd::sim
