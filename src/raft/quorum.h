// What a majority is, also in joint consensus, where both halves must agree (dissertation §4.3).
// Pure functions of a configuration and what its voters said. An empty half has no majority of its
// own to ask; a configuration without voters decides nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>

#include "raft/types.h"

namespace detcd::raft {

enum class VoteResult : std::uint8_t { kPending, kWon, kLost };

[[nodiscard]] constexpr std::size_t majority(std::size_t voters) {
  return voters / 2 + 1;
}

// The highest index that a quorum has acknowledged; `match` says it of each voter.
[[nodiscard]] std::uint64_t quorum_value(const Configuration& configuration,
                                         const std::function<std::uint64_t(NodeId)>& match);

// Whether those for whom `holds` is true are a quorum.
[[nodiscard]] bool quorum_holds(const Configuration& configuration,
                                const std::function<bool(NodeId)>& holds);

[[nodiscard]] VoteResult vote_result(const Configuration& configuration,
                                     const std::map<NodeId, bool, IdOrder>& votes);

// Whether `answered`, without `self`, meets every quorum that `self` could have been part of: f + 1
// members of each half, where f is how many a half can lose.
[[nodiscard]] bool meets_every_quorum(const Configuration& configuration, NodeId self,
                                      const std::function<bool(NodeId)>& answered);

}  // namespace detcd::raft
