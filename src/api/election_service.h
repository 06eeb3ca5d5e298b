// v3lockpb.Lock and v3electionpb.Election: Lock, Unlock, Campaign, Proclaim, Leader, Observe and
// Resign (ETCD.md §2.15). Whatever they refuse has the code Unknown, as in etcd.
#pragma once

#include <span>

#include "api/method.h"

namespace detcd::api {

[[nodiscard]] std::span<const Method> lock_methods();
[[nodiscard]] std::span<const Method> election_methods();

}  // namespace detcd::api
