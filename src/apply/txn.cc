#include "apply/txn.h"

#include <utility>

#include "base/check.h"

namespace detcd::apply {
namespace {

int order(std::int64_t a, std::int64_t b) {
  return a < b ? -1 : (a > b ? 1 : 0);
}

bool accept(std::int32_t result, int ordering) {
  switch (static_cast<CompareResult>(result)) {
    case CompareResult::kEqual:
      return ordering == 0;
    case CompareResult::kNotEqual:
      return ordering != 0;
    case CompareResult::kGreater:
      return ordering > 0;
    case CompareResult::kLess:
      return ordering < 0;
  }
  return true;  // An operator etcd doesn't know holds.
}

bool done(const mvcc::Advance& step) {
  return std::holds_alternative<mvcc::Done>(step);
}

}  // namespace

std::optional<bool> CompareWork::test(const mvcc::Store& store,
                                      const mvcc::Version& version) const {
  const std::int64_t number = compare_->number;
  switch (static_cast<CompareTarget>(compare_->target)) {
    case CompareTarget::kVersion:
      return accept(compare_->result, order(version.version, number));
    case CompareTarget::kCreate:
      return accept(compare_->result, order(version.create_revision, number));
    case CompareTarget::kMod:
      return accept(compare_->result, order(version.main, number));
    case CompareTarget::kValue:
    case CompareTarget::kLease: {
      const std::optional<mvcc::Record> record = store.peek(version);
      if (!record) return std::nullopt;
      const bool by_value = compare_->target == static_cast<std::int32_t>(CompareTarget::kValue);
      const int ordering = by_value ? order(record->value.compare(compare_->value), 0)
                                    : order(record->lease, number);
      return accept(compare_->result, ordering);
    }
  }
  return accept(compare_->result, 0);  // A target etcd doesn't know compares as equal.
}

mvcc::Advance CompareWork::advance(const mvcc::Store& store, mvcc::Meter& meter) {
  while (const std::optional<mvcc::KeyScan::Row> row = scan_.peek(store.index(), meter)) {
    const std::optional<bool> held = test(store, *row->version);
    if (!held) {
      mvcc::Need need = store.need(*row->version);
      scan_.pause();
      return need;
    }
    any_ = true;
    holds_ = *held;
    scan_.pop();
    if (!holds_) return mvcc::Done{};
  }
  scan_.pause();
  if (!scan_.finished()) return mvcc::More{};
  if (any_) return mvcc::Done{};
  // A missing key has no value to compare, whatever the operator; its numbers are zero.
  const auto target = static_cast<CompareTarget>(compare_->target);
  const bool known = compare_->target >= 0 && target <= CompareTarget::kLease;
  holds_ = target != CompareTarget::kValue &&
           accept(compare_->result, known ? order(0, compare_->number) : 0);
  return mvcc::Done{};
}

mvcc::Advance TxnWork::fail(ApiError error) {
  error_ = error;
  phase_ = Phase::kDone;
  return mvcc::Done{};
}

mvcc::Advance TxnWork::advance(const mvcc::Store& store, mvcc::Store* writer, mvcc::Meter& meter) {
  while (phase_ != Phase::kDone) {
    mvcc::Advance step = mvcc::Done{};
    switch (phase_) {
      case Phase::kPlan:
        step = plan(store, meter);
        break;
      case Phase::kCheckPuts:
        step = check_puts(store, meter);
        break;
      case Phase::kCheckRanges:
        step = check_ranges(meter);
        break;
      case Phase::kRun:
        step = run(store, writer, meter);
        break;
      case Phase::kDone:
        break;
    }
    if (!done(step)) return step;
    if (phase_ == Phase::kDone) break;
    phase_ = static_cast<Phase>(static_cast<int>(phase_) + 1);
    step_ = 0;
  }
  return mvcc::Done{};
}

// ---- Which way
// ------------------------------------------------------------------------------------

mvcc::Advance TxnWork::plan(const mvcc::Store& store, mvcc::Meter& meter) {
  while (comparing_ != nullptr || !branches_.empty()) {
    if (comparing_ != nullptr) {
      mvcc::Advance step = decide(store, meter);
      if (!done(step)) return step;
      continue;
    }
    if (!meter.spend()) return mvcc::More{};
    plan_next();
  }
  return mvcc::Done{};
}

mvcc::Advance TxnWork::decide(const mvcc::Store& store, mvcc::Meter& meter) {
  const TxnRequest& txn = *comparing_;
  bool succeeded = true;
  for (; compare_ < txn.compare.size() && succeeded; ++compare_) {
    if (!compare_work_) compare_work_.emplace(txn.compare[compare_], at_.base);
    mvcc::Advance step = compare_work_->advance(store, meter);
    if (!done(step)) return step;
    succeeded = compare_work_->holds();
    compare_work_.reset();
  }
  steps_.emplace_back(Enter{&txn, succeeded});
  branches_.push_back({succeeded ? &txn.success : &txn.failure, 0});
  comparing_ = nullptr;
  compare_ = 0;
  return mvcc::Done{};
}

void TxnWork::plan_next() {
  Branch& branch = branches_.back();
  if (branch.next == branch.ops->size()) {
    steps_.emplace_back(Leave{});
    branches_.pop_back();
    return;
  }
  const RequestOp& op = (*branch.ops)[branch.next++];
  if (const auto* txn = std::get_if<TxnRequest>(&op.request)) {
    comparing_ = txn;
  } else if (const auto* range = std::get_if<RangeRequest>(&op.request)) {
    steps_.emplace_back(range);
  } else if (const auto* put = std::get_if<PutRequest>(&op.request)) {
    steps_.emplace_back(put);
  } else if (const auto* erase = std::get_if<DeleteRangeRequest>(&op.request)) {
    steps_.emplace_back(erase);
  } else {
    steps_.emplace_back(std::monostate{});
  }
}

// ---- Whether at all
// -------------------------------------------------------------------------------

// Puts come before Ranges, as in etcd: of several mistakes the same one is answered.
mvcc::Advance TxnWork::check_puts(const mvcc::Store& store, mvcc::Meter& meter) {
  for (; step_ < steps_.size(); ++step_) {
    if (!meter.spend()) return mvcc::More{};
    if (std::holds_alternative<std::monostate>(steps_[step_])) return fail(ApiError::kKeyNotFound);
    const auto* const put = std::get_if<const PutRequest*>(&steps_[step_]);
    if (put == nullptr) continue;
    const PutRequest& request = **put;
    if ((request.ignore_value || request.ignore_lease) &&
        store.live(request.key, at_.base) == nullptr) {
      return fail(ApiError::kKeyNotFound);
    }
    if (request.lease != 0 && !at_.leases->contains(request.lease)) {
      return fail(ApiError::kLeaseNotFound);
    }
  }
  return mvcc::Done{};
}

mvcc::Advance TxnWork::check_ranges(mvcc::Meter& meter) {
  for (; step_ < steps_.size(); ++step_) {
    if (!meter.spend()) return mvcc::More{};
    const auto* const range = std::get_if<const RangeRequest*>(&steps_[step_]);
    if (range == nullptr) continue;
    const std::optional<ApiError> error =
        check_revision((*range)->revision, at_.base, at_.compacted);
    if (error) return fail(*error);
  }
  return mvcc::Done{};
}

// ---- The ops
// --------------------------------------------------------------------------------------

mvcc::Advance TxnWork::run(const mvcc::Store& store, mvcc::Store* writer, mvcc::Meter& meter) {
  for (; step_ < steps_.size(); ++step_) {
    // A step that goes on has been paid for: its rows need what there is.
    const bool goes_on = range_.has_value() || delete_.has_value();
    if (!goes_on && !meter.spend()) return mvcc::More{};
    mvcc::Advance step = run_step(store, writer, meter);
    if (!done(step)) return step;
  }
  response_.header_revision = present(store);
  return mvcc::Done{};
}

mvcc::Advance TxnWork::run_step(const mvcc::Store& store, mvcc::Store* writer, mvcc::Meter& meter) {
  const Step& step = steps_[step_];
  if (const auto* entered = std::get_if<Enter>(&step)) {
    enter(*entered);
    return mvcc::Done{};
  }
  if (std::holds_alternative<Leave>(step)) {
    open_.pop_back();
    return mvcc::Done{};
  }
  if (const auto* range = std::get_if<const RangeRequest*>(&step)) {
    return run_range(**range, store, meter);
  }
  check(writer != nullptr, "a Txn that writes is applied, not read");
  if (const auto* erase = std::get_if<const DeleteRangeRequest*>(&step)) {
    return run_delete(**erase, *writer, meter);
  }
  const PutRequest& request = **std::get_if<const PutRequest*>(&step);
  PutResponse response;
  std::optional<mvcc::Need> need = run_put({*writer, *at_.leases}, request, response);
  if (need) return *std::move(need);
  meter.charge(5);
  respond(std::move(response));
  return mvcc::Done{};
}

void TxnWork::enter(const Enter& step) {
  if (open_.empty()) {
    open_.push_back(&response_);
  } else {
    respond(TxnResponse{});
    open_.push_back(std::get_if<TxnResponse>(&open_.back()->responses.back().response));
  }
  TxnResponse& response = *open_.back();
  response.succeeded = step.succeeded;
  // The answers of nested Txns are pointed at: the list they are in must not move.
  response.responses.reserve(step.succeeded ? step.txn->success.size() : step.txn->failure.size());
}

mvcc::Advance TxnWork::run_range(const RangeRequest& request, const mvcc::Store& store,
                                 mvcc::Meter& meter) {
  if (!range_) range_.emplace(to_query(request, present(store)));
  mvcc::Advance step = range_->advance(store, meter);
  if (!done(step)) return step;
  respond(to_response(range_->take(), present(store)));
  range_.reset();
  return mvcc::Done{};
}

mvcc::Advance TxnWork::run_delete(const DeleteRangeRequest& request, mvcc::Store& store,
                                  mvcc::Meter& meter) {
  if (!delete_) delete_.emplace(request, store.write_revision());
  mvcc::Advance step = delete_->advance({store, *at_.leases}, meter);
  if (!done(step)) return step;
  respond(delete_->take(store));
  delete_.reset();
  return mvcc::Done{};
}

Answer TxnWork::take() {
  if (error_) return *error_;
  return Response{std::move(response_)};
}

}  // namespace detcd::apply
