#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "sim/campaign/audit.h"
#include "sim/campaign/child.h"
#include "sim/campaign/command_line.h"
#include "sim/campaign/commands.h"
#include "sim/campaign/options.h"

namespace detcd::sim {
namespace {

// Oracle of a run that isn't a function of its options, and of one that couldn't be judged.
constexpr const char* kDeterminism = "determinism";
constexpr const char* kTrouble = "audit";
constexpr unsigned kPatienceSeconds = 3600;

struct AuditJob {
  SeedRange seeds;
  std::vector<std::string> flags;     // Of the runs: "--profile", "swarm".
  std::vector<std::string> programs;  // Besides this one.
  std::size_t jobs = 1;
};

// Each seed twice as this program, the second time with its own circumstances, and once as every
// other.
Audit audit_of(const AuditJob& job, std::uint64_t seed) {
  Audit what;
  what.run = {"run", "--seed", std::to_string(seed)};
  what.run.insert(what.run.end(), job.flags.begin(), job.flags.end());
  what.places.push_back({own_program(), {0}});
  what.places.push_back({own_program(), {2 * seed + 1}});
  std::uint64_t surroundings = 2 * seed;
  for (const std::string& program : job.programs) {
    what.places.push_back({program, {surroundings}});
    surroundings += 3;
  }
  return what;
}

RunResult judge(const AuditJob& job, std::uint64_t seed) {
  RunResult result;
  const Result<std::string> text = audit(audit_of(job, seed));
  if (text && text->empty()) return result;
  result.verdict = Verdict::kFail;
  result.violation =
      text ? Violation{kDeterminism, *text} : Violation{kTrouble, text.error().message};
  return result;
}

std::string again(const std::string& program, const AuditJob& job, std::uint64_t seed) {
  std::string line = fmt::format("{} audit --seeds {}..{}", program, seed, seed);
  for (const std::string& word : job.flags) line += " " + word;
  for (const std::string& other : job.programs) line += " --with " + other;
  return line;
}

int carry_out(const AuditJob& job, const std::string& program) {
  Children children(kPatienceSeconds);
  const bool terminal = isatty(2) == 1;
  std::uint64_t next = job.seeds.first;
  std::uint64_t done = 0;
  std::uint64_t different = 0;
  std::uint64_t cpu_ms = 0;
  for (;;) {
    for (; next <= job.seeds.last && children.running() < job.jobs; ++next) {
      children.begin(next, [&job, next] { return judge(job, next); });
    }
    const std::optional<Children::Ended> ended = children.finish();
    if (!ended) break;
    ++done;
    cpu_ms += ended->child.cpu_ms;
    if (terminal) {
      fmt::print(stderr, "\r\033[K{}/{} seeds, {} differed", done,
                 job.seeds.last - job.seeds.first + 1, different);
    }
    const std::optional<Violation>& violation = ended->child.result.violation;
    if (!violation) continue;
    ++different;
    if (terminal) fmt::print(stderr, "\r\033[K");
    fmt::print("seed {}: {}: {}\n  reproduce: {}\n", ended->seed, violation->oracle,
               violation->message, again(program, job, ended->seed));
    std::fflush(stdout);
  }
  if (terminal) fmt::print(stderr, "\r\033[K");
  fmt::print("{} audit seeds={}..{} processes={} builds={} differed={} cpu={}.{}s\n",
             different == 0 ? "pass" : "FAIL", job.seeds.first, job.seeds.last,
             done * (2 + job.programs.size()), 1 + job.programs.size(), different, cpu_ms / 1000,
             cpu_ms / 100 % 10);
  return different == 0 ? 0 : 1;
}

// Takes "--with BIN" out, as often as it is there.
Result<std::vector<std::string>> take_programs(std::vector<std::string>& arguments) {
  std::vector<std::string> programs;
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] != "--with") {
      rest.push_back(arguments[i]);
      continue;
    }
    if (i + 1 == arguments.size()) return Error{Errc::kInvalid, "flag --with needs a value"};
    const std::string& program = arguments[++i];
    // Started from another directory, it must still be found.
    const std::string path = std::filesystem::absolute(program).lexically_normal().string();
    if (access(path.c_str(), X_OK) != 0) {
      return Error{Errc::kInvalid, "--with names a program that can't be run: " + program};
    }
    programs.push_back(path);
  }
  arguments = std::move(rest);
  return programs;
}

}  // namespace

int audit_command(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<std::string> rest = arguments;
  AuditJob job;
  const Result<std::vector<std::string>> programs = take_programs(rest);
  if (!programs) return usage(programs.error().message);
  job.programs = *programs;
  const Result<Arguments> flags =
      Arguments::parse(rest, {"seeds", "profile", "nodes", "virtual-seconds", "jobs"}, {});
  if (!flags) return usage(flags.error().message);
  if (!flags->words().empty()) return usage("audit takes flags only");
  if (!flags->has("seeds")) return usage("audit needs --seeds A..B");
  const Result<SeedRange> seeds = parse_seeds(flags->text("seeds", ""), "seeds");
  if (!seeds) return usage(seeds.error().message);
  job.seeds = *seeds;
  const Result<std::uint64_t> jobs = jobs_of(*flags);
  if (!jobs) return usage(jobs.error().message);
  job.jobs = *jobs;
  const Result<RunOptions> drawn = options_for(job.seeds.first, *flags);
  if (!drawn) return usage(drawn.error().message);
  for (const char* name : {"profile", "nodes", "virtual-seconds"}) {
    if (!flags->has(name)) continue;
    job.flags.push_back(std::string("--") + name);
    job.flags.push_back(flags->text(name, ""));
  }
  if (!flags->has("profile")) job.flags.insert(job.flags.end(), {"--profile", "swarm"});
  return carry_out(job, program);
}

}  // namespace detcd::sim
