#include "apply/alarms.h"

#include <algorithm>
#include <variant>

namespace detcd::apply {
namespace {

// What etcd adds for a key's index entry and revisions.
constexpr std::uint64_t kPutOverhead = 256;
constexpr std::uint64_t kLeaseCost = 64;

constexpr std::int32_t kNoSpaceNumber = static_cast<std::int32_t>(AlarmType::kNoSpace);

// Below nine tenths: between this and the quota itself an alarm would come and go.
bool below_clearing(std::uint64_t size, std::uint64_t quota) {
  return size < quota - quota / 10;
}

std::uint64_t cost_of(const PutRequest& put) {
  return kPutOverhead + put.key.size() + put.value.size();
}
std::uint64_t cost_of(const TxnRequest& txn);

std::uint64_t cost_of(const std::vector<RequestOp>& operations) {
  std::uint64_t cost = 0;
  for (const RequestOp& operation : operations) {
    if (const auto* put = std::get_if<PutRequest>(&operation.request)) cost += cost_of(*put);
    if (const auto* txn = std::get_if<TxnRequest>(&operation.request)) cost += cost_of(*txn);
  }
  return cost;
}

std::uint64_t cost_of(const TxnRequest& txn) {
  return std::max(cost_of(txn.success), cost_of(txn.failure));
}

// CORRUPT stops what etcd's applier of corrupt clusters stops.
bool stopped_by_corruption(const Command& command) {
  return std::holds_alternative<PutRequest>(command.request) ||
         std::holds_alternative<DeleteRangeRequest>(command.request) ||
         std::holds_alternative<TxnRequest>(command.request) ||
         std::holds_alternative<CompactionRequest>(command.request) ||
         std::holds_alternative<LeaseGrantRequest>(command.request) ||
         std::holds_alternative<LeaseRevokeRequest>(command.request);
}

}  // namespace

std::uint64_t quota_cost(const Command& command) {
  if (const auto* put = std::get_if<PutRequest>(&command.request)) return cost_of(*put);
  if (const auto* txn = std::get_if<TxnRequest>(&command.request)) return cost_of(*txn);
  if (std::holds_alternative<LeaseGrantRequest>(command.request)) return kLeaseCost;
  return 0;
}

Answer Alarms::apply(const AlarmRequest& request, std::uint64_t size) {
  const AlarmMember alarm{request.member_id, request.alarm};
  AlarmResponse response;
  switch (static_cast<AlarmAction>(request.action)) {
    case AlarmAction::kGet:
      response.alarms = list(static_cast<AlarmType>(request.alarm));
      break;
    case AlarmAction::kActivate: {
      if (request.alarm == static_cast<std::int32_t>(AlarmType::kNone)) break;
      const auto known = active_.find(alarm);
      if (known == active_.end()) {
        if (active_.size() >= kActiveMax) return ApiError::kTooManyRequests;
        active_.emplace(alarm, request.quota_bytes);
      } else if (request.quota_bytes == 0) {
        known->second = 0;
      }
      response.alarms.push_back(alarm);
      break;
    }
    case AlarmAction::kDeactivate: {
      const auto known = active_.find(alarm);
      if (known == active_.end()) break;
      // Cleared by itself only while it is still the alarm that was seen, and there is room.
      const bool by_itself = request.quota_bytes != 0;
      const bool may = known->second == request.quota_bytes && below_clearing(size, known->second);
      if (by_itself && !may) break;
      if (by_itself) ++cleared_;
      active_.erase(known);
      response.alarms.push_back(alarm);
      break;
    }
  }
  return Response{std::move(response)};
}

std::vector<AlarmMember> Alarms::list(AlarmType of) const {
  std::vector<AlarmMember> alarms;
  for (const auto& [alarm, quota] : active_) {
    if (of == AlarmType::kNone || alarm.alarm == static_cast<std::int32_t>(of)) {
      alarms.push_back(alarm);
    }
  }
  return alarms;
}

bool Alarms::any(AlarmType of) const {
  return std::ranges::any_of(active_, [of](const auto& active) {
    return active.first.alarm == static_cast<std::int32_t>(of);
  });
}

std::optional<AlarmRequest> Alarms::to_clear(std::uint64_t size) const {
  for (const auto& [alarm, quota] : active_) {
    if (alarm.alarm != kNoSpaceNumber || quota == 0 || !below_clearing(size, quota)) continue;
    return AlarmRequest{.action = static_cast<std::int32_t>(AlarmAction::kDeactivate),
                        .member_id = alarm.member_id,
                        .alarm = alarm.alarm,
                        .quota_bytes = quota};
  }
  return std::nullopt;
}

std::optional<ApiError> Alarms::refuse(const Command& command) const {
  if (active_.empty()) return std::nullopt;
  if (stopped_by_corruption(command) && any(AlarmType::kCorrupt)) return ApiError::kCorrupt;
  if (quota_cost(command) > 0 && any(AlarmType::kNoSpace)) return ApiError::kNoSpace;
  return std::nullopt;
}

void Alarms::encode(Writer& out) const {
  out.varint(active_.size());
  for (const auto& [alarm, quota] : active_) {
    out.u64(alarm.member_id);
    out.u32(static_cast<std::uint32_t>(alarm.alarm));
    out.u64(quota);
  }
}

Result<Alarms> Alarms::decode(Reader& in) {
  const Error damaged{Errc::kDamaged, "the active alarms don't decode"};
  Alarms alarms;
  const std::uint64_t count = in.varint();
  if (count > kActiveMax) return damaged;
  for (std::uint64_t i = 0; i < count; ++i) {
    AlarmMember alarm;
    alarm.member_id = in.u64();
    alarm.alarm = static_cast<std::int32_t>(in.u32());
    const std::uint64_t quota = in.u64();
    alarms.active_.emplace(alarm, quota);
  }
  if (!in.ok() || alarms.active_.size() != count) return damaged;
  return alarms;
}

}  // namespace detcd::apply
