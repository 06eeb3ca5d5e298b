// Closed loops: so many clients, each with its next request as soon as the last was answered.
#include <algorithm>
#include <optional>
#include <utility>

#include "bench/row.h"
#include "bench/run.h"
#include "bench/steps.h"

namespace detcd::bench {
namespace {

// What is there before.
struct Fill {
  Kind kind = Kind::kPut;
  std::uint64_t count = 0;  // 0: nothing.
};

struct LoadRow {
  const char* name;
  std::size_t members = 1;
  Kind kind = Kind::kPut;
  std::size_t connections = 1;
  std::size_t streams = 1;
  Fill fill = {};
  std::size_t value_bytes = 256;
};

constexpr Fill kKeys{Kind::kPut, 10'000};
constexpr Fill kLeases{Kind::kGrant, 10'000};

constexpr LoadRow kLoadRows[] = {
    {"put, 1 member, 1 client", 1, Kind::kPut, 1, 1},
    {"put, 1 member, 256 clients", 1, Kind::kPut, 256, 1},
    {"put, 1 member, 16 connections x 64 streams", 1, Kind::kPut, 16, 64},
    {"range, 1 member, 256 clients", 1, Kind::kRange, 256, 1, kKeys},
    {"put, 3 members, 1 client", 3, Kind::kPut, 1, 1},
    {"put, 3 members, 256 clients", 3, Kind::kPut, 256, 1},
    {"put, 3 members, 16 connections x 64 streams", 3, Kind::kPut, 16, 64},
    {"range, 3 members, 256 clients", 3, Kind::kRange, 256, 1, kKeys},
    {"txn (compare and put), 1 member, 256 clients", 1, Kind::kTxn, 256, 1},
    {"mixed (3 ranges to a put), 1 member, 256 clients", 1, Kind::kMixed, 256, 1, kKeys},
    {"lease grant, 1 member, 256 clients", 1, Kind::kGrant, 256, 1},
    {"lease keep-alive, 1 member, 256 streams", 1, Kind::kKeepAlive, 256, 1, kLeases},
    {"large range (10,000 keys of 1 KiB), 1 member, 4 clients", 1, Kind::kRangeAll, 4, 1, kKeys,
     1024},
};

Load load_of(const LoadRow& row, const Cluster& cluster) {
  Load load;
  load.kind = row.kind;
  load.operation.prefix = "bench/";
  load.operation.value_bytes = row.value_bytes;
  load.operation.keys = row.fill.count;
  load.endpoints = cluster.endpoints();
  load.connections = row.connections;
  load.streams = row.streams;
  load.first_key = row.fill.count;
  return load;
}

Result<void> prepare(const LoadRow& row, const Cluster& cluster, const Load& load) {
  if (row.fill.count > 0) {
    const Result<Measured> filled =
        run_to_end(many_at_once(cluster, row.fill.kind, load.operation), row.fill.count);
    if (!filled) return filled.error();
    return {};
  }
  // Both have just started: their first second of work (caches, files being prepared) isn't
  // counted.
  Load warm_up = load;
  warm_up.kind = Kind::kPut;
  warm_up.operation.prefix = "warm/";
  warm_up.length = 1s;
  const auto warmed =
      run<Result<Measured>>([&](runtime::World world) { return run_load(world, warm_up); });
  if (!warmed) return warmed.error();
  return {};
}

Result<Sample> measure(const LoadRow& row, const Bench& bench) {
  const Result<Cluster> cluster = start_ready(bench, row.members);
  if (!cluster) return cluster.error();
  Load load = load_of(row, *cluster);
  const Result<void> prepared = prepare(row, *cluster, load);
  if (!prepared) return prepared.error();
  load.length = bench.size == Size::kQuick ? 2s : 10s;
  const std::uint64_t cpu = cluster->cpu_microseconds();
  const std::uint64_t flushes = device_flushes(bench.directory);
  auto measured =
      run<Result<Measured>>([&](runtime::World world) { return run_load(world, load); });
  if (!measured) return measured.error();
  const std::uint64_t operations = std::max<std::uint64_t>(1, measured->operations);
  Sample sample{per_second(operations, measured->elapsed),
                measured->latency_ns.percentile(500) / 1000,
                measured->latency_ns.percentile(990) / 1000,
                (cluster->cpu_microseconds() - cpu) * 1000 / operations,
                per_second(device_flushes(bench.directory) - flushes, measured->elapsed)};
  if (!measured->acknowledged.empty()) {
    const auto verified = run<Result<void>>([&](runtime::World world) {
      return verify_keys(world, load, std::move(measured->acknowledged));
    });
    if (!verified) return verified.error();
  }
  return sample;
}

}  // namespace

std::vector<Row> load_rows() {
  std::vector<Row> rows;
  for (const LoadRow& row : kLoadRows) {
    rows.push_back(
        {.name = row.name,
         .shape = Row::Shape::kLoad,
         .figures = {{"ops/s"}, {"p50 µs"}, {"p99 µs"}, {"CPU µs/op", 1000}, {"syncs/s"}},
         .measure = [&row](const Bench& bench) { return measure(row, bench); }});
  }
  return rows;
}

}  // namespace detcd::bench
