// Who is to lead when the leader gives that up.
#pragma once

#include <optional>

#include "raft/raft.h"

namespace detcd::server {

// The voter that is furthest, of those that answered of late if any did, so that the cluster serves
// on without an election. Just after the leader's quorum check nobody has answered since. `among`:
// who may be chosen (null: every voter). None: there is no other.
[[nodiscard]] std::optional<raft::NodeId> successor_in(const raft::Status& leader,
                                                       const raft::NodeSet* among = nullptr);

}  // namespace detcd::server
