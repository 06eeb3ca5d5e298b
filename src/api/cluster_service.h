// etcdserverpb.Cluster: MemberList.
#pragma once

#include <span>

#include "api/method.h"

namespace detcd::api {

[[nodiscard]] std::span<const Method> cluster_methods();

}  // namespace detcd::api
