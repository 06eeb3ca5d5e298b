// etcdserverpb.Auth: all its methods (ETCD.md §1.1, §2.9). Nothing is refused here but what doesn't
// parse: the checks are made where a change is applied.
#pragma once

#include <span>

#include "api/method.h"

namespace detcd::api {

[[nodiscard]] std::span<const Method> auth_methods();

}  // namespace detcd::api
