#include "apply/gate.h"

#include <string>
#include <string_view>
#include <vector>

namespace detcd::apply {
namespace {

using auth::Access;
using auth::Caller;
using auth::Refusal;

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

std::optional<ApiError> to_error(const std::optional<Refusal>& refusal) {
  if (!refusal) return std::nullopt;
  return error_of(*refusal);
}

// What is read or written, one after another. Points into the request.
struct Touch {
  Access access = Access::kWrite;
  std::string_view key;
  std::string_view range_end;
};

std::optional<Refusal> check_keys(const auth::Store& store, const Caller& caller,
                                  const LeaseTouch& touch) {
  // Root may everything; so may everybody while nobody is asked for.
  if (!store.check_root(caller)) return std::nullopt;
  for (const std::string& key : touch.leases.keys(touch.lease)) {
    const std::optional<Refusal> refused = store.check_access(caller, touch.access, key, {});
    if (refused) return refused;
  }
  return store.check_user(caller);
}

class Flat {
 public:
  // `leases` where a request may attach keys to one.
  explicit Flat(const lease::Lessor* leases) : leases_(leases) {}

  void add(const std::monostate&) {}
  void add(const Compare& compare) { touch(Access::kRead, compare.key, compare.range_end); }
  void add(const RangeRequest& range) { touch(Access::kRead, range.key, range.range_end); }
  void add(const PutRequest& put) {
    touch(Access::kWrite, put.key, {});
    if (put.prev_kv) touch(Access::kRead, put.key, {});
    if (put.lease != 0 && leases_ != nullptr) touched_leases_.push_back(put.lease);
  }
  void add(const DeleteRangeRequest& erase) {
    touch(Access::kWrite, erase.key, erase.range_end);
    if (erase.prev_kv) touch(Access::kRead, erase.key, erase.range_end);
  }
  // Requests are parsed to a bounded depth.
  void add(const TxnRequest& txn) {
    for (const Compare& compare : txn.compare) add(compare);
    for (const std::vector<RequestOp>* branch : {&txn.success, &txn.failure}) {
      for (const RequestOp& op : *branch) {
        std::visit([this](const auto& request) { add(request); }, op.request);
      }
    }
  }

  // Who touches nothing must still be somebody.
  [[nodiscard]] std::optional<Refusal> check(const auth::Store& store, const Caller& caller) const {
    for (const Touch& one : touches_) {
      const std::optional<Refusal> refused =
          store.check_access(caller, one.access, one.key, one.range_end);
      if (refused) return refused;
    }
    for (const lease::LeaseId lease : touched_leases_) {
      const std::optional<Refusal> refused =
          check_keys(store, caller, {*leases_, lease, Access::kWrite});
      if (refused) return refused;
    }
    return store.check_user(caller);
  }

 private:
  void touch(Access access, std::string_view key, std::string_view range_end) {
    touches_.push_back({access, key, range_end});
  }
  const lease::Lessor* leases_;
  std::vector<Touch> touches_;
  std::vector<lease::LeaseId> touched_leases_;
};

template <class Request>
std::optional<ApiError> check_touches(const auth::Store& store, const Caller& caller,
                                      const lease::Lessor* leases, const Request& request) {
  if (!store.enabled()) return std::nullopt;
  Flat flat(leases);
  flat.add(request);
  return to_error(flat.check(store, caller));
}

// Whoever knows a password may ask for a token; all else that Auth changes is root's.
std::optional<Refusal> check_change(const auth::Store& store, const Caller& caller,
                                    const auth::Change& change) {
  if (std::holds_alternative<auth::Authenticate>(change)) return std::nullopt;
  return store.check_root(caller);
}

}  // namespace

ApiError error_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::kRootUserNotExist:
      return ApiError::kRootUserNotExist;
    case Refusal::kRootRoleNotExist:
      return ApiError::kRootRoleNotExist;
    case Refusal::kUserAlreadyExist:
      return ApiError::kUserAlreadyExist;
    case Refusal::kUserEmpty:
      return ApiError::kUserEmpty;
    case Refusal::kUserNotFound:
      return ApiError::kUserNotFound;
    case Refusal::kRoleAlreadyExist:
      return ApiError::kRoleAlreadyExist;
    case Refusal::kRoleNotFound:
      return ApiError::kRoleNotFound;
    case Refusal::kRoleEmpty:
      return ApiError::kRoleEmpty;
    case Refusal::kAuthFailed:
      return ApiError::kAuthFailed;
    case Refusal::kPermissionNotGiven:
      return ApiError::kPermissionNotGiven;
    case Refusal::kPermissionDenied:
      return ApiError::kPermissionDenied;
    case Refusal::kRoleNotGranted:
      return ApiError::kRoleNotGranted;
    case Refusal::kPermissionNotGranted:
      return ApiError::kPermissionNotGranted;
    case Refusal::kNotEnabled:
      return ApiError::kAuthNotEnabled;
    case Refusal::kInvalidManagement:
      return ApiError::kInvalidAuthMgmt;
    case Refusal::kOldRevision:
      return ApiError::kAuthOldRevision;
  }
  return ApiError::kPermissionDenied;
}

