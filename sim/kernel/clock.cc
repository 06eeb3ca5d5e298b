#include "sim/kernel/clock.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace detcd::sim {
namespace {

using Wide = __int128;
constexpr std::int64_t kBillion = -kStandsStill;
constexpr std::int64_t kDriftMaxPpb = 500'000'000;

void check_drift(std::int64_t ppb) {
  check(ppb >= -kDriftMaxPpb && ppb <= kDriftMaxPpb, "a clock drifts by half its rate at most");
}

}  // namespace

std::int64_t ClockLine::at(VirtualTime time) const {
  if (stands_still()) return shown + std::max(time - kStandstill, Duration::zero()).count();
  const Wide passed = (time - since).count();
  return shown + static_cast<std::int64_t>(passed * (kBillion + drift_ppb) / kBillion);
}

VirtualTime ClockLine::reaches(std::int64_t reading) const {
  if (reading <= shown) return since;
  if (stands_still()) {
    const Wide missing = static_cast<Wide>(reading) - shown;
    const bool fits = missing < (kNeverVirtual - kStandstill).count();
    return fits ? kStandstill + Duration(static_cast<std::int64_t>(missing)) : kNeverVirtual;
  }
  const Wide rate = kBillion + drift_ppb;
  const Wide missing = static_cast<Wide>(reading) - shown;
  const Wide passed = (missing * kBillion + rate - 1) / rate;
  const Wide far = std::numeric_limits<std::int64_t>::max();
  if (passed > far - since.time_since_epoch().count()) return kNeverVirtual;
  return since + Duration(static_cast<std::int64_t>(passed));
}

NodeClock::NodeClock(const Kernel& kernel, const Start& start)
    : kernel_(kernel),
      boot_{kernel.now(), start.boot.count(), start.boot_drift_ppb},
      wall_{kernel.now(), start.wall.count(), start.wall_drift_ppb},
      boot_drift_ppb_(start.boot_drift_ppb),
      wall_drift_ppb_(start.wall_drift_ppb) {
  check_drift(start.boot_drift_ppb);
  check_drift(start.wall_drift_ppb);
}

TimePoint NodeClock::boot() const {
  return TimePoint(Duration(boot_.at(kernel_.now())));
}

WallTime NodeClock::wall() const {
  return WallTime(Duration(wall_.at(kernel_.now())));
}

VirtualTime NodeClock::virtual_time_of(TimePoint deadline) const {
  if (deadline == kNever) return kNeverVirtual;
  return boot_.reaches(deadline.time_since_epoch().count());
}

void NodeClock::change_boot(const ClockLine& line) {
  const ClockLine before = boot_;
  boot_ = line;
  for (ClockFollower* follower : followers_) follower->boot_clock_changed(before, boot_);
}

void NodeClock::set_boot_drift(std::int64_t ppb) {
  check_drift(ppb);
  boot_drift_ppb_ = ppb;
  if (!boot_.stands_still()) thaw_boot();
}

void NodeClock::set_wall_drift(std::int64_t ppb) {
  check_drift(ppb);
  wall_drift_ppb_ = ppb;
  if (!wall_.stands_still()) thaw_wall();
}

void NodeClock::step_wall(Duration by) {
  wall_.shown += by.count();
}

void NodeClock::step_boot(Duration by) {
  check(by >= Duration::zero(), "a boot clock never goes back");
  change_boot({kernel_.now(), boot_.at(kernel_.now()) + by.count(), boot_.drift_ppb});
}

void NodeClock::freeze_boot() {
  change_boot({kernel_.now(), boot_.at(kernel_.now()), kStandsStill});
}
void NodeClock::thaw_boot() {
  change_boot({kernel_.now(), boot_.at(kernel_.now()), boot_drift_ppb_});
}
void NodeClock::freeze_wall() {
  wall_ = {kernel_.now(), wall_.at(kernel_.now()), kStandsStill};
}
void NodeClock::thaw_wall() {
  wall_ = {kernel_.now(), wall_.at(kernel_.now()), wall_drift_ppb_};
}

void NodeClock::reboot(Duration boot) {
  check(followers_.empty(), "a machine boots before anything runs on it");
  boot_ = {kernel_.now(), boot.count(), boot_drift_ppb_};
}

}  // namespace detcd::sim
