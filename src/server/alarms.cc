// The quota: what a member refuses before it is proposed, the alarm that it then raises for all,
// and how that is cleared (DESIGN §5, Alarms). Only what adds to the store is refused: deletes,
// compactions, leases' ends, users and members go on however full it is.
#include "server/alarms.h"

#include <algorithm>
#include <utility>

#include "server/node.h"

namespace detcd::server {

std::string alarm_name(std::int32_t type) {
  switch (static_cast<apply::AlarmType>(type)) {
    case apply::AlarmType::kNone:
      return "NONE";
    case apply::AlarmType::kNoSpace:
      return "NOSPACE";
    case apply::AlarmType::kCorrupt:
      return "CORRUPT";
  }
  return std::to_string(type);
}

std::string alarm_text(const apply::AlarmMember& alarm) {
  std::string text;
  if (alarm.member_id != 0) text += "memberID:" + std::to_string(alarm.member_id) + " ";
  if (alarm.alarm != 0) text += "alarm:" + alarm_name(alarm.alarm) + " ";
  return text;
}

// The member's own quota, before anything is proposed: what the entry does everywhere depends on
// the alarm alone.
bool Node::exceeds_quota(const apply::Command& command) const {
  if (options_.quota_bytes <= 0) return false;
  const std::uint64_t cost = apply::quota_cost(command);
  const auto quota = static_cast<std::uint64_t>(options_.quota_bytes);
  return cost > 0 && applier_->sizes().size + cost >= quota;
}

void Node::raise_no_space() {
  constexpr auto kNoSpace = static_cast<std::int32_t>(apply::AlarmType::kNoSpace);
  const TimePoint now = world_.clock.boot();
  const bool raised = applier_->alarms().contains({options_.member_id, kNoSpace});
  if (raised || now < alarm_times_.raise_after) return;
  alarm_times_.raise_after = now + options_.election_timeout;
  log_.warn("the quota is exceeded: raising the alarm NOSPACE",
            {{"quota-size-bytes", options_.quota_bytes}, {"db-size", applier_->sizes().size}});
  apply::AlarmRequest alarm{.action = static_cast<std::int32_t>(apply::AlarmAction::kActivate),
                            .member_id = options_.member_id,
                            .alarm = kNoSpace,
                            .quota_bytes = static_cast<std::uint64_t>(options_.quota_bytes)};
  const auto refused = proposals_.propose({{}, alarm}, std::nullopt, now);
  static_cast<void>(refused);  // Too much is under way: the next write that is refused asks again.
}

// Whoever applied it knows when the last was cleared, so that a new leader doesn't hurry.
void Node::note_alarms() {
  const std::uint64_t cleared = applier_->alarms().cleared();
  if (std::exchange(alarm_times_.cleared, cleared) != cleared) {
    alarm_times_.clear_after = world_.clock.boot() + options_.alarm_clear_interval;
  }
  alarms_waiting_.wake_one();
}

runtime::Task<void> Node::clear_alarms() {
  for (;;) {
    TimePoint again = kNever;
    const bool leads = leader_ && *leader_ == raft::NodeId(options_.member_id);
    const std::optional<apply::AlarmRequest> clear =
        leads ? applier_->alarms().to_clear(applier_->sizes().size) : std::nullopt;
    const TimePoint now = world_.clock.boot();
    if (clear && now < alarm_times_.clear_after) {
      again = alarm_times_.clear_after;
    } else if (clear) {
      log_.info("there is room again: clearing the alarm NOSPACE",
                {{"member-id", telemetry::hex(clear->member_id)},
                 {"quota-size-bytes", clear->quota_bytes},
                 {"db-size", applier_->sizes().size}});
      const auto refused = proposals_.propose({{}, *clear}, std::nullopt, now);
      static_cast<void>(refused);
      work_.wake_all();
      // What isn't applied by then was lost with its leader, or refused.
      again = now + request_timeout(options_);
    }
    const bool woken = co_await alarms_waiting_.wait_until(again);
    static_cast<void>(woken);
  }
}

std::optional<std::string> Node::unhealthy_alarm(const std::vector<std::string>& exclude) const {
  if (guard_.in_doubt() && std::ranges::find(exclude, "CORRUPT") == exclude.end()) {
    return "ALARM CORRUPT";
  }
  for (const apply::AlarmMember& alarm : applier_->alarms().list(apply::AlarmType::kNone)) {
    const std::string name = alarm_name(alarm.alarm);
    if (std::ranges::find(exclude, name) != exclude.end()) continue;
    const bool known = alarm.alarm == static_cast<std::int32_t>(apply::AlarmType::kNoSpace) ||
                       alarm.alarm == static_cast<std::int32_t>(apply::AlarmType::kCorrupt);
    return "ALARM " + (known ? name : "UNKNOWN");
  }
  return std::nullopt;
}

}  // namespace detcd::server
