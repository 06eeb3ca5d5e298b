// etcdserverpb.Lease: LeaseGrant, LeaseRevoke, LeaseKeepAlive, LeaseTimeToLive and LeaseLeases
// (ETCD.md §2.8).
#pragma once

#include <span>

#include "api/method.h"

namespace detcd::api {

[[nodiscard]] std::span<const Method> lease_methods();

}  // namespace detcd::api
