// Names of the virtual world: its time, which only the kernel advances, and its nodes. Virtual time
// can't be mixed with what a node's own clocks show (NodeClock translates between them).
#pragma once

#include <chrono>
#include <cstdint>

#include "base/ids.h"
#include "base/units.h"

namespace detcd::sim {

// A tag only, without a now().
struct VirtualClock {};
using VirtualTime = std::chrono::time_point<VirtualClock, Duration>;

inline constexpr VirtualTime kNeverVirtual = VirtualTime::max();
// From here on nothing happens: the timers of clocks that stand still wait here, in order.
inline constexpr VirtualTime kStandstill{Duration{std::int64_t{1} << 62}};

// A machine of the virtual world, from 1 on; none is the world itself (links, plans, harness).
using NodeNumber = Id<struct NodeNumberTag>;

// The how-manieth life of a node, from 1 on.
using Incarnation = Ordinal<struct IncarnationTag>;

}  // namespace detcd::sim
