// One run: a whole cluster of real members and its clients in the virtual world, through a phase of
// faults and a phase of calm, judged by the oracles. A pure function of its options and the code.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/history/history.h"
#include "sim/kernel/kernel.h"
#include "sim/plan/plan.h"
#include "sim/run/watcher.h"
#include "sim/trace/trace.h"
#include "telemetry/log.h"

namespace detcd::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  Settings settings;
  Plan plan;
  std::vector<Override> overrides;
  bool cross_check = false;  // Judge what the clients saw once more, by search.
  bool states = false;  // Collect the abstract states passed through; there is no watcher then.
  // Sees every event and every line that the members log, for `replay --log`.
  std::function<void(const EventRecord&)> on_event;
  std::function<void(VirtualTime, std::uint32_t node, const telemetry::Record&)> on_log;
  Kernel::DrawRecorder on_draw;  // Sees every choice that is drawn.
  // Told in words, as they happen: faults, calls and answers, elections, commits, the failure.
  std::function<void(VirtualTime, const std::string& who, const std::string& what)> on_happening;
  // Sees what the members and the network do; null: nobody does. It outlives the run.
  Watcher* watcher = nullptr;
};

// A probe that is no family's.
inline constexpr std::string_view kCoreProbe = "a core recovered without the rest";

enum class Verdict : std::uint8_t { kPass, kFail, kVoid };
[[nodiscard]] std::string_view name_of(Verdict verdict);

struct RunResult {
  Verdict verdict = Verdict::kPass;
  std::optional<Violation> violation;
  std::string void_reason;
  std::uint64_t hash = 0;
  std::vector<std::uint64_t> checkpoints;
  std::uint64_t entries = 0;  // Of the plan.
  std::uint64_t events = 0;
  std::uint64_t operations = 0;                 // Called.
  std::uint64_t acknowledged = 0;               // Answers that the model confirmed.
  std::uint64_t faults = 0;                     // Carried out.
  std::uint64_t leaders = 0;                    // Elections won.
  std::uint64_t recoveries = 0;                 // Members that went through Recovering.
  std::uint64_t cross_checked = 0;              // Calls that a search judged, too.
  std::map<std::string, std::uint64_t> probes;  // What took effect, and how often.
  Duration virtual_time{};
  std::vector<std::uint32_t> states;  // As run/states.h says, ascending; when asked for.
};

[[nodiscard]] RunResult run(const RunOptions& options);

}  // namespace detcd::sim
