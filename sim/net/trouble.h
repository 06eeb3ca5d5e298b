// What may be wrong with a link or with a host for a while. Troubles of one place add up: the
// network (network.h) combines those that last.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "sim/kernel/time.h"

namespace detcd::sim {

using TroubleId = Ordinal<struct TroubleTag>;

// Of one direction between two hosts.
struct LinkTrouble {
  Duration extra{};  // More latency.
  Duration
      spread{};  // Up to so much more, drawn for each segment: connections overtake each other.
  // Of packets. What a connection carries is sent again, after twice as long each time, until the
  // sender loses patience; a reset is lost for good.
  std::uint32_t loss_ppm = 0;
  std::uint64_t bytes_per_second = 0;  // Of all connections together; 0: no limit.
  std::uint64_t window_bytes = 0;      // At most so much is under way, in pieces; 0: the usual.
  // Nothing arrives until this ends, then everything does, whatever became of its sender.
  bool held = false;
  friend bool operator==(const LinkTrouble&, const LinkTrouble&) = default;
};

enum class Connects : std::uint8_t {
  kServed,
  kRefused,
  kLost,  // Nobody answers.
};

struct HostTrouble {
  Connects connects = Connects::kServed;  // Of others to this host.
  // When this host asks for a name.
  Duration lookup_delay{};
  bool lookups_fail = false;
  // Whoever has this number is taken for the other one: an old answer.
  NodeNumber stale;
  NodeNumber taken_for;
  friend bool operator==(const HostTrouble&, const HostTrouble&) = default;
};

// How often troubles made a difference.
struct TroubleCounts {
  std::uint64_t delayed = 0;    // Segments.
  std::uint64_t lost = 0;       // Packets.
  std::uint64_t gave_up = 0;    // Connections that lost too many in a row.
  std::uint64_t throttled = 0;  // Segments that waited for others.
  std::uint64_t windowed = 0;   // Times that a window was full.
  std::uint64_t held = 0;       // Segments and messages.
  std::uint64_t cut_off = 0;    // Segments and messages that met a cut link.
  std::uint64_t refused = 0;    // Connects.
  std::uint64_t unanswered = 0;
  std::uint64_t lookups_slow = 0;
  std::uint64_t lookups_failed = 0;
  std::uint64_t lookups_stale = 0;
  std::uint64_t half_open = 0;    // Connections.
  std::uint64_t black_holes = 0;  // Connections.
  friend bool operator==(const TroubleCounts&, const TroubleCounts&) = default;
};

}  // namespace detcd::sim
