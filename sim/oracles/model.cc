#include "sim/oracles/model.h"

#include <algorithm>
#include <utility>

namespace detcd::sim {

using apply::Answer;
using apply::ApiError;
using apply::KeyValue;
using apply::Response;
using apply::Revision;

const Model::Version* Model::find(const std::string& key, Revision at) const {
  const auto versions = keys_.find(key);
  if (versions == keys_.end()) return nullptr;
  for (auto version = versions->second.rbegin(); version != versions->second.rend(); ++version) {
    if (version->mod <= at) return version->version != 0 ? &*version : nullptr;
  }
  return nullptr;
}

std::vector<KeyValue> Model::live(const std::string& key, const std::string& end,
                                  Revision at) const {
  std::vector<KeyValue> found;
  const std::string everything("\0", 1);
  for (auto from = keys_.lower_bound(key); from != keys_.end(); ++from) {
    const std::string& name = from->first;
    const bool inside = end.empty() ? name == key : end == everything || name < end;
    if (!inside) break;
    const Version* version = find(name, at);
    if (version == nullptr) continue;
    found.push_back({Bytes(name), Bytes(version->value), version->create, version->mod,
                     version->version, version->lease});
  }
  return found;
}

namespace {

bool passes(const apply::RangeRequest& range, const KeyValue& kv) {
  if (range.max_mod_revision != 0 && kv.mod_revision > range.max_mod_revision) return false;
  if (range.min_mod_revision != 0 && kv.mod_revision < range.min_mod_revision) return false;
  if (range.max_create_revision != 0 && kv.create_revision > range.max_create_revision)
    return false;
  return range.min_create_revision == 0 || kv.create_revision >= range.min_create_revision;
}

bool is_less(apply::SortTarget target, const KeyValue& a, const KeyValue& b) {
  switch (target) {
    case apply::SortTarget::kKey:
      return a.key < b.key;
    case apply::SortTarget::kVersion:
      return a.version < b.version;
    case apply::SortTarget::kCreate:
      return a.create_revision < b.create_revision;
    case apply::SortTarget::kMod:
      return a.mod_revision < b.mod_revision;
    case apply::SortTarget::kValue:
      return a.value < b.value;
  }
  return false;
}

}  // namespace

apply::RangeResponse Model::range_at(const apply::RangeRequest& range) const {
  const Revision now = wrote_ ? writing() : revision_;
  std::vector<KeyValue> kvs =
      live(range.key, range.range_end, range.revision > 0 ? range.revision : now);
  apply::RangeResponse response;
  response.header_revision = now;
  response.count = static_cast<std::int64_t>(kvs.size());
  if (range.count_only) return response;
  const auto order = static_cast<apply::SortOrder>(range.sort_order);
  const auto target = static_cast<apply::SortTarget>(range.sort_target);
  const bool filtered = range.min_mod_revision != 0 || range.max_mod_revision != 0 ||
                        range.min_create_revision != 0 || range.max_create_revision != 0;
  const bool by_key = order == apply::SortOrder::kNone ||
                      (order == apply::SortOrder::kAscend && target == apply::SortTarget::kKey);
  // etcd limits what it reads before it sorts, unless it must see everything to sort or to filter.
  const auto limit = static_cast<std::size_t>(std::max<std::int64_t>(range.limit, 0));
  if (by_key && !filtered && limit > 0 && kvs.size() > limit + 1) kvs.resize(limit + 1);
  std::erase_if(kvs, [&](const KeyValue& kv) { return !passes(range, kv); });
  if (order == apply::SortOrder::kDescend) {
    std::stable_sort(kvs.begin(), kvs.end(),
                     [&](const KeyValue& a, const KeyValue& b) { return is_less(target, b, a); });
  } else {
    std::stable_sort(kvs.begin(), kvs.end(),
                     [&](const KeyValue& a, const KeyValue& b) { return is_less(target, a, b); });
  }
  if (limit > 0 && kvs.size() > limit) {
    kvs.resize(limit);
    response.more = true;
  }
  if (range.keys_only) {
    for (KeyValue& kv : kvs) {
      kv.value = Bytes();
      // Since 3.7 such rows come from the index, which knows no lease (ETCD.md §2.2).
      if (target != apply::SortTarget::kValue) kv.lease = 0;
    }
  }
  response.kvs = std::move(kvs);
  return response;
}

Answer Model::read(const apply::RangeRequest& range) const {
  if (range.revision > revision_) return ApiError::kFutureRev;
  if (range.revision > 0 && range.revision < compacted_) return ApiError::kCompacted;
  return Response(range_at(range));
}

std::optional<KeyValue> Model::before_all(const std::string& key) const {
  const Version* version = find(key, revision_);
  if (version == nullptr) return std::nullopt;
  return KeyValue{Bytes(key),   Bytes(version->value), version->create,
                  version->mod, version->version,      version->lease};
}

apply::PutResponse Model::put_now(const apply::PutRequest& put) {
  apply::PutResponse response;
  response.header_revision = writing();
  const Version* former = find(put.key, writing());
  if (put.prev_kv && former != nullptr) {
    response.prev_kv = KeyValue{Bytes(put.key), Bytes(former->value), former->create,
                                former->mod,    former->version,      former->lease};
  }
  Version next;
  next.mod = writing();
  next.create = former != nullptr ? former->create : writing();
  next.version = former != nullptr ? former->version + 1 : 1;
  next.value = put.ignore_value && former != nullptr ? former->value : put.value;
  next.lease = put.ignore_lease && former != nullptr ? former->lease : put.lease;
  if (changes_ != nullptr) {
    const KeyValue kv{Bytes(put.key), Bytes(next.value), next.create,
                      next.mod,       next.version,      next.lease};
    changes_->push_back({writing(), false, kv, before_all(put.key)});
  }
  keys_[put.key].push_back(std::move(next));
  wrote_ = true;
  return response;
}

apply::DeleteRangeResponse Model::erase_now(const apply::DeleteRangeRequest& erase) {
  apply::DeleteRangeResponse response;
  std::vector<KeyValue> found = live(erase.key, erase.range_end, writing());
  Version tombstone;
  tombstone.mod = writing();
  for (const KeyValue& kv : found) {
    if (changes_ != nullptr) {
      const KeyValue gone{.key = kv.key, .mod_revision = writing()};
      changes_->push_back({writing(), true, gone, before_all(kv.key.str())});
    }
    keys_[kv.key.str()].push_back(tombstone);
  }
  wrote_ = wrote_ || !found.empty();
  response.deleted = static_cast<std::int64_t>(found.size());
  response.header_revision = wrote_ ? writing() : revision_;
  if (erase.prev_kv) response.prev_kvs = std::move(found);
  return response;
}

Answer Model::apply(const apply::PutRequest& put) {
  if (put.lease != 0 && !leases_.contains(put.lease)) return ApiError::kLeaseNotFound;
  const bool must_exist = put.ignore_value || put.ignore_lease;
  if (must_exist && find(put.key, revision_) == nullptr) return ApiError::kKeyNotFound;
  apply::PutResponse response = put_now(put);
  revision_ = writing();
  wrote_ = false;
  return Response(std::move(response));
}

Answer Model::apply(const apply::DeleteRangeRequest& erase) {
  apply::DeleteRangeResponse response = erase_now(erase);
  if (wrote_) revision_ = writing();
  wrote_ = false;
  return Response(std::move(response));
}

Answer Model::apply(const apply::CompactionRequest& compact) {
  if (compact.revision <= compacted_) return ApiError::kCompacted;
  if (compact.revision > revision_) return ApiError::kFutureRev;
  compacted_ = compact.revision;
  return Response(apply::CompactionResponse{revision_});
}

bool Model::holds_for(const apply::Compare& compare, const KeyValue* kv) const {
  const auto target = static_cast<apply::CompareTarget>(compare.target);
  if (target == apply::CompareTarget::kValue && kv == nullptr) return false;
  const auto compared = [&]() -> std::strong_ordering {
    const KeyValue none;
    const KeyValue& known = kv != nullptr ? *kv : none;
    switch (target) {
      case apply::CompareTarget::kVersion:
        return known.version <=> compare.number;
      case apply::CompareTarget::kCreate:
        return known.create_revision <=> compare.number;
      case apply::CompareTarget::kMod:
        return known.mod_revision <=> compare.number;
      case apply::CompareTarget::kLease:
        return known.lease <=> compare.number;
      case apply::CompareTarget::kValue:
        return known.value.view() <=> std::string_view(compare.value);
    }
    return std::strong_ordering::equal;
  }();
  switch (static_cast<apply::CompareResult>(compare.result)) {
    case apply::CompareResult::kEqual:
      return compared == 0;
    case apply::CompareResult::kGreater:
      return compared > 0;
    case apply::CompareResult::kLess:
      return compared < 0;
    case apply::CompareResult::kNotEqual:
      return compared != 0;
  }
  return true;
}

bool Model::holds(const apply::Compare& compare) const {
  const std::vector<KeyValue> kvs = live(compare.key, compare.range_end, revision_);
  if (kvs.empty()) return holds_for(compare, nullptr);
  return std::ranges::all_of(kvs, [&](const KeyValue& kv) { return holds_for(compare, &kv); });
}

// Nested compares see the state before the whole transaction (ETCD.md §2.5).
void Model::decide(const apply::TxnRequest& txn, Decisions& decisions) const {
  const bool succeeded = std::ranges::all_of(
      txn.compare, [&](const apply::Compare& compare) { return holds(compare); });
  decisions.push_back(succeeded);
  for (const apply::RequestOp& operation : succeeded ? txn.success : txn.failure) {
    if (const auto* nested = std::get_if<apply::TxnRequest>(&operation.request)) {
      decide(*nested, decisions);
    }
  }
}

std::optional<ApiError> Model::refuse(const apply::RequestOp& operation, Check what,
                                      const Decisions& decisions, std::size_t& next) const {
  const auto* range = std::get_if<apply::RangeRequest>(&operation.request);
  if (range != nullptr && what == Check::kRanges) {
    if (range->revision == 0) return std::nullopt;
    if (range->revision > revision_) return ApiError::kFutureRev;
    if (range->revision < compacted_) return ApiError::kCompacted;
  }
  const auto* put = std::get_if<apply::PutRequest>(&operation.request);
  if (put != nullptr && what == Check::kPuts) {
    const bool must_exist = put->ignore_value || put->ignore_lease;
    if (must_exist && find(put->key, revision_) == nullptr) return ApiError::kKeyNotFound;
    if (put->lease != 0 && !leases_.contains(put->lease)) return ApiError::kLeaseNotFound;
  }
  if (const auto* nested = std::get_if<apply::TxnRequest>(&operation.request)) {
    return refuse(*nested, what, decisions, next);
  }
  return std::nullopt;
}

std::optional<ApiError> Model::refuse(const apply::TxnRequest& txn, Check what,
                                      const Decisions& decisions, std::size_t& next) const {
  const bool succeeded = decisions[next++];
  for (const apply::RequestOp& operation : succeeded ? txn.success : txn.failure) {
    const std::optional<ApiError> refused = refuse(operation, what, decisions, next);
    if (refused) return refused;
  }
  return std::nullopt;
}

apply::ResponseOp Model::run(const apply::RequestOp& operation, const Decisions& decisions,
                             std::size_t& next) {
  if (const auto* range = std::get_if<apply::RangeRequest>(&operation.request)) {
    return {range_at(*range)};
  }
  if (const auto* put = std::get_if<apply::PutRequest>(&operation.request)) return {put_now(*put)};
  if (const auto* erase = std::get_if<apply::DeleteRangeRequest>(&operation.request)) {
    return {erase_now(*erase)};
  }
  apply::TxnResponse nested = run(std::get<apply::TxnRequest>(operation.request), decisions, next);
  nested.header_revision = 0;
  return {std::move(nested)};
}

apply::TxnResponse Model::run(const apply::TxnRequest& txn, const Decisions& decisions,
                              std::size_t& next) {
  apply::TxnResponse response;
  response.succeeded = decisions[next++];
  for (const apply::RequestOp& operation : response.succeeded ? txn.success : txn.failure) {
    response.responses.push_back(run(operation, decisions, next));
  }
  return response;
}

Answer Model::apply(const apply::TxnRequest& txn) {
  Decisions decisions;
  decide(txn, decisions);
  std::size_t next = 0;
  // All puts are looked at before the first range (ETCD.md §2.5).
  for (const Check what : {Check::kPuts, Check::kRanges}) {
    next = 0;
    if (const std::optional<ApiError> refused = refuse(txn, what, decisions, next)) return *refused;
  }
  next = 0;
  apply::TxnResponse response = run(txn, decisions, next);
  if (wrote_) revision_ = writing();
  wrote_ = false;
  response.header_revision = revision_;
  return Response(std::move(response));
}

void Model::rewind(Revision revision, Revision compacted) {
  for (auto& [key, versions] : keys_) {
    while (!versions.empty() && versions.back().mod > revision) versions.pop_back();
  }
  revision_ = revision;
  compacted_ = compacted;
}

Answer Model::read(const apply::TxnRequest& txn) const {
  Model copy;
  // A read-only Txn writes nothing: running it on the same state is reading.
  copy.keys_ = keys_;
  copy.revision_ = revision_;
  copy.compacted_ = compacted_;
  return copy.apply(txn);
}

}  // namespace detcd::sim
