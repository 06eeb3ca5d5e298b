// Requests and answers of etcd's KV service in JSON, with the names of its Protobuf messages and
// plain texts for keys and values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sim/check/etcd.h"
#include "sim/import/fields.h"

namespace detcd::sim {

// `function` is range, put, delete_range, txn or compact. None, with `error` said, when it is
// wrong.
[[nodiscard]] std::optional<Operation> read_request(std::string_view function, const Json& value,
                                                    std::string& error);
// What was told in answer to `operation`.
[[nodiscard]] Told read_answer(const Operation& operation, const Json& value, std::string& error);

}  // namespace detcd::sim