std::optional<ApiError> refuse_caller(const auth::Store& store, const Command& command) {
  const auto& request = command.request;
  if (std::holds_alternative<CompactionRequest>(request)) {
    return to_error(store.check_root(command.caller));
  }
  const bool of_leases = std::holds_alternative<LeaseGrantRequest>(request) ||
                         std::holds_alternative<LeaseRevokeRequest>(request);
  return of_leases ? to_error(store.check_user(command.caller)) : std::nullopt;
}

std::optional<ApiError> refuse(const auth::Store& store, const lease::Lessor& leases,
                               const Command& command) {
  const Caller& caller = command.caller;
  return std::visit(
      Overload{
          [&](const PutRequest& put) { return check_touches(store, caller, &leases, put); },
          [&](const DeleteRangeRequest& erase) {
            return check_touches(store, caller, &leases, erase);
          },
          [&](const TxnRequest& txn) { return check_touches(store, caller, &leases, txn); },
          [&](const CompactionRequest&) { return to_error(store.check_root(caller)); },
          [&](const auth::Change& change) { return to_error(check_change(store, caller, change)); },
          [&](const DowngradeRequest&) { return to_error(store.check_root(caller)); },
          [&](const MemberChange&) { return to_error(store.check_root(caller)); },
          // A member's own names its quota, which no client can.
          [&](const AlarmRequest& alarm) -> std::optional<ApiError> {
            if (alarm.quota_bytes != 0) return std::nullopt;
            return to_error(store.check_root(caller));
          },
          [&](const LeaseGrantRequest&) { return to_error(store.check_user(caller)); },
          [&](const LeaseRevokeRequest& revoke) {
            return refuse(store, caller, LeaseTouch{leases, revoke.id, Access::kWrite});
          },
          // Only members propose these; a keep-alive is looked at before it joins its batch.
          [](const LeaseRenewRequest&) -> std::optional<ApiError> { return std::nullopt; },
          [](const LeaseTick&) -> std::optional<ApiError> { return std::nullopt; },
          [](const PublishAttributes&) -> std::optional<ApiError> { return std::nullopt; },
          [](const SetClusterVersion&) -> std::optional<ApiError> { return std::nullopt; },
      },
      command.request);
}

std::optional<ApiError> refuse(const auth::Store& store, const Caller& caller,
                               const LeaseTouch& touch) {
  return to_error(check_keys(store, caller, touch));
}

std::optional<ApiError> refuse(const auth::Store& store, const Caller& caller,
                               const RangeRequest& request) {
  return check_touches(store, caller, nullptr, request);
}

std::optional<ApiError> refuse(const auth::Store& store, const Caller& caller,
                               const TxnRequest& request) {
  return check_touches(store, caller, nullptr, request);
}

}  // namespace detcd::apply
