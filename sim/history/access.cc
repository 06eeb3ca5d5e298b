#include "sim/history/access.h"

#include <algorithm>
#include <variant>

namespace detcd::sim {
namespace {

using apply::ApiError;

constexpr std::string_view kOpen("\0", 1);
const std::string kRoot = auth::kRootUser;

// Behind the last key of a range: the next key that there can be.
std::string end_of(const std::string& key, const std::string& end) {
  return end.empty() ? key + '\0' : end;
}

bool has(const auth::Permission& permission, bool writing) {
  const auto type = static_cast<auth::PermissionType>(permission.type);
  return type == auth::PermissionType::kReadWrite ||
         type == (writing ? auth::PermissionType::kWrite : auth::PermissionType::kRead);
}

}  // namespace

Access::Refusal Access::apply(const auth::Change& asked) {
  return std::visit([this](const auto& one) { return change(one); }, asked);
}

// ---- Changes, in etcd's order of refusals -------------------------------------------------------

Access::Refusal Access::change(const auth::Enable&) {
  if (enabled_) return std::nullopt;
  if (!users_.contains(kRoot)) return ApiError::kRootUserNotExist;
  if (!is_root(kRoot)) return ApiError::kRootRoleNotExist;
  enabled_ = true;
  return std::nullopt;
}

Access::Refusal Access::change(const auth::Disable&) {
  if (!enabled_) return std::nullopt;
  enabled_ = false;
  return changed();
}

// Gives a token and changes nothing.
Access::Refusal Access::change(const auth::Authenticate&) {
  return std::nullopt;
}

Access::Refusal Access::change(const auth::UserAdd& add) {
  if (add.name.empty()) return ApiError::kUserEmpty;
  if (!users_.try_emplace(add.name).second) return ApiError::kUserAlreadyExist;
  return changed();
}

Access::Refusal Access::change(const auth::UserDelete& erase) {
  if (enabled_ && erase.name == kRoot) return ApiError::kInvalidAuthMgmt;
  if (users_.erase(erase.name) == 0) return ApiError::kUserNotFound;
  return changed();
}

Access::Refusal Access::change(const auth::UserChangePassword& password) {
  if (!users_.contains(password.name)) return ApiError::kUserNotFound;
  return changed();
}

Access::Refusal Access::change(const auth::UserGrantRole& grant) {
  const auto user = users_.find(grant.user);
  if (user == users_.end()) return ApiError::kUserNotFound;
  if (grant.role != kRoot && !roles_.contains(grant.role)) return ApiError::kRoleNotFound;
  if (!user->second.insert(grant.role).second) return std::nullopt;
  return changed();
}

Access::Refusal Access::change(const auth::UserRevokeRole& revoke) {
  if (enabled_ && revoke.user == kRoot && revoke.role == kRoot) return ApiError::kInvalidAuthMgmt;
  const auto user = users_.find(revoke.user);
  if (user == users_.end()) return ApiError::kUserNotFound;
  if (user->second.erase(revoke.role) == 0) return ApiError::kRoleNotGranted;
  return changed();
}

Access::Refusal Access::change(const auth::RoleAdd& add) {
  if (add.name.empty()) return ApiError::kRoleEmpty;
  if (!roles_.try_emplace(add.name).second) return ApiError::kRoleAlreadyExist;
  return changed();
}

Access::Refusal Access::change(const auth::RoleDelete& erase) {
  if (enabled_ && erase.role == kRoot) return ApiError::kInvalidAuthMgmt;
  if (roles_.erase(erase.role) == 0) return ApiError::kRoleNotFound;
  for (auto& [name, roles] : users_) roles.erase(erase.role);
  return changed();
}

Access::Refusal Access::change(const auth::RoleGrantPermission& grant) {
  if (!grant.given) return ApiError::kPermissionNotGiven;
  const auth::Permission& asked = grant.permission;
  const bool upwards =
      asked.range_end.empty() || asked.range_end == kOpen || asked.key < asked.range_end;
  if (asked.key.empty() || !upwards) return ApiError::kInvalidAuthMgmt;
  const auto role = roles_.find(grant.role);
  if (role == roles_.end()) return ApiError::kRoleNotFound;
  std::erase_if(role->second, [&](const auth::Permission& one) {
    return one.key == asked.key && one.range_end == asked.range_end;
  });
  role->second.push_back(asked);
  return changed();
}

Access::Refusal Access::change(const auth::RoleRevokePermission& revoke) {
  const auto role = roles_.find(revoke.role);
  if (role == roles_.end()) return ApiError::kRoleNotFound;
  const auto erased = std::erase_if(role->second, [&](const auth::Permission& one) {
    return one.key == revoke.key && one.range_end == revoke.range_end;
  });
  if (erased == 0) return ApiError::kPermissionNotGranted;
  return changed();
}

// ---- Who may ------------------------------------------------------------------------------------

void Access::add(const apply::RangeRequest& range, Touches& touches) {
  touches.push_back({false, range.key, range.range_end});
}

void Access::add(const apply::PutRequest& put, Touches& touches) {
  touches.push_back({true, put.key, ""});
  if (put.prev_kv) touches.push_back({false, put.key, ""});
}

void Access::add(const apply::DeleteRangeRequest& erase, Touches& touches) {
  touches.push_back({true, erase.key, erase.range_end});
  if (erase.prev_kv) touches.push_back({false, erase.key, erase.range_end});
}

// All that a Txn may do, whichever way it goes.
void Access::add(const apply::TxnRequest& txn, Touches& touches) {
  for (const apply::Compare& compare : txn.compare) {
    touches.push_back({false, compare.key, compare.range_end});
  }
  for (const std::vector<apply::RequestOp>* branch : {&txn.success, &txn.failure}) {
    for (const apply::RequestOp& operation : *branch) {
      std::visit(
          [&](const auto& request) {
            if constexpr (requires { add(request, touches); }) add(request, touches);
          },
          operation.request);
    }
  }
}

bool Access::is_root(const std::string& user) const {
  const auto found = users_.find(user);
  return found != users_.end() && found->second.contains(kRoot);
}

Access::Refusal Access::refuse_root(const auth::Caller& caller) const {
  if (caller.user.empty()) return ApiError::kUserEmpty;
  if (!users_.contains(caller.user)) return ApiError::kUserNotFound;
  if (!is_root(caller.user)) return ApiError::kPermissionDenied;
  return std::nullopt;
}

// From the range's first key on, as far as any permission reaches, again and again.
bool Access::grants(const std::string& user, const Touch& touch) const {
  const auto found = users_.find(user);
  if (found == users_.end()) return false;
  std::string covered = touch.key;
  const bool open = touch.end == kOpen;
  // Of a range without keys the first is asked for all the same.
  const std::string wanted = std::max(end_of(touch.key, touch.end), touch.key + '\0');
  for (bool further = true; further;) {
    if (!open && covered >= wanted) return true;
    further = false;
    for (const std::string& name : found->second) {
      const auto role = roles_.find(name);
      if (role == roles_.end()) continue;
      for (const auth::Permission& one : role->second) {
        if (!has(one, touch.writes) || one.key > covered) continue;
        if (one.range_end == kOpen) return true;
        const std::string reached = end_of(one.key, one.range_end);
        if (reached <= covered) continue;
        covered = reached;
        further = true;
      }
    }
  }
  return false;
}

bool Access::may_read(const std::string& user, const std::string& key) const {
  return !enabled_ || is_root(user) || grants(user, {false, key, ""});
}

Access::Refusal Access::refuse(const auth::Caller& caller, const Operation& operation) const {
  if (!enabled_ || caller.own) return std::nullopt;
  if (std::holds_alternative<apply::CompactionRequest>(operation) ||
      std::holds_alternative<auth::Change>(operation)) {
    return refuse_root(caller);
  }
  if (caller.revision == 0) return ApiError::kUserEmpty;
  Touches touches;
  std::visit(
      [&](const auto& request) {
        if constexpr (requires { add(request, touches); }) add(request, touches);
      },
      operation);
  if (touches.empty()) return std::nullopt;
  if (caller.revision < revision_) return ApiError::kAuthOldRevision;
  if (is_root(caller.user)) return std::nullopt;
  for (const Touch& touch : touches) {
    if (!grants(caller.user, touch)) return ApiError::kPermissionDenied;
  }
  return std::nullopt;
}

}  // namespace detcd::sim
