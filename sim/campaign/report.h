// What a run says about itself: one line, and the command that makes it again.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sim/campaign/child.h"
#include "sim/timeline/page.h"
#include "sim/trace/trace.h"

namespace detcd::sim {

// pass|FAIL|VOID seed=… hash=<16 hex> plan=<entries> events=… ops=… acked=… faults=… leaders=…
// recoveries=… virtual=…s wall=…s
[[nodiscard]] std::string summary_line(const RunOptions& options, const ChildResult& child);
[[nodiscard]] Trace trace_of(const RunOptions& options, const RunResult& result);
[[nodiscard]] RunOptions options_of(const Trace& trace);
// The run as a person would write it, for a test: only the settings that aren't the defaults, no
// hashes. A trace file for `replay --edited`.
[[nodiscard]] std::string scenario_of(const RunOptions& options, const RunResult& result);
// What the page says about the code and the run.
[[nodiscard]] PageFacts page_facts(const Trace& trace, const RunResult& result);
// "probes …" lines, and one for what none of many runs has reached.
[[nodiscard]] std::string probes_text(const std::map<std::string, std::uint64_t>& probes,
                                      std::uint64_t runs);
// "oracle: message"
[[nodiscard]] std::string failure_text(const RunResult& result);

}  // namespace detcd::sim
