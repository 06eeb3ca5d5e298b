#include "bench/compare.h"

#include <fmt/core.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "bench/load.h"
#include "bench/server_process.h"
#include "runtime/task_group.h"
#include "runtime_asio/asio_world.h"

namespace detcd::bench {
namespace {

struct Scenario {
  std::string name;
  std::size_t members = 1;
  Kind kind = Kind::kPut;
  std::size_t connections = 1;
  std::size_t streams = 1;
};

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"put, 1 member, 1 client", 1, Kind::kPut, 1, 1},
      {"put, 1 member, 256 clients", 1, Kind::kPut, 256, 1},
      {"put, 1 member, 16 connections x 64 streams", 1, Kind::kPut, 16, 64},
      {"range, 1 member, 256 clients", 1, Kind::kRange, 256, 1},
      {"put, 3 members, 1 client", 3, Kind::kPut, 1, 1},
      {"put, 3 members, 256 clients", 3, Kind::kPut, 256, 1},
      {"put, 3 members, 16 connections x 64 streams", 3, Kind::kPut, 16, 64},
      {"range, 3 members, 256 clients", 3, Kind::kRange, 256, 1},
  };
  return all;
}

struct Sample {
  std::uint64_t per_second = 0;
  std::uint64_t p50_us = 0;
  std::uint64_t p99_us = 0;
  std::uint64_t cpu_ns_per_op = 0;
  std::uint64_t syncs_per_second = 0;
};

// One task to its end on a world of its own.
template <class T>
T run(const std::function<runtime::Task<T>(runtime::World)>& make) {
  runtime_asio::AsioWorld world("/");
  std::optional<T> result;
  struct Finish {
    static runtime::Task<void> go(runtime::Task<T> task, std::optional<T>& into,
                                  runtime_asio::AsioScheduler& scheduler) {
      T result = co_await std::move(task);
      into.emplace(std::move(result));
      scheduler.stop();
    }
  };
  runtime::TaskGroup tasks(world.scheduler);
  tasks.spawn(Finish::go(make(world.world()), result, world.scheduler));
  world.scheduler.run();
  return std::move(*result);
}

Result<Sample> measure(const Server& server, const Scenario& scenario,
                       const CompareOptions& options, Duration length) {
  const std::string directory = options.directory + "/data";
  Result<Cluster> cluster = Cluster::start(server, scenario.members, directory, 23790);
  if (!cluster) return cluster.error();
  for (const std::string& endpoint : cluster->endpoints()) {
    const auto ready =
        run<Result<void>>([&](runtime::World world) { return wait_ready(world, endpoint, 20s); });
    if (!ready) return ready.error();
  }
  Load load;
  load.prefix = "bench/";
  load.endpoints = cluster->endpoints();
  load.connections = scenario.connections;
  load.streams = scenario.streams;
  load.length = length;
  constexpr std::uint64_t kRangeKeys = 10'000;
  if (scenario.kind == Kind::kRange) {
    Load fill = load;
    fill.connections = 16;
    fill.streams = 64;
    fill.length = 2s;
    const auto filled =
        run<Result<Measured>>([&](runtime::World world) { return run_load(world, fill); });
    if (!filled) return filled.error();
    load.kind = Kind::kRange;
    load.keys = std::min<std::uint64_t>(kRangeKeys, filled->acknowledged.size() / 2);
  }
  // Both have just started: their first second of work (caches, files being prepared) isn't
  // counted.
  Load warm_up = load;
  warm_up.prefix = "warm/";
  warm_up.length = 1s;
  if (scenario.kind == Kind::kPut) {
    const auto warmed =
        run<Result<Measured>>([&](runtime::World world) { return run_load(world, warm_up); });
    if (!warmed) return warmed.error();
  }
  const std::uint64_t cpu = cluster->cpu_microseconds();
  const std::uint64_t flushes = device_flushes(options.directory);
  const auto measured =
      run<Result<Measured>>([&](runtime::World world) { return run_load(world, load); });
  if (!measured) return measured.error();
  const auto elapsed_us = static_cast<std::uint64_t>(measured->elapsed / 1us);
  Sample sample;
  sample.per_second = measured->operations * 1'000'000 / elapsed_us;
  sample.p50_us = measured->latency_ns.percentile(500) / 1000;
  sample.p99_us = measured->latency_ns.percentile(990) / 1000;
  sample.cpu_ns_per_op = (cluster->cpu_microseconds() - cpu) * 1000 / measured->operations;
  sample.syncs_per_second = (device_flushes(options.directory) - flushes) * 1'000'000 / elapsed_us;
  if (scenario.kind == Kind::kPut) {
    const auto verified = run<Result<void>>(
        [&](runtime::World world) { return verify_keys(world, load, measured->acknowledged); });
    if (!verified) return verified.error();
  }
  return sample;
}

