// etcdserverpb.Maintenance: Status and HashKV.
#pragma once

#include <span>

#include "api/method.h"

namespace detcd::api {

[[nodiscard]] std::span<const Method> maintenance_methods();

}  // namespace detcd::api
