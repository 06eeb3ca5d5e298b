#include <fmt/format.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "sim/campaign/arguments.h"
#include "sim/campaign/command_line.h"
#include "sim/campaign/commands.h"
#include "sim/campaign/judge.h"
#include "sim/campaign/report.h"
#include "sim/campaign/shrink.h"
#include "sim/campaign/story.h"
#include "sim/campaign/trace_file.h"

namespace detcd::sim {
namespace {

std::uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

struct Wanted {
  std::string path;
  std::string out;
  std::string scenario;  // Empty: none.
  std::uint64_t jobs = 1;
  std::uint64_t runs = 0;
  std::uint64_t seconds = 0;
  TraceForm form = TraceForm::kPacked;
};

Result<Wanted> wanted_of(const std::vector<std::string>& arguments) {
  const Result<Arguments> flags =
      Arguments::parse(arguments, {"o", "jobs", "runs", "seconds", "scenario"}, {"plain"});
  if (!flags) return flags.error();
  if (flags->words().size() != 1) return Error{Errc::kInvalid, "shrink needs one trace file"};
  const Result<std::uint64_t> jobs = jobs_of(*flags);
  if (!jobs) return jobs.error();
  const Result<std::uint64_t> runs = flags->number("runs", 100'000);
  if (!runs) return runs.error();
  const Result<std::uint64_t> seconds = flags->number("seconds", 60);
  if (!seconds) return seconds.error();
  if (*seconds < 1 || *seconds > 1'000'000) {
    return Error{Errc::kInvalid, "--seconds must be 1 to 1000000"};
  }
  const std::string& path = flags->words().front();
  return Wanted{path,
                flags->text("o", path + ".small"),
                flags->text("scenario", ""),
                *jobs,
                *runs,
                *seconds,
                flags->has("plain") ? TraceForm::kPlain : TraceForm::kPacked};
}

// The time that is over, in per mille of what there is, and a line that says how far it is.
class Progress {
 public:
  explicit Progress(std::uint64_t seconds)
      : began_ms_(now_ms()), most_ms_(seconds * 1000), terminal_(isatty(2) == 1) {}
  ~Progress() {
    if (terminal_) fmt::print(stderr, "\r\033[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  [[nodiscard]] std::uint64_t ms() const { return now_ms() - began_ms_; }
  [[nodiscard]] unsigned per_mille() const {
    return static_cast<unsigned>(std::min<std::uint64_t>(1000, ms() * 1000 / most_ms_));
  }
  void show(const ShrinkStep& step) const {
    constexpr unsigned kCells = 20;
    if (!terminal_) return;
    const unsigned full = per_mille() * kCells / 1000;
    fmt::print(stderr, "\r\033[K[{}{}] {} entries, {} runs: {}", std::string(full, '#'),
               std::string(kCells - full, '.'), step.entries, step.judged, step.pass);
  }

 private:
  std::uint64_t began_ms_;
  std::uint64_t most_ms_;
  bool terminal_;
};

void print_small(const RunOptions& options, const RunResult& result) {
  constexpr std::size_t kFew = 40;
  fmt::print("commit {}\n{}\n", result.violation ? trace_of(options, result).commit : "",
             failure_text(result));
  if (options.plan.size() > kFew) return;
  for (const FaultEntry& entry : options.plan.faults) fmt::print("  {}\n", print(entry));
  for (const OperationEntry& entry : options.plan.operations) fmt::print("  {}\n", print(entry));
  for (const WatchEntry& entry : options.plan.watches) fmt::print("  {}\n", print(entry));
}

int report(const Wanted& wanted, const RunOptions& small, const ChildResult& child) {
  if (!write_trace(wanted.out, trace_of(small, child.result), wanted.form)) return 1;
  if (!wanted.scenario.empty() && !write_file(wanted.scenario, scenario_of(small, child.result))) {
    fmt::print(stderr, "detcd-sim: can't write {}\n", wanted.scenario);
    return 1;
  }
  print_small(small, child.result);
  fmt::print("\n{}\n{}\n", story_of(small), summary_line(small, child));
  return 0;
}

}  // namespace

int shrink_command(const std::string& program, const std::vector<std::string>& arguments) {
  const Result<Wanted> wanted = wanted_of(arguments);
  if (!wanted) return usage(wanted.error().message);
  const Result<Trace> trace = read_trace(wanted->path, Strictness::kEdited);
  if (!trace) {
    fmt::print(stderr, "detcd-sim: {}\n", trace.error().message);
    return 1;
  }
  const RunOptions options = options_of(*trace);
  const ChildResult whole = run_in_child(options);
  if (!whole.result.violation) {
    fmt::print(stderr, "detcd-sim: {} doesn't fail: there is nothing to shrink\n", wanted->path);
    return 1;
  }
  const std::string fingerprint = whole.result.violation->fingerprint();
  Judge judge(fingerprint, wanted->jobs);
  Shrunk small;
  std::uint64_t took_ms = 0;
  {
    const Progress progress(wanted->seconds);
    judge.stop_when([&] { return progress.per_mille() == 1000; });
    const ShrinkLimits limits{wanted->runs, [&] { return progress.per_mille(); },
                              [&](const ShrinkStep& step) { progress.show(step); }};
    small = shrink(options, whole.result.virtual_time, limits,
                   [&](std::size_t count, const MakeCandidate& candidate) {
                     return judge.first_failing(count, candidate);
                   });
    took_ms = progress.ms();
  }
  const ChildResult child = run_in_child(small.options);
  if (const int code = report(*wanted, small.options, child); code != 0) return code;
  fmt::print(
      "shrunk from {} entries to {} ({} faults, {} operations) in {} runs, {}.{}s, cpu={}.{}s"
      "{}\n",
      options.plan.size(), small.options.plan.size(), small.options.plan.faults.size(),
      small.options.plan.operations.size(), small.judged, took_ms / 1000, took_ms / 100 % 10,
      judge.cpu_ms() / 1000, judge.cpu_ms() / 100 % 10,
      small.finished ? "" : "; stopped at its limit, this is the best so far");
  fmt::print("reproduce: {} replay {}\n", program, wanted->out);
  const bool same = child.result.violation && child.result.violation->fingerprint() == fingerprint;
  return same ? 0 : 1;
}

}  // namespace detcd::sim
