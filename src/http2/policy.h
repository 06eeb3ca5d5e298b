// What a server puts up with from one client: how often it may ping, and how many streams it may
// reset. Plain values over the injected time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/units.h"

namespace detcd::http2 {

// grpc-go's enforcement (internal/transport/http2_server.go: handlePing). A ping is a strike when
// it comes sooner than `interval_min` after the one before, or, while no stream is open, sooner
// than two hours. Any HEADERS or DATA sent forgives the strikes and the next ping.
class PingPolicy {
 public:
  explicit PingPolicy(Duration interval_min) : interval_min_(interval_min) {}
  void answer_sent() { forgiven_ = true; }
  // False when this ping is one strike too many.
  [[nodiscard]] bool accept(TimePoint now, bool streams_open);

 private:
  Duration interval_min_;
  std::optional<TimePoint> last_;
  bool forgiven_ = false;
  std::uint32_t strikes_ = 0;
};

// Counts events against a limit for each second that begins with the first event after the last
// one.
class RateLimit {
 public:
  explicit RateLimit(std::uint32_t per_second_max) : per_second_max_(per_second_max) {}
  // False when there were too many.
  [[nodiscard]] bool accept(TimePoint now);

 private:
  std::uint32_t per_second_max_;
  std::optional<TimePoint> since_;
  std::uint32_t count_ = 0;
};

}  // namespace detcd::http2
