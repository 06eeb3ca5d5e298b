#include "sim/campaign/verdict.h"

#include <fmt/format.h>

#include "sim/campaign/report.h"

namespace detcd::sim {
namespace {

void print_failure(const RunOptions& options, const RunResult& result) {
  fmt::print("commit {}\n{}\n", DETCD_GIT_COMMIT, failure_text(result));
  if (!options.plan.faults.empty() && options.plan.faults.size() <= 40) {
    for (const FaultEntry& entry : options.plan.faults) fmt::print("  {}\n", print(entry));
  }
}

void print_costs(const ChildResult& child) {
  const RunResult& result = child.result;
  const auto virtual_ms = static_cast<std::uint64_t>(result.virtual_time / 1ms);
  fmt::print("events/op={} cpu={}.{:03}s virtual/cpu={}\n",
             result.operations == 0 ? 0 : result.events / result.operations, child.cpu_ms / 1000,
             child.cpu_ms % 1000, child.cpu_ms == 0 ? 0 : virtual_ms / child.cpu_ms);
  if (result.cross_checked > 0) {
    fmt::print("cross-checked: {} calls, by search\n", result.cross_checked);
  }
}

}  // namespace

int finish(const RunOptions& options, const ChildResult& child, const std::string& again) {
  const RunResult& result = child.result;
  const bool passed = result.verdict == Verdict::kPass;
  if (!passed) print_failure(options, result);
  print_costs(child);
  fmt::print("{}", probes_text(result.probes, 1));
  fmt::print("{}\n", summary_line(options, child));
  if (!passed) fmt::print("reproduce: {}\n", again);
  return passed ? 0 : 1;
}

}  // namespace detcd::sim
