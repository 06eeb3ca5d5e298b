// The naive model's leases: every one is looked at whenever time passes.
#include <algorithm>
#include <tuple>

#include "apply/lease_ops.h"
#include "tests/apply/model.h"

namespace detcd::apply {

std::vector<std::string> Model::keys_of(std::int64_t lease) const {
  std::vector<std::string> keys;
  for (const auto& [key, records] : keys_) {
    const KeyValue* const kv = live(key, revision_ + 1);
    if (kv != nullptr && kv->lease == lease) keys.push_back(key);
  }
  return keys;
}

// What ends is one revision, if there was a key.
void Model::end(std::int64_t lease) {
  for (const std::string& key : keys_of(lease)) erase({.key = key});
  leases_.erase(lease);
  if (leases_.empty()) ticked_term_ = 0;
}

Answer Model::grant(const LeaseGrantRequest& request) {
  if (request.id == 0) return ApiError::kLeaseNotFound;
  if (request.ttl > 9'000'000'000) return ApiError::kLeaseTtlTooLarge;
  if (leases_.contains(request.id)) return ApiError::kLeaseExist;
  if (leases_.empty()) ticked_term_ = position_.term;
  const std::int64_t ttl = std::max<std::int64_t>(request.ttl, 1);
  leases_[request.id] = {ttl, position_.time_ms + static_cast<std::uint64_t>(ttl) * 1000};
  return Response{LeaseGrantResponse{revision_, request.id, ttl}};
}

std::uint64_t Model::tick(const LeaseTick& tick) {
  const std::uint64_t now = position_.time_ms;
  if (tick.term != position_.term) return 0;
  if (!leases_.empty() && ticked_term_ < tick.term) {
    ticked_term_ = tick.term;
    for (auto& [id, lease] : leases_) {
      const std::uint64_t left = lease.end_ms > now ? lease.end_ms - now : 0;
      const std::uint64_t wanted = std::max(left + tick.election_timeout_ms, tick.minimum_ms);
      lease.end_ms = now + std::min(static_cast<std::uint64_t>(lease.ttl) * 1000, wanted);
    }
  }
  std::vector<std::pair<std::uint64_t, std::int64_t>> ended;
  for (const auto& [id, lease] : leases_) {
    if (lease.end_ms < now) ended.emplace_back(lease.end_ms, id);
  }
  std::ranges::sort(ended);
  std::uint64_t keys = 0;
  std::uint64_t count = 0;
  for (const auto& [end_ms, id] : ended) {
    if (count == kEndedPerTickMax || keys >= kKeysPerTick) break;
    keys += keys_of(id).size();
    end(id);
    revision_ = header();
    sub_ = 0;
    ++count;
  }
  return count;
}

Answer Model::apply_lease(const Command& command) {
  if (const auto* asked = std::get_if<LeaseGrantRequest>(&command.request)) return grant(*asked);
  if (const auto* asked = std::get_if<LeaseRevokeRequest>(&command.request)) {
    if (!leases_.contains(asked->id)) return ApiError::kLeaseNotFound;
    end(asked->id);
    return Response{LeaseRevokeResponse{header()}};
  }
  if (const auto* asked = std::get_if<LeaseRenewRequest>(&command.request)) {
    LeaseRenewResponse response;
    for (const std::int64_t id : asked->ids) {
      const auto lease = leases_.find(id);
      response.ttls.push_back(lease == leases_.end() ? 0 : lease->second.ttl);
      if (lease == leases_.end()) continue;
      lease->second.end_ms =
          position_.time_ms + static_cast<std::uint64_t>(lease->second.ttl) * 1000;
    }
    return Response{response};
  }
  if (const auto* asked = std::get_if<LeaseTick>(&command.request)) {
    return Response{LeaseTickResponse{tick(*asked)}};
  }
  return ApiError::kEmptyKey;
}

}  // namespace detcd::apply
