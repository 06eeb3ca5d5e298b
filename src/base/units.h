// Time and size as types. Durations are nanoseconds in 64 bits; the two kinds of instants can't be
// mixed: TimePoint is the boot-time monotonic clock (it counts pauses and suspends), WallTime is
// what a calendar shows and enters no decision.
#pragma once

#include <chrono>
#include <cstdint>

namespace detcd {

using Duration = std::chrono::duration<std::int64_t, std::nano>;

// Tags only: neither has a now(); the time comes from runtime::Clock or with an input.
struct BootClock {};
struct WallClock {};

using TimePoint = std::chrono::time_point<BootClock, Duration>;
using WallTime = std::chrono::time_point<WallClock, Duration>;

using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;

// The farthest instant: "never" for deadlines.
inline constexpr TimePoint kNever = TimePoint::max();

}  // namespace detcd
