#include "apply/lease_ops.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "apply/state.h"
#include "base/check.h"

namespace detcd::apply {
namespace {

// A lease is found, or moved to its later end, in two or three trees.
constexpr std::uint64_t kLeaseUnits = 5;

}  // namespace

bool LeaseWork::find_next(lease::Lessor& leases, mvcc::Meter& meter) {
  if (!ticks_ || ended_.size() >= kEndedPerTickMax || keys_ >= kKeysPerTick) {
    all_found_ = true;
    return true;
  }
  while (meter.spend(kLeaseUnits)) {
    if (!leases.fold(1)) continue;
    const std::optional<lease::LeaseId> next = leases.next_ended(now_ms_);
    if (next == 0) continue;
    ending_ = next.value_or(0);
    all_found_ = !next;
    return true;
  }
  return false;
}

bool LeaseWork::erase_keys(const Target& target, mvcc::Meter& meter) {
  while (const std::optional<std::string_view> key = target.leases.first_key(ending_)) {
    if (!meter.spend(kDeleteUnits)) return false;
    mvcc::KeyEntry* const entry = target.store.index().find(*key);
    check(entry != nullptr, "a key of a lease is in the store");
    target.store.erase(*entry);
    target.leases.detach(*key);
    ++keys_;
  }
  return true;
}

mvcc::Advance LeaseWork::advance(const Target& target, mvcc::Meter& meter) {
  while (!all_found_) {
    if (ending_ != 0) {
      if (!erase_keys(target, meter)) return mvcc::More{};
      if (ticks_) target.store.end_revision();
      ended_.push_back(ending_);
      ending_ = 0;
    }
    if (!find_next(target.leases, meter)) return mvcc::More{};
  }
  for (const lease::LeaseId lease : ended_) target.leases.revoke(lease);
  return mvcc::Done{};
}

// In etcd's order of refusals.
mvcc::Advance Applier::State::run(const LeaseGrantRequest& request, mvcc::Meter&) {
  if (request.id == 0) {
    answer = ApiError::kLeaseNotFound;
  } else if (request.ttl > lease::kTtlSecondsMax) {
    answer = ApiError::kLeaseTtlTooLarge;
  } else if (leases.contains(request.id)) {
    answer = ApiError::kLeaseExist;
  } else {
    const std::int64_t ttl = std::max<std::int64_t>(request.ttl, 1);
    leases.grant(request.id, ttl, {entry->position.term, entry->position.time_ms});
    answer = Response{LeaseGrantResponse{store.revision(), request.id, ttl}};
  }
  return mvcc::Done{};
}

mvcc::Advance Applier::State::run(const LeaseRevokeRequest& request, mvcc::Meter& meter) {
  if (!entry->leases) {
    if (!leases.contains(request.id)) {
      answer = ApiError::kLeaseNotFound;
      return mvcc::Done{};
    }
    entry->leases = std::make_unique<LeaseWork>(request.id);
  }
  mvcc::Advance step = entry->leases->advance({store, leases}, meter);
  if (!std::holds_alternative<mvcc::Done>(step)) return step;
  answer = Response{LeaseRevokeResponse{header_revision(store)}};
  return step;
}

// A lease that has ended and isn't revoked yet lives on: its end is nothing that anybody has seen.
mvcc::Advance Applier::State::run(const LeaseRenewRequest& request, mvcc::Meter& meter) {
  while (entry->renewed.size() < request.ids.size()) {
    if (!meter.spend(kLeaseUnits)) return mvcc::More{};
    const std::int64_t id = request.ids[entry->renewed.size()];
    entry->renewed.push_back(leases.renew(id, entry->position.time_ms).value_or(0));
  }
  answer = Response{LeaseRenewResponse{std::move(entry->renewed)}};
  return mvcc::Done{};
}

mvcc::Advance Applier::State::run(const LeaseTick& request, mvcc::Meter& meter) {
  answer = Response{LeaseTickResponse{}};
  // Of a former leader: whatever it meant to be over, its successor knows better.
  if (request.term != entry->position.term) return mvcc::Done{};
  if (!entry->leases) {
    const std::uint64_t now_ms = entry->position.time_ms;
    leases.begin_term(request.term, {now_ms, request.election_timeout_ms, request.minimum_ms});
    entry->leases = std::make_unique<LeaseWork>(LeaseWork::Ended{now_ms});
  }
  mvcc::Advance step = entry->leases->advance({store, leases}, meter);
  if (!std::holds_alternative<mvcc::Done>(step)) return step;
  answer = Response{LeaseTickResponse{entry->leases->ended()}};
  return step;
}

Result<void> Applier::State::attach_keys() {
  if (leases.empty()) return {};
  for (const auto& [key, entry_of_key] : store.index().tree()) {
    const mvcc::Version& newest = entry_of_key->versions.newest();
    if (newest.tombstone()) continue;
    const std::optional<mvcc::Record> record = store.peek(newest);
    if (!record) return Error{Errc::kDamaged, "a key's record isn't in the image"};
    if (leases.contains(record->lease)) leases.attach(key, record->lease);
  }
  return {};
}

}  // namespace detcd::apply
