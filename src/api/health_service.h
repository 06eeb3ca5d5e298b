// grpc.health.v1.Health: Check, List and Watch. As in etcd, the one service known is "", and it
// serves for as long as the process does; whether there is a leader is asked over /health (ETCD.md
// §1).
#pragma once

#include <span>

#include "api/method.h"

namespace detcd::api {

[[nodiscard]] std::span<const Method> health_methods();

}  // namespace detcd::api
