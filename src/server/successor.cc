#include "server/successor.h"

namespace detcd::server {

std::optional<raft::NodeId> successor_in(const raft::Status& leader) {
  const raft::Status::Peer* best = nullptr;
  for (const raft::Status::Peer& peer : leader.peers) {
    const bool voter = leader.configuration.voters.contains(peer.node);
    if (!voter || !peer.recent_active || peer.node == leader.leader) continue;
    if (best == nullptr || peer.match > best->match) best = &peer;
  }
  if (best == nullptr) return std::nullopt;
  return best->node;
}

}  // namespace detcd::server
