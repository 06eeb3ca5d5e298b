#include "server/successor.h"

#include <utility>

namespace detcd::server {

std::optional<raft::NodeId> successor_in(const raft::Status& leader, const raft::NodeSet* among) {
  const auto rank = [](const raft::Status::Peer& peer) {
    return std::pair(peer.recent_active, peer.match);
  };
  const raft::Status::Peer* best = nullptr;
  for (const raft::Status::Peer& peer : leader.peers) {
    const bool voter = leader.configuration.voters.contains(peer.node);
    const bool may = among == nullptr || among->contains(peer.node);
    if (!voter || !may || peer.node == leader.leader) continue;
    if (best == nullptr || rank(peer) > rank(*best)) best = &peer;
  }
  if (best == nullptr) return std::nullopt;
  return best->node;
}

}  // namespace detcd::server
