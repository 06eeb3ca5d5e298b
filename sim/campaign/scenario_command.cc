#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "sim/campaign/arguments.h"
#include "sim/campaign/command_line.h"
#include "sim/campaign/commands.h"
#include "sim/campaign/report.h"
#include "sim/campaign/scenario.h"
#include "sim/campaign/trace_file.h"

namespace detcd::sim {
namespace {

// Files, and of folders the .txt files in them, by name.
Result<std::vector<std::string>> files_of(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> inside;
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      if (entry.path().extension() == ".txt") inside.push_back(entry.path());
    }
    if (error || inside.empty()) {
      return Error{Errc::kNotFound, path + ": no scenario (*.txt) can be read there"};
    }
    std::ranges::sort(inside);
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

// The run under the seed that failed, as a file that replay, shrink and pictures take.
void leave_trace(const Arguments& flags, const Scenario& scenario, const ScenarioOutcome& outcome) {
  const std::string path = flags.text("trace", "");
  if (path.empty()) return;
  RunOptions options = scenario.options;
  if (outcome.seed != 0) options.seed = outcome.seed;
  const RunResult result = run_in_child(options).result;
  if (write_trace(path, trace_of(options, result), TraceForm::kPacked)) {
    fmt::print("trace: {}\n", path);
  }
}

std::string_view word_of(ScenarioOutcome::Kind kind) {
  switch (kind) {
    case ScenarioOutcome::Kind::kPass:
      return "pass";
    case ScenarioOutcome::Kind::kFail:
      return "FAIL";
    case ScenarioOutcome::Kind::kStale:
      return "stale";
  }
  return "FAIL";
}

// Whether it passed.
bool play_file(const std::string& path, const Arguments& flags) {
  const Result<std::string> text = read_file(path);
  const Result<Scenario> scenario = text ? parse_scenario(*text) : Result<Scenario>(text.error());
  if (!scenario) {
    fmt::print("FAIL {}: {}\n", path, scenario.error().message);
    return false;
  }
  const Aim aim = flags.has("find") ? Aim::kFind : Aim::kHolds;
  if (aim == Aim::kFind && scenario->judge.empty()) {
    fmt::print("FAIL {}: it names no judge\n", path);
    return false;
  }
  const ScenarioOutcome outcome = play(*scenario, aim);
  const bool passed = outcome.kind == ScenarioOutcome::Kind::kPass;
  fmt::print("{} {} runs={} events={}\n", word_of(outcome.kind), path, outcome.runs,
             outcome.events);
  if (!passed) {
    fmt::print("  {}{}\n", outcome.seed == 0 ? "" : fmt::format("seed {}: ", outcome.seed),
               outcome.why);
    leave_trace(flags, *scenario, outcome);
  }
  std::fflush(stdout);
  return passed;
}

}  // namespace

int scenario_command(const std::string& program, const std::vector<std::string>& arguments) {
  const Result<Arguments> flags = Arguments::parse(arguments, {"trace"}, {"find"});
  if (!flags) return usage(flags.error().message);
  if (flags->words().empty()) return usage("scenario needs files or folders");
  const Result<std::vector<std::string>> files = files_of(flags->words());
  if (!files) {
    fmt::print(stderr, "detcd-sim: {}\n", files.error().message);
    return 1;
  }
  std::vector<std::string> failed;
  for (const std::string& path : *files) {
    if (!play_file(path, *flags)) failed.push_back(path);
  }
  fmt::print("{} {} scenarios, {} failed\n", failed.empty() ? "pass" : "FAIL", files->size(),
             failed.size());
  if (!failed.empty()) {
    fmt::print("reproduce: {} scenario {}{} --trace failed.trace\n", program,
               flags->has("find") ? "--find " : "", failed.front());
  }
  return failed.empty() ? 0 : 1;
}

}  // namespace detcd::sim
