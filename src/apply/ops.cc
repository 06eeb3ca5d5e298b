#include "apply/ops.h"

#include <utility>

namespace detcd::apply {

std::optional<ApiError> check_revision(Revision asked, Revision current, Revision compacted) {
  if (asked == 0) return std::nullopt;
  if (asked > current) return ApiError::kFutureRev;
  if (asked < compacted) return ApiError::kCompacted;
  return std::nullopt;
}

mvcc::RangeQuery to_query(const RangeRequest& request, Revision present) {
  return {.range = {request.key, request.range_end},
          .at = request.revision <= 0 ? present : request.revision,
          .limit = request.limit,
          .keys_only = request.keys_only,
          .count_only = request.count_only,
          .order = static_cast<mvcc::RangeOrder>(request.sort_order),
          .target = static_cast<mvcc::RangeTarget>(request.sort_target),
          .min_mod = request.min_mod_revision,
          .max_mod = request.max_mod_revision,
          .min_create = request.min_create_revision,
          .max_create = request.max_create_revision};
}

RangeResponse to_response(mvcc::RangeResult result, Revision header) {
  return {.header_revision = header,
          .kvs = std::move(result.rows),
          .more = result.more,
          .count = result.count};
}

Revision header_revision(const mvcc::Store& store) {
  return store.wrote() ? store.write_revision() : store.revision();
}

std::optional<mvcc::Need> run_put(const Target& target, const PutRequest& request,
                                  PutResponse& response) {
  mvcc::Store& store = target.store;
  mvcc::Store::Put put{.key = request.key, .value = request.value, .lease = request.lease};
  std::optional<KeyValue> former;
  if (request.prev_kv || request.ignore_value || request.ignore_lease) {
    const mvcc::Version* const live = store.live(request.key, store.write_revision());
    if (live != nullptr) {
      former = store.read(*live);
      if (!former) return store.need(*live);
      if (request.ignore_value) put.value = former->value.view();
      if (request.ignore_lease) put.lease = former->lease;
    }
  }
  store.put(put);
  // What ignore_lease keeps may be the name of a lease that came with imported data, and is none.
  target.leases.attach(put.key, target.leases.contains(put.lease) ? put.lease : 0);
  response.header_revision = store.write_revision();
  if (request.prev_kv) response.prev_kv = std::move(former);
  return std::nullopt;
}

mvcc::Advance DeleteWork::advance(const Target& target, mvcc::Meter& meter) {
  mvcc::Store& store = target.store;
  std::optional<mvcc::Need> need;
  while (const std::optional<mvcc::KeyScan::Row> row = scan_.peek(store.index(), meter)) {
    if (prev_kv_) {
      std::optional<KeyValue> former = store.read(*row->version);
      if (!former) {
        need = store.need(*row->version);
        break;
      }
      rows_.push(std::move(*former));
    }
    store.erase(*row->entry);
    target.leases.detach(row->entry->key);
    meter.charge(kDeleteUnits);
    ++response_.deleted;
    scan_.pop();
  }
  scan_.pause();
  if (need) return *std::move(need);
  if (!scan_.finished()) return mvcc::More{};
  return collect(meter) ? mvcc::Advance(mvcc::Done{}) : mvcc::Advance(mvcc::More{});
}

bool DeleteWork::collect(mvcc::Meter& meter) {
  if (collected_) return rows_.release(meter);
  if (rows_.single()) {
    response_.prev_kvs = rows_.take_single();
  } else {
    response_.prev_kvs.reserve(rows_.size());
    while (response_.prev_kvs.size() < rows_.size()) {
      if (!meter.spend()) return false;
      response_.prev_kvs.push_back(std::move(rows_.at(response_.prev_kvs.size())));
    }
  }
  collected_ = true;
  return rows_.release(meter);
}

DeleteRangeResponse DeleteWork::take(const mvcc::Store& store) {
  response_.header_revision = header_revision(store);
  return std::move(response_);
}

}  // namespace detcd::apply
