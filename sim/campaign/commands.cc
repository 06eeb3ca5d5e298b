#include "sim/campaign/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "sim/campaign/arguments.h"
#include "sim/campaign/audit.h"
#include "sim/campaign/check.h"
#include "sim/campaign/command_line.h"
#include "sim/campaign/elsewhere.h"
#include "sim/campaign/options.h"
#include "sim/campaign/report.h"
#include "sim/campaign/trace_file.h"
#include "sim/campaign/verdict.h"

namespace detcd::sim {
namespace {

// What audit asks of the processes that it compares.
Result<void> prepare(const Arguments& flags, RunOptions& options) {
  const Result<std::uint64_t> heap = flags.number("heap", 0);
  if (!heap) return heap.error();
  stir_heap(*heap);
  if (!flags.has("events")) return {};
  const Result<SeedRange> window = parse_seeds(flags.text("events", ""), "events");
  if (!window) return window.error();
  record_events(options, window->first, window->last);
  return {};
}

int print_hashes(const RunResult& result) {
  std::string end(name_of(result.verdict));
  if (result.violation) end += " " + result.violation->fingerprint();
  fmt::print("{}", print(RunHashes{result.checkpoints, result.hash, result.events, end}));
  return result.verdict == Verdict::kPass ? 0 : 1;
}

}  // namespace

int run_command(const std::string& program, const std::vector<std::string>& arguments) {
  const Result<Arguments> flags =
      Arguments::parse(arguments,
                       {"seed", "profile", "nodes", "virtual-seconds", "families", "changes",
                        "trace-out", "heap", "events"},
                       {"in-process", "cross-check", "plain", "hashes"});
  if (!flags) return usage(flags.error().message);
  if (!flags->words().empty()) return usage("run takes flags only");
  if (!flags->has("seed")) return usage("run needs --seed");
  const Result<std::uint64_t> seed = flags->number("seed", 0);
  if (!seed) return usage(seed.error().message);
  const auto changes = parse_changes(flags->text("changes", ""));
  if (!changes) return usage(changes.error().message);
  Result<RunOptions> options = options_for(Recipe{*seed, *changes}, *flags);
  if (!options) return usage(options.error().message);
  const Result<void> prepared = prepare(*flags, *options);
  if (!prepared) return usage(prepared.error().message);
  ChildResult child;
  if (flags->has("in-process")) {
    child.result = run(*options);
  } else {
    child = run_in_child(*options);
  }
  const std::string path = flags->text("trace-out", "");
  const TraceForm form = flags->has("plain") ? TraceForm::kPlain : TraceForm::kPacked;
  if (!path.empty() && !write_trace(path, trace_of(*options, child.result), form)) return 1;
  if (flags->has("hashes")) return print_hashes(child.result);
  return finish(*options, child, reproduce(program, *seed, *flags));
}

namespace {

// The campaign's counters and what it prints meanwhile.
class Swarm {
 public:
  Swarm(const Arguments& flags, SeedRange range, std::size_t jobs)
      : flags_(flags), range_(range), jobs_(jobs), terminal_(isatty(2) == 1) {}

  Result<int> go(const std::string& program) {
    Children children(600);
    std::uint64_t next = range_.first;
    const bool until_failure = flags_.has("until-failure");
    while (true) {
      while (next <= range_.last && children.running() < jobs_ && !(until_failure && failed_ > 0)) {
        Result<RunOptions> options = options_for(next, flags_);
        if (!options) return options.error();
        children.begin(next, *options);
        ++next;
      }
      const std::optional<Children::Ended> ended = children.finish();
      if (!ended) break;
      take(*ended, program);
    }
    if (terminal_) fmt::print(stderr, "\r\033[K");
    return summary();
  }

 private:
  void take(const Children::Ended& ended, const std::string& program) {
    const RunResult& result = ended.child.result;
    ++done_;
    cpu_ms_ += ended.child.cpu_ms;
    virtual_ms_ += static_cast<std::uint64_t>(result.virtual_time / 1ms);
    events_ += result.events;
    operations_ += result.operations;
    acknowledged_ += result.acknowledged;
    faults_ += result.faults;
    recoveries_ += result.recoveries;
    cross_checked_ += result.cross_checked > 0 ? 1 : 0;
    leaders_ += result.leaders;
    for (const auto& [name, count] : result.probes) probes_[name] += count;
    if (result.verdict != Verdict::kPass) tell(ended, program);
    if (terminal_) {
      fmt::print(stderr, "\r\033[K{}/{} seeds, {} failed", done_, range_.last - range_.first + 1,
                 failed_);
    } else if (done_ % 500 == 0) {
      fmt::print(stderr, "{} seeds, {} failed\n", done_, failed_);
    }
  }

