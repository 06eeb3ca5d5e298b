#include "sim/campaign/report.h"

#include <fmt/format.h>

namespace detcd::sim {

std::string summary_line(const RunOptions& options, const ChildResult& child) {
  const RunResult& result = child.result;
  const auto virtual_ms = static_cast<std::uint64_t>(result.virtual_time / 1ms);
  return fmt::format(
      "{} seed={} hash={:016x} plan={} events={} ops={} acked={} faults={} leaders={} "
      "recoveries={} virtual={}.{:03}s wall={}.{:03}s",
      name_of(result.verdict), options.seed, result.hash, options.plan.size(), result.events,
      result.operations, result.acknowledged, result.faults, result.leaders, result.recoveries,
      virtual_ms / 1000, virtual_ms % 1000, child.wall_ms / 1000, child.wall_ms % 1000);
}

Trace trace_of(const RunOptions& options, const RunResult& result) {
  Trace trace;
  trace.version = DETCD_VERSION;
  trace.commit = DETCD_GIT_COMMIT;
  trace.seed = options.seed;
  trace.settings = options.settings;
  trace.plan = options.plan;
  trace.overrides = options.overrides;
  trace.checkpoints = result.checkpoints;
  trace.hash = result.hash;
  trace.verdict = name_of(result.verdict);
  if (result.violation) trace.fingerprint = result.violation->fingerprint();
  return trace;
}

RunOptions options_of(const Trace& trace) {
  RunOptions options;
  options.seed = trace.seed;
  options.settings = trace.settings;
  options.plan = trace.plan;
  options.overrides = trace.overrides;
  return options;
}

std::string scenario_of(const RunOptions& options, const RunResult& result) {
  const std::string whole = print(trace_of(options, result));
  const std::string defaults = print(trace_of(RunOptions{}, RunResult{}));
  std::string lines;
  for (std::size_t begin = 0; begin < whole.size();) {
    const std::size_t end = whole.find('\n', begin) + 1;
    const std::string line = whole.substr(begin, end - begin);
    begin = end;
    const bool hashes = line.starts_with("checkpoint ") || line.starts_with("hash ");
    const bool goes_without = line.starts_with("version ") || line.starts_with("commit ");
    const bool usual = line.starts_with("set ") && defaults.find("\n" + line) != std::string::npos;
    if (line.starts_with("end ")) {
      lines += "end 0\n";
    } else if (!hashes && !goes_without && !usual) {
      lines += line;
    }
  }
  return lines;
}

PageFacts page_facts(const Trace& trace, const RunResult& result) {
  PageFacts facts;
  facts.version = DETCD_VERSION;
  facts.commit = DETCD_GIT_COMMIT;
  facts.trace = trace;
  facts.result = result;
  return facts;
}

std::string probes_text(const std::map<std::string, std::uint64_t>& probes, std::uint64_t runs) {
  constexpr std::uint64_t kMany = 100;
  std::string text;
  std::string never;
  for (const auto& [name, count] : probes) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "probes: " : ", ", name, count);
    if (count == 0) never += fmt::format("{}{}", never.empty() ? "" : ", ", name);
  }
  if (!text.empty()) text += "\n";
  if (runs >= kMany && !never.empty()) {
    text += fmt::format("PROBES NEVER REACHED in {} runs: {}\n", runs, never);
  }
  return text;
}

std::string failure_text(const RunResult& result) {
  if (result.violation) return result.violation->oracle + ": " + result.violation->message;
  return result.void_reason;
}

}  // namespace detcd::sim
