#include "sim/oracles/access.h"

#include <string>
#include <variant>
#include <vector>

namespace detcd::sim {
namespace {

using Keys = std::vector<std::string>;

void add(const apply::RangeResponse& range, Keys& keys) {
  for (const apply::KeyValue& kv : range.kvs) keys.emplace_back(kv.key.view());
}
void add(const apply::PutResponse& put, Keys& keys) {
  if (put.prev_kv) keys.emplace_back(put.prev_kv->key.view());
}
void add(const apply::DeleteRangeResponse& erase, Keys& keys) {
  for (const apply::KeyValue& kv : erase.prev_kvs) keys.emplace_back(kv.key.view());
}
void add(const apply::TxnResponse& txn, Keys& keys) {
  for (const apply::ResponseOp& one : txn.responses) {
    std::visit([&](const auto& response) { add(response, keys); }, one.response);
  }
}

Keys keys_in(const apply::Response& answer) {
  Keys keys;
  std::visit(
      [&](const auto& response) {
        if constexpr (requires { add(response, keys); }) add(response, keys);
      },
      answer);
  return keys;
}

}  // namespace

bool is_of_access(apply::ApiError error) {
  return error == apply::ApiError::kPermissionDenied || error == apply::ApiError::kUserEmpty ||
         error == apply::ApiError::kUserNotFound || error == apply::ApiError::kAuthOldRevision;
}

std::optional<Violation> judge_access(const CallRecord& call, const Access& access) {
  if (call.outcome != CallRecord::Outcome::kAnswered) return std::nullopt;
  for (const std::string& key : keys_in(call.response)) {
    if (access.may_read(call.user, key)) continue;
    return Violation{"access", "a key was told to who may not read it: " + key + " to \"" +
                                   call.user + "\" in the answer to call #" +
                                   std::to_string(call.id) + " (" + describe(call.operation) +
                                   "), which is " + describe(call.response)};
  }
  return std::nullopt;
}

}  // namespace detcd::sim
