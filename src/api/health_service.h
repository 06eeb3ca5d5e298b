// grpc.health.v1.Health: Check, List and Watch. As in etcd, the one service known is "", learners
// refuse all three, and whether there is a leader is asked over /health (ETCD.md §1). Unlike in
// etcd, a member that doubts its own state doesn't serve (DESIGN §5, "Alarms").
#pragma once

#include <span>

#include "api/method.h"

namespace detcd::api {

[[nodiscard]] std::span<const Method> health_methods();

}  // namespace detcd::api
