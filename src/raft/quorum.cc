#include "raft/quorum.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace detcd::raft {
namespace {

std::uint64_t half_value(const NodeSet& voters, const std::function<std::uint64_t(NodeId)>& match) {
  std::vector<std::uint64_t> values;
  values.reserve(voters.size());
  for (const NodeId node : voters) values.push_back(match(node));
  std::ranges::sort(values, std::greater<>());
  return values[majority(values.size()) - 1];
}

bool half_holds(const NodeSet& voters, const std::function<bool(NodeId)>& holds) {
  const auto count = static_cast<std::size_t>(std::ranges::count_if(voters, holds));
  return count >= majority(voters.size());
}

bool half_meets(const NodeSet& voters, NodeId self, const std::function<bool(NodeId)>& answered) {
  const auto count = static_cast<std::size_t>(
      std::ranges::count_if(voters, [&](NodeId node) { return node != self && answered(node); }));
  return count >= voters.size() - majority(voters.size()) + 1;
}

}  // namespace

std::uint64_t quorum_value(const Configuration& configuration,
                           const std::function<std::uint64_t(NodeId)>& match) {
  if (configuration.voters.empty()) return 0;
  const std::uint64_t incoming = half_value(configuration.voters, match);
  if (!configuration.joint()) return incoming;
  return std::min(incoming, half_value(configuration.voters_outgoing, match));
}

bool quorum_holds(const Configuration& configuration, const std::function<bool(NodeId)>& holds) {
  if (configuration.voters.empty() || !half_holds(configuration.voters, holds)) return false;
  return !configuration.joint() || half_holds(configuration.voters_outgoing, holds);
}

VoteResult vote_result(const Configuration& configuration,
                       const std::map<NodeId, bool, IdOrder>& votes) {
  const auto granted = [&](NodeId node) {
    const auto found = votes.find(node);
    return found != votes.end() && found->second;
  };
  const auto possible = [&](NodeId node) {
    const auto found = votes.find(node);
    return found == votes.end() || found->second;
  };
  if (quorum_holds(configuration, granted)) return VoteResult::kWon;
  return quorum_holds(configuration, possible) ? VoteResult::kPending : VoteResult::kLost;
}

bool meets_every_quorum(const Configuration& configuration, NodeId self,
                        const std::function<bool(NodeId)>& answered) {
  if (configuration.voters.empty()) return false;
  if (!half_meets(configuration.voters, self, answered)) return false;
  return !configuration.joint() || half_meets(configuration.voters_outgoing, self, answered);
}

}  // namespace detcd::raft