template <class Field>
std::uint64_t median(const std::vector<Sample>& samples, Field field) {
  std::vector<std::uint64_t> values;
  for (const Sample& sample : samples) values.push_back(sample.*field);
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Sample median_of(const std::vector<Sample>& samples) {
  return {median(samples, &Sample::per_second), median(samples, &Sample::p50_us),
          median(samples, &Sample::p99_us), median(samples, &Sample::cpu_ns_per_op),
          median(samples, &Sample::syncs_per_second)};
}

std::string ratio(std::uint64_t a, std::uint64_t b) {
  if (b == 0) return "-";
  const std::uint64_t hundredths = a * 100 / b;
  return fmt::format("{}.{:02}", hundredths / 100, hundredths % 100);
}

std::string machine() {
  std::string model = "unknown CPU";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
  utsname name{};
  uname(&name);
  return fmt::format("{} x {}, Linux {}", std::thread::hardware_concurrency(), model, name.release);
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

struct Row {
  Scenario scenario;
  std::vector<Sample> peer;
  std::vector<Sample> detcd;
};

std::string table(const std::vector<Row>& rows, const Server& peer, const Server& detcd,
                  const std::string& filesystem) {
  std::string out = fmt::format("{} beside {}, {}, {} ({}); medians of {} rounds in turn.\n\n",
                                detcd.name, peer.name, today(), machine(), filesystem,
                                rows.empty() ? 0 : rows.front().peer.size());
  out += "| load | | ops/s | p50 µs | p99 µs | CPU µs/op | syncs/s |\n";
  out += "|---|---|---:|---:|---:|---:|---:|\n";
  const auto line = [&](const std::string& load, const std::string& who, const Sample& s) {
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", load, who, s.per_second, s.p50_us,
                       s.p99_us, ratio(s.cpu_ns_per_op, 1000), s.syncs_per_second);
  };
  for (const Row& row : rows) {
    const Sample theirs = median_of(row.peer);
    const Sample ours = median_of(row.detcd);
    line(row.scenario.name, peer.name, theirs);
    line("", detcd.name, ours);
    out += fmt::format("| | **ratio** | **{}** | {} | {} | {} | {} |\n",
                       ratio(ours.per_second, theirs.per_second), ratio(ours.p50_us, theirs.p50_us),
                       ratio(ours.p99_us, theirs.p99_us),
                       ratio(ours.cpu_ns_per_op, theirs.cpu_ns_per_op),
                       ratio(ours.syncs_per_second, theirs.syncs_per_second));
  }
  return out;
}

std::string json(const std::vector<Row>& rows, const Server& peer, const Server& detcd,
                 const std::string& filesystem) {
  std::string out = fmt::format(
      "{{\"date\":\"{}\",\"machine\":\"{}\",\"filesystem\":\"{}\",\"peer\":\"{}\",\"detcd\":\"{}\","
      "\"scenarios\":[",
      today(), machine(), filesystem, peer.name, detcd.name);
  const auto samples = [](const std::vector<Sample>& all) {
    std::string list;
    for (const Sample& s : all) {
      list += fmt::format(
          "{}{{\"ops_per_second\":{},\"p50_us\":{},\"p99_us\":{},\"cpu_ns_per_op\":{},"
          "\"syncs_per_second\":{}}}",
          list.empty() ? "" : ",", s.per_second, s.p50_us, s.p99_us, s.cpu_ns_per_op,
          s.syncs_per_second);
    }
    return list;
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    out += fmt::format("{}{{\"name\":\"{}\",\"peer\":[{}],\"detcd\":[{}]}}", i == 0 ? "" : ",",
                       rows[i].scenario.name, samples(rows[i].peer), samples(rows[i].detcd));
  }
  return out + "]}\n";
}

// Puts the table between the marks; false when the file has none.
bool write_readme(const std::string& path, const std::string& text) {
  constexpr std::string_view kBegin = "<!-- benchmark: begin -->\n";
  constexpr std::string_view kEnd = "<!-- benchmark: end -->";
  std::ifstream in(path);
  std::stringstream whole;
  whole << in.rdbuf();
  std::string readme = whole.str();
  const auto begin = readme.find(kBegin);
  const auto end = readme.find(kEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) return false;
  readme.replace(begin + kBegin.size(), end - begin - kBegin.size(), text);
  std::ofstream(path) << readme;
  return true;
}

Result<std::vector<Row>> measure_all(const CompareOptions& options, const Server& peer,
                                     const Server& detcd) {
  const int rounds = options.quick ? 2 : 3;
  const Duration length = options.quick ? Duration(3s) : Duration(10s);
  std::vector<Row> rows;
  for (const Scenario& scenario : scenarios()) {
    if (!scenario.name.contains(options.only)) continue;
    Row row{scenario, {}, {}};
    for (int round = 0; round < rounds; ++round) {
      for (const bool ours : {round % 2 == 1, round % 2 == 0}) {
        const Server& server = ours ? detcd : peer;
        fmt::print(stderr, "[{}/{}] {}: round {} of {}, {}\n", rows.size() + 1, scenarios().size(),
                   scenario.name, round + 1, rounds, server.name);
        const Result<Sample> sample = measure(server, scenario, options, length);
        if (!sample) {
          return Error{sample.error().code,
                       server.name + ", " + scenario.name + ": " + sample.error().message};
        }
        (ours ? row.detcd : row.peer).push_back(*sample);
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

int compare(const CompareOptions& options) {
  const Result<Server> peer = identify(options.peer);
  const Result<Server> detcd = identify(options.detcd);
  const Result<std::string> filesystem = filesystem_of(options.directory);
  for (const Error* error : {peer ? nullptr : &peer.error(), detcd ? nullptr : &detcd.error(),
                             filesystem ? nullptr : &filesystem.error()}) {
    if (error == nullptr) continue;
    fmt::print(stderr, "detcd-bench: {}\n", error->message);
    return 1;
  }
  const Result<std::vector<Row>> rows = measure_all(options, *peer, *detcd);
  if (!rows) {
    fmt::print(stderr, "detcd-bench: {}\n", rows.error().message);
    return 1;
  }
  if (rows->empty()) {
    fmt::print(stderr, "detcd-bench: no scenario's name contains \"{}\"\n", options.only);
    return 1;
  }
  const std::string text = table(*rows, *peer, *detcd, *filesystem);
  fmt::print("{}", text);
  const std::string path =
      options.json.empty() ? options.directory + "/compare.json" : options.json;
  std::ofstream(path) << json(*rows, *peer, *detcd, *filesystem);
  fmt::print(stderr, "raw results: {}\n", path);
  if (!options.readme.empty() && !write_readme(options.readme, text)) {
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
  const auto elapsed_us = static_cast<std::uint64_t>(measured->elapsed / 1us);
  fmt::print("{} ops/s, p50 {} us, p99 {} us\n", measured->operations * 1'000'000 / elapsed_us,
             measured->latency_ns.percentile(500) / 1000,
             measured->latency_ns.percentile(990) / 1000);
  return 0;
}

}  // namespace detcd::bench
