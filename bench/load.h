// A closed loop of clients against an etcd-compatible server, any of them, over HTTP/2: every
// answer is parsed and checked, every acknowledged key is read back at the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/histogram.h"
#include "bench/operations.h"
#include "runtime/world.h"

namespace detcd::bench {

struct Load {
  Kind kind = Kind::kPut;
  OperationOptions operation;
  std::vector<std::string> endpoints;  // host:port; connections are dealt out in turn.
  std::size_t connections = 1;
  std::size_t streams = 1;      // Calls in flight per connection.
  std::uint64_t first_key = 0;  // Requests are counted on from here.
  std::uint64_t operations_max = UINT64_MAX;
  Duration length = 5s;  // Ends when either is reached.
  bool verify = true;    // What was written is remembered, for verify_keys.
};

struct Measured {
  std::uint64_t operations = 0;
  std::uint64_t keys_used = 0;              // How far the counting went.
  std::vector<std::uint64_t> acknowledged;  // The keys written, ascending.
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
// From now until the server answers a range of keys [0, keys), which it must have: how long.
runtime::Task<Result<Duration>> first_answer(runtime::World world, std::string endpoint,
                                             OperationOptions operation);

}  // namespace detcd::bench
