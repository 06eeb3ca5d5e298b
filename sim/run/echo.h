// Messages between members that arrive once more, later: while it lasts, some of what arrived is
// delivered a second time, overtaking and overtaken by others. Raft may rely on neither order nor
// uniqueness (dissertation §3.3); only a restart of either side ends what is under way. What never
// arrived has no echo: members speak only after a handshake, which may be what stops them.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "raft/message.h"
#include "sim/run/cluster.h"

namespace detcd::sim {

class Echoes {
 public:
  Echoes(Kernel& kernel, Cluster& cluster, const Settings& settings)
      : kernel_(kernel), cluster_(cluster), settings_(settings) {}

  // From now on, for so long.
  void begin(Duration length);
  void end() { until_ = VirtualTime{}; }
  // A message has come to this node, from that life of its sender's process.
  void arrived(std::uint32_t node, const raft::Message& message, std::uint64_t life);

 private:
  Kernel& kernel_;
  Cluster& cluster_;
  const Settings& settings_;
  VirtualTime until_{};
  bool again_ = false;  // What arrives now is an echo itself.
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> ordinals_;  // By link.
};

}  // namespace detcd::sim
