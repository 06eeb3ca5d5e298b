// A closed loop of clients against an etcd-compatible server, any of them, over HTTP/2: every
// answer is parsed and checked, every acknowledged key is read back at the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/histogram.h"
#include "runtime/world.h"

namespace detcd::bench {

enum class Kind : std::uint8_t { kPut, kRange };

struct Load {
  Kind kind = Kind::kPut;
  std::string prefix;                  // Of all keys.
  std::vector<std::string> endpoints;  // host:port; connections are dealt out in turn.
  std::size_t connections = 1;
  std::size_t streams = 1;  // Calls in flight per connection.
  std::size_t value_bytes = 256;
  std::uint64_t first_key = 0;  // kPut: keys are counted on from here.
  std::uint64_t keys = 0;       // kRange: reads keys [0, keys), which must exist.
  Duration length = 5s;
};

struct Measured {
  std::uint64_t operations = 0;
  std::uint64_t keys_used = 0;              // kPut: how far the counting went.
  std::vector<std::uint64_t> acknowledged;  // kPut: the keys, ascending.
  Duration elapsed{};
  Histogram latency_ns;
};

// Fails at the first wrong answer, refusal or lost connection.
runtime::Task<Result<Measured>> run_load(runtime::World world, Load load);
// Reads everything below the prefix and checks that every acknowledged key has its value.
runtime::Task<Result<void>> verify_keys(runtime::World world, Load load,
                                        std::vector<std::uint64_t> acknowledged);
// Waits until the server answers a put.
runtime::Task<Result<void>> wait_ready(runtime::World world, std::string endpoint,
                                       Duration patience);

}  // namespace detcd::bench
