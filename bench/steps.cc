#include "bench/steps.h"

#include <unistd.h>

#include <utility>

#include "bench/run.h"

namespace detcd::bench {

Result<Cluster> start_ready(const Bench& bench, std::size_t members) {
  constexpr std::uint16_t kBasePort = 23790;
  Result<Cluster> cluster =
      Cluster::start(bench.server, members, bench.directory + "/data", kBasePort);
  if (!cluster) return cluster.error();
  for (const std::string& endpoint : cluster->endpoints()) {
    const auto ready =
        run<Result<void>>([&](runtime::World world) { return wait_ready(world, endpoint, 20s); });
    if (!ready) return ready.error();
  }
  return cluster;
}

Load many_at_once(const Cluster& cluster, Kind kind, OperationOptions operation) {
  Load load;
  load.kind = kind;
  load.operation = std::move(operation);
  load.endpoints = cluster.endpoints();
  load.connections = 16;
  load.streams = 64;
  load.verify = false;
  return load;
}

Result<Measured> run_to_end(Load load, std::uint64_t operations) {
  load.operations_max = operations;
  load.length = 900s;
  return run<Result<Measured>>([&](runtime::World world) { return run_load(world, load); });
}

void let_settle() {
  constexpr unsigned kSeconds = 2;
  sleep(kSeconds);
}

std::uint64_t per_second(std::uint64_t count, Duration elapsed) {
  const auto microseconds = static_cast<std::uint64_t>(elapsed / 1us);
  return count * 1'000'000 / (microseconds == 0 ? 1 : microseconds);
}

std::string grouped(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

}  // namespace detcd::bench
