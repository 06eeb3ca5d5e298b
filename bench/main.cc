// detcd-bench: comparisons with a real etcd, and pointers to the micro-benchmarks.
#include <fmt/core.h>
#include <unistd.h>

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
    "                      [--readme FILE]\n"
    "      Starts the peer and detcd in turn with the same flags on fresh directories, drives "
    "both\n"
    "      with the same load (256-byte puts and linearizable ranges, one member and three), "
    "checks\n"
    "      every answer and every acknowledged key, and prints throughput, latency, server CPU "
    "per\n"
    "      operation and device flushes, with the ratios.\n"
    "      --peer PATH       the other server's binary (./dev peers fetches real etcds)\n"
    "      --detcd PATH      default: detcd beside this program\n"
    "      --quick           two rounds of 3 s instead of three of 10 s\n"
    "      --directory DIR   where data goes; must be on a disk (default: build/bench)\n"
    "      --json FILE       raw results (default: DIR/compare.json)\n"
    "      --readme FILE     also puts the table between the file's benchmark marks\n"
    "\n"
    "  detcd-microbench      micro-benchmarks (Google Benchmark; its flags)\n";

int usage(std::string_view what) {
  fmt::print(stderr, "detcd-bench: {}\n\n{}", what, kHelp);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) return usage("which command?");
  if (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    fmt::print("{}", kHelp);
    return 0;
  }
  if (arguments[0] != "compare") return usage("unknown command " + arguments[0]);
  detcd::bench::CompareOptions options;
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
    else if (name == "--readme")
      options.readme = value;
    else
      return usage("unknown flag " + name);
  }
  if (options.peer.empty()) return usage("compare needs --peer");
  std::filesystem::create_directories(options.directory);
  options.directory = std::filesystem::absolute(options.directory);
  return detcd::bench::compare(options);
}
