// The model's leases: all of them are looked at whenever time passes, and all keys when one ends.
#include <algorithm>
#include <utility>
#include <vector>

#include "apply/lease_ops.h"
#include "sim/oracles/model.h"

namespace detcd::sim {

using apply::Answer;
using apply::ApiError;
using apply::Response;

std::uint64_t Model::end(std::int64_t lease) {
  std::vector<std::string> going;
  for (const auto& [key, versions] : keys_) {
    const Version* const version = find(key, revision_);
    if (version != nullptr && version->lease == lease) going.push_back(key);
  }
  Version tombstone;
  tombstone.mod = writing();
  for (const std::string& key : going) {
    if (changes_ != nullptr) {
      const apply::KeyValue gone{.key = Bytes(key), .mod_revision = writing()};
      changes_->push_back({writing(), true, gone, before_all(key)});
    }
    keys_[key].push_back(tombstone);
  }
  if (!going.empty()) revision_ = writing();
  leases_.erase(lease);
  if (leases_.empty()) ticked_term_ = 0;
  return going.size();
}

Answer Model::apply(const apply::LeaseGrantRequest& grant, const Stamp& at) {
  if (grant.ttl > 9'000'000'000) return ApiError::kLeaseTtlTooLarge;
  if (leases_.contains(grant.id)) return ApiError::kLeaseExist;
  if (leases_.empty()) ticked_term_ = at.term;
  leases_[grant.id] = {grant.ttl, at.time_ms + static_cast<std::uint64_t>(grant.ttl) * 1000};
  return Response(apply::LeaseGrantResponse{revision_, grant.id, grant.ttl});
}

Answer Model::apply(const apply::LeaseRevokeRequest& revoke, const Stamp&) {
  if (!leases_.contains(revoke.id)) return ApiError::kLeaseNotFound;
  end(revoke.id);
  return Response(apply::LeaseRevokeResponse{revision_});
}

Answer Model::apply(const apply::LeaseRenewRequest& renew, const Stamp& at) {
  apply::LeaseRenewResponse response;
  for (const std::int64_t id : renew.ids) {
    const auto lease = leases_.find(id);
    response.ttls.push_back(lease == leases_.end() ? 0 : lease->second.ttl);
    if (lease == leases_.end()) continue;
    lease->second.end_ms = at.time_ms + static_cast<std::uint64_t>(lease->second.ttl) * 1000;
  }
  return Response(std::move(response));
}

Answer Model::apply(const apply::LeaseTick& tick, const Stamp& at) {
  apply::LeaseTickResponse response;
  if (tick.term != at.term || leases_.empty()) return Response(response);
  if (ticked_term_ < tick.term) {
    ticked_term_ = tick.term;
    for (auto& [id, lease] : leases_) {
      const std::uint64_t left = lease.end_ms - std::min(lease.end_ms, at.time_ms);
      const std::uint64_t wanted = std::max(left + tick.election_timeout_ms, tick.minimum_ms);
      lease.end_ms = at.time_ms + std::min(static_cast<std::uint64_t>(lease.ttl) * 1000, wanted);
    }
  }
  std::vector<std::pair<std::uint64_t, std::int64_t>> ended;
  for (const auto& [id, lease] : leases_) {
    if (lease.end_ms < at.time_ms) ended.emplace_back(lease.end_ms, id);
  }
  std::ranges::sort(ended);
  std::uint64_t keys = 0;
  for (const auto& [end_ms, id] : ended) {
    if (response.ended == apply::kEndedPerTickMax || keys >= apply::kKeysPerTick) break;
    keys += end(id);
    ++response.ended;
  }
  return Response(response);
}

}  // namespace detcd::sim
