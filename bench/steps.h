// What rows are made of: a server that is ready, filled, loaded, looked at.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "bench/load.h"
#include "bench/row.h"
#include "bench/server_process.h"

namespace detcd::bench {

// A fresh cluster whose members all answer.
[[nodiscard]] Result<Cluster> start_ready(const Bench& bench, std::size_t members);

// A load of 1024 requests at once, over few connections.
[[nodiscard]] Load many_at_once(const Cluster& cluster, Kind kind, OperationOptions operation);
// Runs it until it is done, however long that takes.
[[nodiscard]] Result<Measured> run_to_end(Load load, std::uint64_t operations);

// Lets a server tidy up after much work, as long for everyone.
void let_settle();

[[nodiscard]] std::uint64_t per_second(std::uint64_t count, Duration elapsed);
[[nodiscard]] inline std::uint64_t grown(std::uint64_t from, std::uint64_t to) {
  return to > from ? to - from : 0;
}
// "1,000,000"
[[nodiscard]] std::string grouped(std::uint64_t count);

}  // namespace detcd::bench
