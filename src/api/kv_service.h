// etcdserverpb.KV: Range, RangeStream, Put, DeleteRange, Txn and Compact. Requests are checked here
// in etcd's order as far as they can be without state; the rest is the node's.
#pragma once

#include <span>

#include "api/method.h"

namespace detcd::api {

[[nodiscard]] std::span<const Method> kv_methods();

}  // namespace detcd::api
