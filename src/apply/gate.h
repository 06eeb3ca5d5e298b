// The one gate of authorization: what a request would touch, flattened, against what its caller was
// granted (ETCD.md §2.9; DESIGN §5). Asked where an entry is applied and where a read begins, in
// the same step and on the same state: nothing can change in between. What isn't allowed by a rule
// here is denied; a new kind of command doesn't compile without one.
#pragma once

#include <optional>

#include "apply/command.h"
#include "auth/store.h"
#include "lease/lessor.h"

namespace detcd::apply {

// All keys of a lease.
struct LeaseTouch {
  const lease::Lessor& leases;
  lease::LeaseId lease = 0;
  auth::Access access = auth::Access::kWrite;
};

[[nodiscard]] ApiError error_of(auth::Refusal refusal);

// Nothing when the caller may. Both branches of a Txn count, whichever will be taken, and all that
// is nested in them. Who attaches a key to a lease, or revokes it, must be allowed to write all its
// keys: they go with it.
[[nodiscard]] std::optional<ApiError> refuse(const auth::Store& store, const lease::Lessor& leases,
                                             const Command& command);
// The part of it that etcd asks for before it proposes, and so before it looks at alarms:
// compaction is root's, and leases are for users.
[[nodiscard]] std::optional<ApiError> refuse_caller(const auth::Store& store,
                                                    const Command& command);
// To keep a lease alive, or (with kRead) to be told its keys.
[[nodiscard]] std::optional<ApiError> refuse(const auth::Store& store, const auth::Caller& caller,
                                             const LeaseTouch& touch);
[[nodiscard]] std::optional<ApiError> refuse(const auth::Store& store, const auth::Caller& caller,
                                             const RangeRequest& request);
[[nodiscard]] std::optional<ApiError> refuse(const auth::Store& store, const auth::Caller& caller,
                                             const TxnRequest& request);

}  // namespace detcd::apply