  // Of a seed that failed, or proved nothing.
  void tell(const Children::Ended& ended, const std::string& program) {
    ++(ended.child.result.verdict == Verdict::kVoid ? void_ : failed_);
    const Result<RunOptions> options = options_for(ended.seed, flags_);
    if (terminal_) fmt::print(stderr, "\r\033[K");
    fmt::print("{}\n  {}\n  reproduce: {}\n", summary_line(*options, ended.child),
               failure_text(ended.child.result), reproduce(program, ended.seed, flags_));
    std::fflush(stdout);
    const Trace trace = trace_of(*options, ended.child.result);
    const std::string directory = flags_.text("trace-dir", "");
    if (!directory.empty()) leave(fmt::format("{}/seed-{}.trace", directory, ended.seed), trace);
    // Seeds end in any order: the first failure is that of the lowest.
    if (ended.seed > first_failed_ || !flags_.has("trace")) return;
    first_failed_ = ended.seed;
    leave(flags_.text("trace", ""), trace);
  }

  void leave(const std::string& path, const Trace& trace) const {
    const TraceForm form = flags_.has("plain") ? TraceForm::kPlain : TraceForm::kPacked;
    static_cast<void>(write_trace(path, trace, form));
  }

  int summary() const {
    fmt::print("{}", probes_text(probes_, done_));
    fmt::print(
        "{} seeds={}..{} runs={} failed={} void={} ops={} acked={} faults={} leaders={} "
        "recoveries={} events/op={} cpu/seed={}.{:03}s virtual/cpu={} cpu={}.{}s\n",
        failed_ + void_ == 0 ? "pass" : "FAIL", range_.first, range_.last, done_, failed_, void_,
        operations_, acknowledged_, faults_, leaders_, recoveries_,
        operations_ == 0 ? 0 : events_ / operations_,
        cpu_ms_ / std::max<std::uint64_t>(done_, 1) / 1000,
        cpu_ms_ / std::max<std::uint64_t>(done_, 1) % 1000,
        cpu_ms_ == 0 ? 0 : virtual_ms_ / cpu_ms_, cpu_ms_ / 1000, cpu_ms_ / 100 % 10);
    if (flags_.has("cross-check")) {
      fmt::print("cross-checked by search: {} of {} runs\n", cross_checked_, done_);
    }
    return failed_ + void_ == 0 ? 0 : 1;
  }

  const Arguments& flags_;
  SeedRange range_;
  std::size_t jobs_;
  bool terminal_;
  std::uint64_t done_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t first_failed_ = ~std::uint64_t{0};
  std::uint64_t void_ = 0;
  std::uint64_t cpu_ms_ = 0;
  std::uint64_t virtual_ms_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t leaders_ = 0;
  std::uint64_t recoveries_ = 0;
  std::uint64_t cross_checked_ = 0;  // Runs.
  std::map<std::string, std::uint64_t> probes_;
};

}  // namespace

int swarm_command(const std::string& program, const std::vector<std::string>& arguments) {
  const Result<Arguments> flags = Arguments::parse(
      arguments,
      {"seeds", "profile", "nodes", "virtual-seconds", "families", "jobs", "trace-dir", "trace"},
      {"until-failure", "cross-check", "plain"});
  if (!flags) return usage(flags.error().message);
  if (!flags->words().empty()) return usage("swarm takes flags only");
  if (!flags->has("seeds")) return usage("swarm needs --seeds A..B");
  const Result<SeedRange> range = parse_seeds(flags->text("seeds", ""), "seeds");
  if (!range) return usage(range.error().message);
  const Result<std::uint64_t> jobs = jobs_of(*flags);
  if (!jobs) return usage(jobs.error().message);
  const Result<int> code = Swarm(*flags, *range, *jobs).go(program);
  if (!code) return usage(code.error().message);
  return *code;
}

int main_command(const std::string& program, const std::vector<std::string>& arguments) {
  if (arguments.empty()) return usage("which command?");
  const std::string& command = arguments.front();
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (command == "check") return check_command(rest);
  const bool asks = command == "help" || command == "--help" || command == "-h" ||
                    std::ranges::count(rest, "--help") > 0;
  if (asks) {
    fmt::print("{}", help_text());
    return 0;
  }
  if (command == "run") return run_command(program, rest);
  if (command == "replay") return replay_command(program, rest);
  if (command == "swarm") return swarm_command(program, rest);
  if (command == "scenario") return scenario_command(program, rest);
  if (command == "bench") return bench_command(rest);
  if (command == "campaign") return campaign_command(program, rest);
  if (command == "merge") return merge_command(rest);
  if (command == "audit") return audit_command(program, rest);
  if (command == "shrink") return shrink_command(program, rest);
  return usage("unknown command " + command);
}

}  // namespace detcd::sim
