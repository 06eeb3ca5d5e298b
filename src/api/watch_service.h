// etcdserverpb.Watch: one stream in both directions (ETCD.md §2.7).
#pragma once

#include <span>

#include "api/method.h"

namespace detcd::api {

[[nodiscard]] std::span<const Method> watch_methods();

}  // namespace detcd::api
