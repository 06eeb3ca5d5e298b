#include "http2/policy.h"

#include <chrono>

namespace detcd::http2 {
namespace {

constexpr std::uint32_t kStrikesMax = 2;  // One more ends the connection.
constexpr Duration kIntervalWithoutStream = std::chrono::hours(2);

}  // namespace

bool PingPolicy::accept(TimePoint now, bool streams_open) {
  const std::optional<TimePoint> before = last_;
  last_ = now;
  if (forgiven_) {
    forgiven_ = false;
    strikes_ = 0;
    return true;
  }
  const Duration interval = streams_open ? interval_min_ : kIntervalWithoutStream;
  if (before && now - *before < interval) ++strikes_;
  return strikes_ <= kStrikesMax;
}

bool RateLimit::accept(TimePoint now) {
  if (!since_ || now - *since_ >= 1s) {
    since_ = now;
    count_ = 0;
  }
  ++count_;
  return count_ <= per_second_max_;
}

}  // namespace detcd::http2
