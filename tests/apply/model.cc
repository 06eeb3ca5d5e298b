#include "tests/apply/model.h"

#include <algorithm>

#include "base/crc32c.h"
#include "mvcc/hash.h"

namespace detcd::apply {

const Model::Record* Model::newest(const Records& records, Revision at) {
  const Record* found = nullptr;
  for (const Record& record : records) {
    if (record.place.main <= at) found = &record;
  }
  return found;
}

const KeyValue* Model::live(const std::string& key, Revision at) const {
  const auto records = keys_.find(key);
  if (records == keys_.end()) return nullptr;
  const Record* const record = newest(records->second, at);
  return record == nullptr || record->tombstone ? nullptr : &record->kv;
}

std::vector<KeyValue> Model::select(const std::string& key, const std::string& end,
                                    Revision at) const {
  std::vector<KeyValue> rows;
  for (const auto& [name, records] : keys_) {
    const bool inside = end.empty()                   ? name == key
                        : end == std::string(1, '\0') ? name >= key
                                                      : name >= key && name < end;
    const KeyValue* const kv = inside ? live(name, at) : nullptr;
    if (kv != nullptr) rows.push_back(*kv);
  }
  return rows;
}

RangeResponse Model::read(const RangeRequest& request, Revision present) const {
  RangeResponse response;
  std::vector<KeyValue> rows =
      select(request.key, request.range_end, request.revision <= 0 ? present : request.revision);
  response.count = static_cast<std::int64_t>(rows.size());
  if (request.count_only) return response;
  const bool filters = request.min_mod_revision != 0 || request.max_mod_revision != 0 ||
                       request.min_create_revision != 0 || request.max_create_revision != 0;
  const bool by_default =
      request.sort_order == 0 || (request.sort_order == 1 && request.sort_target == 0);
  const auto limit = static_cast<std::size_t>(std::max<std::int64_t>(0, request.limit));
  if (by_default && !filters && limit > 0 && rows.size() > limit + 1) rows.resize(limit + 1);
  std::erase_if(rows, [&](const KeyValue& kv) {
    return (request.max_mod_revision != 0 && kv.mod_revision > request.max_mod_revision) ||
           (request.min_mod_revision != 0 && kv.mod_revision < request.min_mod_revision) ||
           (request.max_create_revision != 0 && kv.create_revision > request.max_create_revision) ||
           (request.min_create_revision != 0 && kv.create_revision < request.min_create_revision);
  });
  const auto less = [&](const KeyValue& a, const KeyValue& b) {
    switch (static_cast<SortTarget>(request.sort_target)) {
      case SortTarget::kKey:
        return a.key < b.key;
      case SortTarget::kVersion:
        return a.version < b.version;
      case SortTarget::kCreate:
        return a.create_revision < b.create_revision;
      case SortTarget::kMod:
        return a.mod_revision < b.mod_revision;
      case SortTarget::kValue:
        return a.value < b.value;
    }
    return false;
  };
  const bool descending = request.sort_order == 2;
  // Sorting by insertion is stable and plain.
  for (std::size_t i = 1; i < rows.size(); ++i) {
    for (std::size_t k = i; k > 0; --k) {
      const bool swap = descending ? less(rows[k - 1], rows[k]) : less(rows[k], rows[k - 1]);
      if (swap) std::swap(rows[k - 1], rows[k]);
    }
  }
  if (limit > 0 && rows.size() > limit) {
    rows.resize(limit);
    response.more = true;
  }
  if (request.keys_only) {
    for (KeyValue& kv : rows) {
      kv.value = Bytes();
      if (request.sort_target != 4) kv.lease = 0;
    }
  }
  response.kvs = std::move(rows);
  return response;
}

Answer Model::range(const RangeRequest& request) const {
  if (request.revision > revision_) return ApiError::kFutureRev;
  if (request.revision > 0 && request.revision < compacted_) return ApiError::kCompacted;
  RangeResponse response = read(request, revision_);
  response.header_revision = revision_;
  return Response{std::move(response)};
}

bool Model::holds(const Compare& compare) const {
  const auto accept = [&](int order) {
    switch (compare.result) {
      case 0:
        return order == 0;
      case 1:
        return order > 0;
      case 2:
        return order < 0;
      case 3:
        return order != 0;
      default:
        return true;
    }
  };
  const auto number = [&](std::int64_t value) {
    return accept(value < compare.number ? -1 : value > compare.number ? 1 : 0);
  };
  const auto test = [&](const KeyValue& kv) {
    switch (compare.target) {
      case 0:
        return number(kv.version);
      case 1:
        return number(kv.create_revision);
      case 2:
        return number(kv.mod_revision);
      case 3:
        return accept(kv.value.view().compare(compare.value));
      case 4:
        return number(kv.lease);
      default:
        return accept(0);
    }
  };
  const std::vector<KeyValue> rows = select(compare.key, compare.range_end, revision_);
  if (rows.empty()) return compare.target != 3 && test(KeyValue{});
  return std::all_of(rows.begin(), rows.end(), test);
}

bool Model::taken(const TxnRequest& request) const {
  return std::all_of(request.compare.begin(), request.compare.end(),
                     [&](const Compare& compare) { return holds(compare); });
}

void Model::decide(const TxnRequest& request, std::vector<bool>& path) const {
  const bool succeeded = taken(request);
  path.push_back(succeeded);
  for (const RequestOp& op : succeeded ? request.success : request.failure) {
    if (const auto* txn = std::get_if<TxnRequest>(&op.request)) decide(*txn, path);
  }
}

std::optional<ApiError> Model::check_puts(const TxnRequest& request) const {
  for (const RequestOp& op : taken(request) ? request.success : request.failure) {
    if (const auto* put = std::get_if<PutRequest>(&op.request)) {
      if ((put->ignore_value || put->ignore_lease) && live(put->key, revision_) == nullptr) {
        return ApiError::kKeyNotFound;
      }
      if (put->lease != 0 && !leases_.contains(put->lease)) return ApiError::kLeaseNotFound;
    } else if (const auto* txn = std::get_if<TxnRequest>(&op.request)) {
      if (const auto error = check_puts(*txn)) return error;
    }
  }
  return std::nullopt;
}

std::optional<ApiError> Model::check_ranges(const TxnRequest& request) const {
  for (const RequestOp& op : taken(request) ? request.success : request.failure) {
    if (const auto* range = std::get_if<RangeRequest>(&op.request)) {
      if (range->revision > revision_) return ApiError::kFutureRev;
      if (range->revision != 0 && range->revision < compacted_) return ApiError::kCompacted;
    } else if (const auto* txn = std::get_if<TxnRequest>(&op.request)) {
      if (const auto error = check_ranges(*txn)) return error;
    }
  }
  return std::nullopt;
}

TxnResponse Model::run(const TxnRequest& request, std::vector<bool>& path) {
  TxnResponse response{.succeeded = path.front()};
  path.erase(path.begin());
  for (const RequestOp& op : response.succeeded ? request.success : request.failure) {
    if (const auto* range = std::get_if<RangeRequest>(&op.request)) {
      RangeResponse got = read(*range, header());
      got.header_revision = header();
      response.responses.push_back({std::move(got)});
    } else if (const auto* put = std::get_if<PutRequest>(&op.request)) {
      response.responses.push_back({this->put(*put)});
    } else if (const auto* erase = std::get_if<DeleteRangeRequest>(&op.request)) {
      response.responses.push_back({this->erase(*erase)});
    } else {
      response.responses.push_back({run(*std::get_if<TxnRequest>(&op.request), path)});
    }
  }
  return response;
}

Answer Model::txn(const TxnRequest& request) {
  if (const auto error = check_puts(request)) return *error;
  if (const auto error = check_ranges(request)) return *error;
  std::vector<bool> path;
  decide(request, path);
  TxnResponse response = run(request, path);
  response.header_revision = header();
  return Response{std::move(response)};
}

Answer Model::txn_read(const TxnRequest& request) const {
  return Model(*this).txn(request);
}

PutResponse Model::put(const PutRequest& request) {
  const KeyValue* const former = live(request.key, revision_ + 1);
  const Revision main = revision_ + 1;
  KeyValue kv{.key = Bytes(std::string_view(request.key)),
              .value = Bytes(std::string_view(request.value)),
              .create_revision = former != nullptr ? former->create_revision : main,
              .mod_revision = main,
              .version = former != nullptr ? former->version + 1 : 1,
              .lease = request.lease};
  PutResponse response{.header_revision = main};
  if (former != nullptr) {
    if (request.ignore_value) kv.value = former->value;
    if (request.ignore_lease) kv.lease = former->lease;
    if (request.prev_kv) response.prev_kv = *former;
  }
  keys_[request.key].push_back({{main, sub_++}, false, kv});
  return response;
}

DeleteRangeResponse Model::erase(const DeleteRangeRequest& request) {
  DeleteRangeResponse response;
  for (KeyValue& kv : select(request.key, request.range_end, revision_ + 1)) {
    keys_[kv.key.str()].push_back({{revision_ + 1, sub_++}, true, {.key = kv.key}});
    ++response.deleted;
    if (request.prev_kv) response.prev_kvs.push_back(std::move(kv));
  }
  response.header_revision = header();
  return response;
}

void Model::compact(Revision revision) {
  // As etcd does it on the way: everything from the compaction before on.
  if (compactions_.size() == 10) compactions_.pop_front();
  compactions_.push_back({hash_records(revision, true), compacted_, revision});
  compacted_ = revision;
  for (auto& [key, records] : keys_) {
    const Record* const last = newest(records, revision);
    const mvcc::Place keep = last == nullptr ? mvcc::Place{} : last->place;
    std::erase_if(records, [&](const Record& record) {
      if (record.place.main > revision) return false;
      if (record.tombstone) return record.place.main < revision;
      return record.place != keep;
    });
  }
  std::erase_if(keys_, [](const auto& key) { return key.second.empty(); });
}

Answer Model::apply(const Position& position, const Command& command) {
  Answer answer = ApiError::kEmptyKey;
  sub_ = 0;
  position_ = position;
  if (const auto* put = std::get_if<PutRequest>(&command.request)) {
    if (put->lease != 0 && !leases_.contains(put->lease)) return ApiError::kLeaseNotFound;
    if ((put->ignore_value || put->ignore_lease) && live(put->key, revision_) == nullptr) {
      return ApiError::kKeyNotFound;
    }
    answer = Response{this->put(*put)};
  } else if (const auto* erase = std::get_if<DeleteRangeRequest>(&command.request)) {
    answer = Response{this->erase(*erase)};
  } else if (const auto* txn = std::get_if<TxnRequest>(&command.request)) {
    answer = this->txn(*txn);
  } else if (const auto* compaction = std::get_if<CompactionRequest>(&command.request)) {
    if (compaction->revision <= compacted_) return ApiError::kCompacted;
    if (compaction->revision > revision_) return ApiError::kFutureRev;
    compact(compaction->revision);
    answer = Response{CompactionResponse{revision_}};
  } else {
    answer = apply_lease(command);
  }
  revision_ = header();
  sub_ = 0;
  return answer;
}

std::variant<HashKvAnswer, ApiError> Model::hash(Revision revision) const {
  for (const HashKvAnswer& compaction : compactions_) {
    if (compaction.hash_revision == revision) return compaction;
  }
  if (revision > revision_) return ApiError::kFutureRev;
  if (revision > 0 && revision < compacted_) return ApiError::kCompacted;
  const Revision at = revision == 0 ? revision_ : revision;
  const bool any_kept =
      std::ranges::any_of(keys_, [&](const auto& key) { return live(key.first, at) != nullptr; });
  return HashKvAnswer{hash_records(at, any_kept), compacted_, at};
}

std::uint32_t Model::hash_records(Revision at, bool any_kept) const {
  std::map<mvcc::Place, const Record*> all;
  for (const auto& [key, records] : keys_) {
    for (const Record& record : records) all[record.place] = &record;
  }
  std::uint32_t crc = crc32c("key");
  for (const auto& [place, record] : all) {
    if (place.main > at) continue;
    const std::string key = record->kv.key.str();
    if (place.main <= compacted_ && any_kept) {
      const Record* const last = newest(keys_.at(key), at);
      if (last->place != place || last->tombstone) continue;
    }
    if (place.main == compacted_ && record->tombstone) continue;
    const mvcc::Record encoded{.place = place,
                               .tombstone = record->tombstone,
                               .create_revision = record->kv.create_revision,
                               .version = record->kv.version,
                               .lease = record->kv.lease,
                               .key = record->kv.key.view(),
                               .value = record->kv.value.view()};
    crc = crc32c(mvcc::backend_value(encoded), crc32c(mvcc::backend_key(encoded), crc));
  }
  return crc;
}

std::uint64_t Model::bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [key, records] : keys_) {
    for (const Record& record : records) {
      bytes += mvcc::kRecordHeaderBytes + key.size() + record.kv.value.size();
    }
  }
  return bytes;
}

}  // namespace detcd::apply
