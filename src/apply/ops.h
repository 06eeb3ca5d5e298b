// The operations a request is made of, on the store: what a Range asks of mvcc, Put, and
// DeleteRange as resumable work. They run inside the store's write transaction and see what it has
// written.
#pragma once

#include <optional>

#include "apply/command.h"
#include "lease/lessor.h"
#include "mvcc/meter.h"
#include "mvcc/range.h"
#include "mvcc/scan.h"
#include "mvcc/store.h"

namespace detcd::apply {

inline constexpr std::uint64_t kDeleteUnits = 12;  // Appending a tombstone and two releases.

// Whether a revision may be read, as etcd checks it inside a Txn: 0 is the present; a negative one
// is compared as it is (ETCD.md §2.5).
[[nodiscard]] std::optional<ApiError> check_revision(Revision asked, Revision current,
                                                     Revision compacted);
// `request` was validated; `present` is the revision that "current" means.
[[nodiscard]] mvcc::RangeQuery to_query(const RangeRequest& request, Revision present);
[[nodiscard]] RangeResponse to_response(mvcc::RangeResult result, Revision header);

// What the header of an op inside a Txn says: the new revision once something was written.
[[nodiscard]] Revision header_revision(const mvcc::Store& store);

// What a write works on: the keys, and the leases they belong to.
struct Target {
  mvcc::Store& store;
  lease::Lessor& leases;
};

// Puts and fills the answer, or says what it needs first. A key that ignore_value or ignore_lease
// asks for and that isn't there counts as one with an empty value: callers have checked.
[[nodiscard]] std::optional<mvcc::Need> run_put(const Target& target, const PutRequest& request,
                                                PutResponse& response);

class DeleteWork {
 public:
  DeleteWork(const DeleteRangeRequest& request, Revision view)
      : prev_kv_(request.prev_kv), scan_({request.key, request.range_end}, view) {}
  mvcc::Advance advance(const Target& target, mvcc::Meter& meter);
  // After Done, once.
  DeleteRangeResponse take(const mvcc::Store& store);

 private:
  // Moves the rows into the answer; true when that is done.
  bool collect(mvcc::Meter& meter);

  bool prev_kv_;
  bool collected_ = false;
  mvcc::KeyScan scan_;
  mvcc::Rows rows_;
  DeleteRangeResponse response_;
};

}  // namespace detcd::apply
