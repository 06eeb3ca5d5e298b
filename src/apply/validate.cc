#include "apply/validate.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace detcd::apply {
namespace {

constexpr std::int32_t kSortOrderMax = static_cast<std::int32_t>(SortOrder::kDescend);
constexpr std::int32_t kSortTargetMax = static_cast<std::int32_t>(SortTarget::kValue);
constexpr std::string_view kFromKey("\0", 1);

struct PutKind {
  bool needs_key = false;  // ignore_value or ignore_lease.
};

// Keys covered by deletes: disjoint intervals [first, second), so that asking stays cheap whatever
// a request nests.
class Deleted {
 public:
  void add(const DeleteRangeRequest& erase) {
    if (erase.range_end == kFromKey) {
      if (!from_ || erase.key < *from_) from_ = erase.key;
      return;
    }
    std::string end = erase.range_end.empty() ? erase.key + '\0' : erase.range_end;
    if (erase.key < end) insert(erase.key, std::move(end));
  }
  void add(const Deleted& other) {
    for (const auto& [begin, end] : other.intervals_) insert(begin, end);
    if (other.from_ && (!from_ || *other.from_ < *from_)) from_ = other.from_;
  }
  // etcd's check takes a range_end of "\0" for the string it is, which lies before every key, and
  // so lets a put pass that a delete "from this key on" covers. That put is well defined unless it
  // needs the key that the delete takes away: etcd panics then (ETCD.md §11), we refuse.
  [[nodiscard]] bool conflicts(std::string_view key, const PutKind& put) const {
    if (put.needs_key && from_ && key >= *from_) return true;
    const auto after = intervals_.upper_bound(key);
    return after != intervals_.begin() && key < std::prev(after)->second;
  }

 private:
  void insert(std::string begin, std::string end) {
    auto next = intervals_.upper_bound(begin);
    if (next != intervals_.begin() && std::prev(next)->second >= begin) {
      --next;
      begin = next->first;
    }
    while (next != intervals_.end() && next->first <= end) {
      end = std::max(end, next->second);
      next = intervals_.erase(next);
    }
    intervals_.emplace(std::move(begin), std::move(end));
  }

  std::map<std::string, std::string, std::less<>> intervals_;
  std::optional<std::string> from_;
};

// What the ops of one branch write, nested ones included.
struct Writes {
  std::map<std::string_view, PutKind> puts;
  Deleted deletes;
  [[nodiscard]] bool conflicts(std::string_view key, const PutKind& put) const {
    return puts.contains(key) || deletes.conflicts(key, put);
  }
};

std::optional<ApiError> validate_op(const RequestOp& op, std::uint64_t ops_max);

std::optional<ApiError> validate_ops(const TxnRequest& request, std::uint64_t ops_max) {
  const std::uint64_t ops =
      std::max({request.compare.size(), request.success.size(), request.failure.size()});
  if (ops > ops_max) return ApiError::kTooManyOps;
  for (const Compare& compare : request.compare) {
    if (compare.key.empty()) return ApiError::kEmptyKey;
  }
  for (const std::vector<RequestOp>* branch : {&request.success, &request.failure}) {
    for (const RequestOp& op : *branch) {
      // Depth consumes: a nested Txn may have what this one leaves.
      if (const std::optional<ApiError> error = validate_op(op, ops_max - ops)) return error;
    }
  }
  return std::nullopt;
}

std::optional<ApiError> validate_op(const RequestOp& op, std::uint64_t ops_max) {
  if (const auto* range = std::get_if<RangeRequest>(&op.request)) return validate(*range);
  if (const auto* put = std::get_if<PutRequest>(&op.request)) return validate(*put);
  if (const auto* erase = std::get_if<DeleteRangeRequest>(&op.request)) return validate(*erase);
  if (const auto* txn = std::get_if<TxnRequest>(&op.request)) return validate_ops(*txn, ops_max);
  return ApiError::kKeyNotFound;  // etcd's answer to an op with nothing set.
}

// False when one key is written twice. The order is etcd's: deletes of this level are known before
// the puts of nested Txns, deletes of nested Txns before the puts of this level.
bool collect(const std::vector<RequestOp>& ops, Writes& writes) {
  for (const RequestOp& op : ops) {
    if (const auto* erase = std::get_if<DeleteRangeRequest>(&op.request)) {
      writes.deletes.add(*erase);
    }
  }
  for (const RequestOp& op : ops) {
    const auto* txn = std::get_if<TxnRequest>(&op.request);
    if (txn == nullptr) continue;
    Writes success;
    Writes failure;
    if (!collect(txn->success, success) || !collect(txn->failure, failure)) return false;
    for (const auto& [key, put] : success.puts) {
      if (writes.conflicts(key, put)) return false;
    }
    for (const auto& [key, put] : failure.puts) {
      // The branches of one Txn exclude each other: they may write the same key.
      if (!success.puts.contains(key) && writes.conflicts(key, put)) return false;
    }
    writes.puts.insert(success.puts.begin(), success.puts.end());
    writes.puts.insert(failure.puts.begin(), failure.puts.end());
    writes.deletes.add(success.deletes);
    writes.deletes.add(failure.deletes);
  }
  for (const RequestOp& op : ops) {
    const auto* put = std::get_if<PutRequest>(&op.request);
    if (put == nullptr) continue;
    const PutKind kind{put->ignore_value || put->ignore_lease};
    if (writes.conflicts(put->key, kind)) return false;
    writes.puts.emplace(put->key, kind);
  }
  return true;
}

bool all_ranges(const std::vector<RequestOp>& ops) {
  return std::all_of(ops.begin(), ops.end(), [](const RequestOp& op) {
    return std::holds_alternative<RangeRequest>(op.request);
  });
}

bool all_serializable(const std::vector<RequestOp>& ops) {
  return std::all_of(ops.begin(), ops.end(), [](const RequestOp& op) {
    const auto* range = std::get_if<RangeRequest>(&op.request);
    return range != nullptr && range->serializable;
  });
}

}  // namespace

std::optional<ApiError> validate(const RangeRequest& request) {
  if (request.key.empty()) return ApiError::kEmptyKey;
  if (request.sort_order < 0 || request.sort_order > kSortOrderMax || request.sort_target < 0 ||
      request.sort_target > kSortTargetMax) {
    return ApiError::kInvalidSortOption;
  }
  return std::nullopt;
}

std::optional<ApiError> validate(const PutRequest& request) {
  if (request.key.empty()) return ApiError::kEmptyKey;
  if (request.ignore_value && !request.value.empty()) return ApiError::kValueProvided;
  if (request.ignore_lease && request.lease != 0) return ApiError::kLeaseProvided;
  return std::nullopt;
}

std::optional<ApiError> validate(const DeleteRangeRequest& request) {
  if (request.key.empty()) return ApiError::kEmptyKey;
  return std::nullopt;
}

std::optional<ApiError> validate(const TxnRequest& request, const Limits& limits) {
  if (const std::optional<ApiError> error = validate_ops(request, limits.txn_ops_max)) return error;
  Writes success;
  Writes failure;
  if (!collect(request.success, success) || !collect(request.failure, failure)) {
    return ApiError::kDuplicateKey;
  }
  return std::nullopt;
}

bool is_read_only(const TxnRequest& request) {
  return all_ranges(request.success) && all_ranges(request.failure);
}

bool is_serializable(const TxnRequest& request) {
  return all_serializable(request.success) && all_serializable(request.failure);
}

}  // namespace detcd::apply
