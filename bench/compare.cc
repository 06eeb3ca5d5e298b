#include "bench/compare.h"

#include <fmt/core.h>

#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/report.h"
#include "bench/row.h"
#include "bench/run.h"
#include "bench/server_process.h"
#include "bench/steps.h"

namespace detcd::bench {
namespace {

// The servers take turns, and turns in who begins.
Result<MeasuredRow> measure(const Row& row, const Bench& peer, const Bench& detcd) {
  MeasuredRow measured{row, {}, {}};
  const int rounds = detcd.size == Size::kQuick ? row.rounds_quick : row.rounds;
  for (int round = 0; round < rounds; ++round) {
    for (const bool ours : {round % 2 == 1, round % 2 == 0}) {
      const Bench& bench = ours ? detcd : peer;
      if (bench.server.binary.empty()) continue;
      fmt::print(stderr, "{}: round {} of {}, {}\n", row.name, round + 1, rounds,
                 bench.server.name);
      Result<Sample> sample = row.measure(bench);
      if (!sample) {
        return Error{sample.error().code,
                     bench.server.name + ", " + row.name + ": " + sample.error().message};
      }
      (ours ? measured.detcd : measured.peer).push_back(*std::move(sample));
    }
  }
  return measured;
}

bool is_asked_for(std::string_view name, std::string_view texts) {
  for (std::size_t bar = texts.find('|'); bar != std::string_view::npos; bar = texts.find('|')) {
    if (name.contains(texts.substr(0, bar))) return true;
    texts.remove_prefix(bar + 1);
  }
  return name.contains(texts);
}

std::vector<Row> rows_of(const CompareOptions& options) {
  const Size size = options.quick ? Size::kQuick : Size::kFull;
  std::vector<Row> all = options.scale ? scale_rows(size) : load_rows();
  if (!options.scale) {
    for (Row& row : special_rows(size)) all.push_back(std::move(row));
  }
  std::erase_if(all, [&](const Row& row) { return !is_asked_for(row.name, options.only); });
  return all;
}

Result<Report> measure_all(const CompareOptions& options) {
  Result<Server> peer = options.peer.empty() ? Result<Server>(Server{}) : identify(options.peer);
  if (!peer) return peer.error();
  const Result<Server> detcd = identify(options.detcd);
  if (!detcd) return detcd.error();
  const Result<std::string> filesystem = filesystem_of(options.directory);
  if (!filesystem) return filesystem.error();
  const std::vector<Row> rows = rows_of(options);
  if (rows.empty()) {
    return Error{Errc::kNotFound, "no row's name contains \"" + options.only + "\""};
  }
  const Size size = options.quick ? Size::kQuick : Size::kFull;
  Report report{peer->name, detcd->name, *filesystem, {}};
  for (const Row& row : rows) {
    Result<MeasuredRow> measured =
        measure(row, {*peer, options.directory, size}, {*detcd, options.directory, size});
    if (!measured) return measured.error();
    report.rows.push_back(*std::move(measured));
  }
  return report;
}

}  // namespace

int compare(const CompareOptions& options) {
  const Result<Report> report = measure_all(options);
  if (!report) {
    fmt::print(stderr, "detcd-bench: {}\n", report.error().message);
    return 1;
  }
  const std::string text = tables(*report);
  fmt::print("{}", text);
  const std::string path =
      options.json.empty() ? options.directory + "/compare.json" : options.json;
  std::ofstream(path) << json(*report);
  fmt::print(stderr, "raw results: {}\n", path);
  if (!options.readme.empty() && !write_between_marks(options.readme, text)) {
    fmt::print(stderr, "detcd-bench: {} has no benchmark marks\n", options.readme);
    return 1;
  }
  return 0;
}

int drive(const Load& load) {
  const auto measured =
      run<Result<Measured>>([&](runtime::World world) { return run_load(world, load); });
  if (!measured) {
    fmt::print(stderr, "detcd-bench: {}\n", measured.error().message);
    return 1;
  }
  fmt::print(
      "{} ops/s, p50 {} us, p99 {} us\n", per_second(measured->operations, measured->elapsed),
      measured->latency_ns.percentile(500) / 1000, measured->latency_ns.percentile(990) / 1000);
  return 0;
}

}  // namespace detcd::bench
