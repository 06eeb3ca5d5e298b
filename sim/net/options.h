// How links and the network stack of the simulated hosts behave. All may change during a run.
#pragma once

#include <cstdint>

#include "sim/kernel/distribution.h"

namespace detcd::sim {

// One direction between two hosts.
struct LinkOptions {
  Latency latency{.floor = 100us, .mean_extra = 50us};
  std::uint32_t nanoseconds_per_kib = 1000;  // 1 GB/s.
  std::uint32_t reset_ppm = 0;               // Of segments: a middlebox tears the connection down.
  std::uint32_t black_hole_ppm = 0;  // Of segments: from here on nothing of the connection arrives.
};

struct NetOptions {
  LinkOptions link;  // Unless set for a pair.
  LinkOptions loopback{.latency = {.floor = 5us, .mean_extra = 5us}, .nanoseconds_per_kib = 100};
  std::uint64_t send_buffer_bytes = 256 * kKiB;
  std::uint64_t receive_window_bytes = 256 * kKiB;
  std::uint64_t segment_bytes_max = 64 * kKiB;
  std::uint32_t segment_cut_ppm = 100'000;  // A segment is cut at a drawn place.
  std::uint32_t short_read_ppm = 100'000;   // A read gives less than there is.
  std::uint32_t refuse_ppm = 0;             // Of connects: refused although somebody listens.
  std::uint32_t connect_loss_ppm = 0;       // Of handshake messages: tried again after a second.
  std::uint32_t accept_error_ppm = 0;       // Of accepts: kUnavailable.
  std::size_t backlog_max = 128;
  Duration connect_timeout = 10s;
  Duration handshake_retry = 1s;
  // A sender gives up after so long without an acknowledgement.
  Duration stream_timeout = 30s;
  // A lost packet is sent again after so long, the next time after twice as long.
  Duration retransmit_timeout = 200ms;
  // After a cut link heals, what was held is sent again this much later.
  Duration retransmit_low = 1ms;
  Duration retransmit_high = 2s;
};

}  // namespace detcd::sim
