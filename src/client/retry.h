// When a failed call is made again, as Go's clientv3 decides it (ETCD.md §3.4): reads when the
// server was unavailable, everything else only when the server provably never saw it. A pure
// function.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "http2/message.h"

namespace detcd::client {

enum class Repeatable : std::uint8_t { kNo, kYes };

struct Attempt {
  http2::GrpcStatus status;
  bool processed = true;
  Repeatable repeatable = Repeatable::kNo;
  std::size_t endpoints = 1;
};

[[nodiscard]] bool is_retried(const Attempt& attempt);

// The pause before attempt number `attempt` (the first repetition is 1): none within a round of
// endpoints that make a quorum, then 25 ms, with a tenth of it as jitter from a random word.
[[nodiscard]] Duration retry_pause(std::size_t attempt, std::size_t endpoints, std::uint64_t word);

inline constexpr std::size_t kAttemptsMax = 100;

// Whether the server may have done what was asked for, after it answered with this status.
[[nodiscard]] bool maybe_applied(const http2::GrpcStatus& status);

}  // namespace detcd::client
