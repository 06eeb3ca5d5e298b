// Puts at a steady rate, whatever the server does meanwhile: each is due at its time, and what it
// takes counts from then on, so that a stall is seen by everything that came during it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "bench/histogram.h"
#include "client/client.h"
#include "runtime/world.h"

namespace detcd::bench {

struct Paced {
  std::string prefix;            // Of all keys.
  std::uint64_t keys = 1'000;    // Put in turn.
  std::uint64_t first = 0;       // The number of the first put.
  std::size_t value_bytes = 64;  // At least kStampBytes.
  std::uint64_t per_second = 100;
  Duration length = 5s;
};

struct PacedResult {
  std::uint64_t puts = 0;
  std::uint64_t worst_ns = 0;
  Histogram latency_ns;
};

// Fails at the first refusal or wrong answer.
runtime::Task<Result<PacedResult>> run_paced(runtime::World world, client::Client& client,
                                             Paced paced);

// What such a put writes: when it was due, its number, and letters that follow from the number.
struct Stamp {
  TimePoint due;
  std::uint64_t number = 0;
};
inline constexpr std::size_t kStampBytes = 32;
[[nodiscard]] std::string stamped_value(const Stamp& stamp, std::size_t bytes);
// None when the value isn't one of those.
[[nodiscard]] std::optional<Stamp> read_stamp(std::string_view value);

// A client of one server that tries everything once.
[[nodiscard]] client::Options one_endpoint(std::string endpoint);

}  // namespace detcd::bench
