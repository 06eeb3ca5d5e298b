// etcdserverpb.Cluster: all its methods (ETCD.md §2.11).
#pragma once

#include <span>

#include "api/method.h"

namespace detcd::api {

[[nodiscard]] std::span<const Method> cluster_methods();

}  // namespace detcd::api
