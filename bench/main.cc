// detcd-bench: comparisons with a real etcd, and pointers to the micro-benchmarks.
#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "bench/compare.h"

namespace {

constexpr std::string_view kHelp =
    "detcd-bench: measure detcd, always beside a real etcd in the same run\n"
    "\n"
    "  detcd-bench compare --peer PATH [--detcd PATH] [--quick] [--directory DIR] [--json FILE]\n"
    "                      [--readme FILE] [--only TEXT]\n"
    "      Starts the peer and detcd in turn with the same flags on fresh directories, drives "
    "both\n"
    "      with the same loads, checks every answer and every acknowledged key, and prints\n"
    "      throughput, latency, server CPU per operation and device flushes, with the ratios;\n"
    "      then events, memory, restart and compaction (bench/README.md explains the rows).\n"
    "      --peer PATH       the other server's binary (./dev peers fetches real etcds)\n"
    "      --detcd PATH      default: detcd beside this program\n"
    "      --quick           fewer, shorter rounds, and a tenth of what there is much of\n"
    "      --only TEXT       only rows whose name contains TEXT, such as \"256 clients\",\n"
    "                        or one of several texts: \"put, 3|range\"\n"
    "      --directory DIR   where data goes; must be on a disk (default: build/bench)\n"
    "      --json FILE       raw results (default: DIR/compare.json)\n"
    "      --readme FILE     also puts the table between the file's benchmark marks\n"
    "\n"
    "  detcd-bench scale [--peer PATH] and the other flags of compare\n"
    "      10,000 watchers on one stream, 100,000 on a server, 1,000,000 leases; detcd alone or\n"
    "      beside the peer.\n"
    "\n"
    "  detcd-bench load HOST:PORT[,HOST:PORT...] CONNECTIONS STREAMS SECONDS\n"
    "      Drives a cluster that runs already with puts, for profiling.\n"
    "\n"
    "  detcd-microbench      micro-benchmarks (Google Benchmark; its flags)\n";

int usage(std::string_view what) {
  fmt::print(stderr, "detcd-bench: {}\n\n{}", what, kHelp);
  return 2;
}

int load(const std::vector<std::string>& arguments) {
  if (arguments.size() != 5) return usage("load needs four arguments");
  detcd::bench::Load load;
  load.operation.prefix = "bench/";
  std::string rest = arguments[1];
  for (std::size_t comma = 0; comma != std::string::npos; rest.erase(0, comma + 1)) {
    comma = rest.find(',');
    load.endpoints.push_back(rest.substr(0, comma));
    if (comma == std::string::npos) break;
  }
  load.verify = false;
  load.connections = std::strtoul(arguments[2].c_str(), nullptr, 10);
  load.streams = std::strtoul(arguments[3].c_str(), nullptr, 10);
  load.length = detcd::Duration(std::strtoul(arguments[4].c_str(), nullptr, 10) * 1'000'000'000);
  return detcd::bench::drive(load);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) return usage("which command?");
  if (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    fmt::print("{}", kHelp);
    return 0;
  }
  if (arguments[0] == "load") return load(arguments);
  if (arguments[0] != "compare" && arguments[0] != "scale") {
    return usage("unknown command " + arguments[0]);
  }
  detcd::bench::CompareOptions options;
  options.scale = arguments[0] == "scale";
  options.detcd = std::filesystem::path(argv[0]).parent_path() / "detcd";
  options.directory = "build/bench";
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    std::string value;
    const auto equals = name.find('=');
    if (name == "--help") {
      fmt::print("{}", kHelp);
      return 0;
    }
    if (name == "--quick") {
      options.quick = true;
      continue;
    }
    if (equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return usage(name + " needs a value");
    }
    if (name == "--peer")
      options.peer = value;
    else if (name == "--detcd")
      options.detcd = value;
    else if (name == "--directory")
      options.directory = value;
    else if (name == "--json")
      options.json = value;
    else if (name == "--only")
      options.only = value;
    else if (name == "--readme")
      options.readme = value;
    else
      return usage("unknown flag " + name);
  }
  if (options.peer.empty() && !options.scale) return usage("compare needs --peer");
  std::filesystem::create_directories(options.directory);
  options.directory = std::filesystem::absolute(options.directory);
  return detcd::bench::compare(options);
}
