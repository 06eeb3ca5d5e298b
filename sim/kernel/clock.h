// The two clocks of one machine, running beside virtual time at rates of their own. The boot clock
// never goes back within a boot and counts pauses; the wall clock has an offset and may step.
// Integer arithmetic only. Followers (schedulers with armed timers) hear of every change of the
// boot clock.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/clock.h"
#include "sim/kernel/kernel.h"

namespace detcd::sim {

// The drift of a clock that shows the same for ever.
inline constexpr std::int64_t kStandsStill = -1'000'000'000;

// A line: reading `shown` at virtual time `since`, advancing by 10^9 + drift_ppb for each 10^9. One
// that stands still puts later readings at kStandstill and beyond, so that none is forgotten.
struct ClockLine {
  VirtualTime since;
  std::int64_t shown = 0;
  std::int64_t drift_ppb = 0;
  [[nodiscard]] bool stands_still() const { return drift_ppb == kStandsStill; }
  [[nodiscard]] std::int64_t at(VirtualTime time) const;
  // The first virtual time, not before `since`, at which the clock shows `reading` or more.
  [[nodiscard]] VirtualTime reaches(std::int64_t reading) const;
};

class ClockFollower {
 public:
  virtual void boot_clock_changed(const ClockLine& before, const ClockLine& after) = 0;

 protected:
  ~ClockFollower() = default;
};

class NodeClock final : public runtime::Clock {
 public:
  struct Start {
    Duration boot = 1s;  // What the boot clock shows at first: the machine booted so long ago.
    Duration wall{};     // What the wall clock shows at first, since 1970.
    std::int64_t boot_drift_ppb = 0;
    std::int64_t wall_drift_ppb = 0;
  };
  NodeClock(const Kernel& kernel, const Start& start);

  [[nodiscard]] TimePoint boot() const override;
  [[nodiscard]] WallTime wall() const override;
  // The first virtual time at which boot() is `deadline` or later.
  [[nodiscard]] VirtualTime virtual_time_of(TimePoint deadline) const;

  // Rates from now on. Beyond ±50 % the world isn't believed any more.
  void set_boot_drift(std::int64_t ppb);
  void set_wall_drift(std::int64_t ppb);
  void step_wall(Duration by);
  // The boot clock shows so much more all at once, as after a suspend that the world slept through,
  // too; never less.
  void step_boot(Duration by);
  // The clock stands still while the machine goes on: timers that are due later wait until it is
  // thawed and then run at the rate that was set last.
  void freeze_boot();
  void thaw_boot();
  void freeze_wall();
  void thaw_wall();
  [[nodiscard]] bool boot_stands_still() const { return boot_.stands_still(); }
  [[nodiscard]] bool wall_stands_still() const { return wall_.stands_still(); }
  // The machine boots: its boot clock starts at `boot` again; the wall clock's battery keeps it
  // going.
  void reboot(Duration boot = 1s);

  void follow(ClockFollower& follower) { followers_.push_back(&follower); }
  void unfollow(ClockFollower& follower) { std::erase(followers_, &follower); }

 private:
  void change_boot(const ClockLine& line);
  const Kernel& kernel_;
  ClockLine boot_;
  ClockLine wall_;
  std::int64_t boot_drift_ppb_;
  std::int64_t wall_drift_ppb_;
  std::vector<ClockFollower*> followers_;
};

}  // namespace detcd::sim
