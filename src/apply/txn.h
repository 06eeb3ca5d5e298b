// A Txn as resumable work, in etcd's three steps (ETCD.md §2.5): decide every compare on the taken
// path against the state before the Txn; check every op on that path against the same state; run
// the ops in order, each seeing what those before it wrote. A check that fails fails the whole,
// before anything was written.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "apply/command.h"
#include "apply/ops.h"
#include "lease/lessor.h"
#include "mvcc/meter.h"
#include "mvcc/scan.h"
#include "mvcc/store.h"

namespace detcd::apply {

// One compare: every key of its range must hold.
class CompareWork {
 public:
  CompareWork(const Compare& compare, Revision at)
      : compare_(&compare), scan_({compare.key, compare.range_end}, at) {}
  mvcc::Advance advance(const mvcc::Store& store, mvcc::Meter& meter);
  [[nodiscard]] bool holds() const { return holds_; }

 private:
  // None: the record is needed first.
  [[nodiscard]] std::optional<bool> test(const mvcc::Store& store,
                                         const mvcc::Version& version) const;
  const Compare* compare_;
  mvcc::KeyScan scan_;
  bool any_ = false;
  bool holds_ = true;
};

class TxnWork {
 public:
  struct At {
    Revision base = 0;  // The state before the Txn.
    Revision compacted = 0;
    bool writes = false;              // The Txn is an entry being applied; else it only reads.
    lease::Lessor* leases = nullptr;  // When it writes.
  };
  TxnWork(TxnRequest request, const At& at)
      : request_(std::move(request)), at_(at), comparing_(&request_) {}
  TxnWork(const TxnWork&) = delete;
  TxnWork& operator=(const TxnWork&) = delete;

  // `writer` is the store itself when the Txn writes, else null.
  mvcc::Advance advance(const mvcc::Store& store, mvcc::Store* writer, mvcc::Meter& meter);
  // After Done, once.
  Answer take();

 private:
  enum class Phase : std::uint8_t { kPlan, kCheckPuts, kCheckRanges, kRun, kDone };
  // The taken path, flattened.
  struct Enter {
    const TxnRequest* txn = nullptr;
    bool succeeded = false;
  };
  struct Leave {};
  using Step = std::variant<Enter, Leave, const RangeRequest*, const PutRequest*,
                            const DeleteRangeRequest*, std::monostate>;
  struct Branch {
    const std::vector<RequestOp>* ops = nullptr;
    std::size_t next = 0;
  };

  mvcc::Advance plan(const mvcc::Store& store, mvcc::Meter& meter);
  mvcc::Advance decide(const mvcc::Store& store, mvcc::Meter& meter);
  void plan_next();
  mvcc::Advance check_puts(const mvcc::Store& store, mvcc::Meter& meter);
  mvcc::Advance check_ranges(mvcc::Meter& meter);
  mvcc::Advance run(const mvcc::Store& store, mvcc::Store* writer, mvcc::Meter& meter);
  mvcc::Advance run_step(const mvcc::Store& store, mvcc::Store* writer, mvcc::Meter& meter);
  mvcc::Advance run_range(const RangeRequest& request, const mvcc::Store& store,
                          mvcc::Meter& meter);
  mvcc::Advance run_delete(const DeleteRangeRequest& request, mvcc::Store& store,
                           mvcc::Meter& meter);
  void enter(const Enter& step);
  // The revision that ops see as the present, and that their answers' headers say.
  [[nodiscard]] Revision present(const mvcc::Store& store) const {
    return at_.writes ? header_revision(store) : at_.base;
  }
  template <class T>
  void respond(T response) {
    open_.back()->responses.push_back(ResponseOp{std::move(response)});
  }
  mvcc::Advance fail(ApiError error);

  TxnRequest request_;
  At at_;
  Phase phase_ = Phase::kPlan;

  const TxnRequest* comparing_;  // Whose compares are being decided; null between Txns.
  std::size_t compare_ = 0;
  std::optional<CompareWork> compare_work_;
  std::vector<Branch> branches_;  // The branches taken and not yet planned to their end.
  std::vector<Step> steps_;

  std::size_t step_ = 0;
  std::optional<mvcc::RangeRead> range_;
  std::optional<DeleteWork> delete_;
  std::vector<TxnResponse*> open_;  // The answers being filled, outermost first.
  TxnResponse response_;
  std::optional<ApiError> error_;
};

}  // namespace detcd::apply
