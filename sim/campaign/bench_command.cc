#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/hash.h"
#include "sim/campaign/arguments.h"
#include "sim/campaign/child.h"
#include "sim/campaign/command_line.h"
#include "sim/campaign/commands.h"
#include "sim/campaign/report.h"
#include "sim/campaign/scenario.h"

namespace detcd::sim {
namespace {

std::uint64_t processor_us() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

// "1.2 M", "340 k" or "17".
std::string round_number(std::uint64_t number) {
  if (number >= 1'000'000) {
    return fmt::format("{}.{} M", number / 1'000'000, number / 100'000 % 10);
  }
  return number >= 10'000 ? fmt::format("{} k", number / 1000) : fmt::format("{}", number);
}

void print_line(std::string_view name, std::string_view value, std::string_view wanted) {
  fmt::print("{:<44} {:>10}   wanted: {}\n", name, value, wanted);
  std::fflush(stdout);
}

// The kernel by itself: timers of several nodes, each arming the next one, as members do.
std::uint64_t bare_events_per_second(std::uint64_t events) {
  constexpr std::uint32_t kNodes = 8;
  constexpr std::uint64_t kChains = 64;
  Kernel kernel(1);
  struct Chain {
    Kernel& kernel;
    NodeNumber node;
    std::uint64_t number;
    std::uint64_t left;
    void step() {
      if (left-- == 0) return;
      const Duration delay(1000 + static_cast<std::int64_t>(mix64(number + left) % 100'000));
      kernel.schedule_after(delay, Label{node, EventKind::kTimer, number}, [this] { step(); });
    }
  };
  std::vector<Chain> chains;
  chains.reserve(kChains);
  for (std::uint64_t n = 0; n < kChains; ++n) {
    chains.push_back(
        {kernel, NodeNumber(1 + static_cast<std::uint32_t>(n) % kNodes), n, events / kChains});
  }
  const std::uint64_t began = processor_us();
  for (Chain& chain : chains) chain.step();
  kernel.run_all();
  return kernel.events_run() * 1'000'000 / std::max<std::uint64_t>(1, processor_us() - began);
}

RunOptions idle(Duration length) {
  RunOptions options;
  options.settings.clients = 1;
  options.settings.length = length;
  // Enough to count, too little to matter.
  options.plan.operations = *parse_load(fmt::format("c1 puts every 1s from 3s to {}s", length / 1s),
                                        options.settings.keys);
  return options;
}

constexpr std::uint64_t kLoadedClients = 16;

// A thousand operations per virtual second: reads and writes of every kind.
RunOptions loaded(Duration length) {
  RunOptions options;
  options.settings.clients = kLoadedClients;
  options.settings.length = length;
  options.plan.operations = *parse_load(fmt::format("c1..c{} mixed every {}ms from 2s to {}ms",
                                                    kLoadedClients, kLoadedClients, (length / 1ms)),
                                        options.settings.keys);
  return options;
}

struct Measured {
  ChildResult child;
  std::uint64_t virtual_per_second = 0;
  std::uint64_t events_per_second = 0;
};

Measured measure(const RunOptions& options) {
  Measured measured{run_in_child(options)};
  const RunResult& result = measured.child.result;
  const std::uint64_t cpu_ms = std::max<std::uint64_t>(1, measured.child.cpu_ms);
  measured.virtual_per_second = static_cast<std::uint64_t>(result.virtual_time / 1ms) / cpu_ms;
  measured.events_per_second = result.events * 1000 / cpu_ms;
  return measured;
}

// False when the run itself went wrong.
bool print_loaded(std::string_view name, const RunOptions& options, std::string_view wanted) {
  const Measured measured = measure(options);
  const RunResult& result = measured.child.result;
  print_line(name, fmt::format("{} s/s", measured.virtual_per_second), wanted);
  fmt::print(
      "    {} operations, {} events each, {} events/s, {} operations/s, {} MB\n", result.operations,
      result.events / std::max<std::uint64_t>(1, result.operations),
      round_number(measured.events_per_second),
      round_number(result.operations * 1000 / std::max<std::uint64_t>(1, measured.child.cpu_ms)),
      measured.child.peak_kb / 1000);
  std::fflush(stdout);
  if (result.verdict == Verdict::kPass) return true;
  fmt::print("  {}: {}\n", name_of(result.verdict), failure_text(result));
  return false;
}

}  // namespace

int bench_command(const std::vector<std::string>& arguments) {
  const Result<Arguments> flags = Arguments::parse(arguments, {"seconds"}, {});
  if (!flags) return usage(flags.error().message);
  if (!flags->words().empty()) return usage("bench takes flags only");
  const Result<std::uint64_t> seconds = flags->number("seconds", 20);
  if (!seconds) return usage(seconds.error().message);
  if (*seconds < 3 || *seconds > 10'000) return usage("--seconds must be 3 to 10000");
  const Duration length = std::chrono::seconds(*seconds);
  constexpr std::uint64_t kEvents = 4'000'000;
  print_line("bare events, hashed", round_number(bare_events_per_second(kEvents)) + "/s", "2 M/s");
  bool passed = print_loaded("three members, idle", idle(length * 50), "1000 s/s");
  passed = print_loaded("1000 operations per virtual second, wire", loaded(length),
                        "10 s/s, 300 k events/s") &&
           passed;
  RunOptions at_seam = loaded(length);
  at_seam.settings.clients_enter = Entrance::kApi;
  passed = print_loaded("1000 operations per virtual second, api", at_seam, "25 s/s") && passed;
  return passed ? 0 : 1;
}

}  // namespace detcd::sim
