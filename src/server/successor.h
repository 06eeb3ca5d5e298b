// Who is to lead when the leader gives that up.
#pragma once

#include <optional>

#include "raft/raft.h"

namespace detcd::server {

// The voter that is furthest and answers, so that the cluster serves on without an election.
[[nodiscard]] std::optional<raft::NodeId> successor_in(const raft::Status& leader);

}  // namespace detcd::server
