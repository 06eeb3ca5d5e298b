#include "runtime_asio/os_clock.h"

#include <time.h>

#include "base/check.h"

namespace detcd::runtime_asio {

namespace {

Duration read_clock(clockid_t id) {
  timespec now{};
  check(::clock_gettime(id, &now) == 0, "the system has a boot-time clock and a wall clock");
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

TimePoint OsClock::boot() const {
  return TimePoint(read_clock(CLOCK_BOOTTIME));
}
WallTime OsClock::wall() const {
  return WallTime(read_clock(CLOCK_REALTIME));
}

}  // namespace detcd::runtime_asio
