#include "sim/campaign/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace detcd::sim {
namespace {

constexpr std::string_view kHelp =
    R"(detcd-sim: whole clusters of the real server in one thread, under virtual time, by seed

  detcd-sim run --seed N [--profile PROFILE] [--nodes N] [--virtual-seconds S] [--trace-out F]
                [--families MASK] [--changes K,K...] [--plain] [--in-process]
                [--cross-check]
      One run. Ends with one line: pass, FAIL (an oracle found a contradiction) or VOID (too little
      happened to prove anything), the run's hash and its numbers. --cross-check judges what the
      clients saw once more, by a search that knows nothing of the log, and must agree. --families
      "all -rot -echo" takes families of faults away, "none crash" says which there are.
  detcd-sim swarm --seeds A..B [--profile PROFILE] [--jobs J] [--trace-dir DIR] [--trace F]
                  [--families MASK] [--until-failure] [--cross-check] [--plain]
      A campaign over seeds, each in a process of its own. Every failure leaves a trace file
      (DIR/seed-N.trace; --trace F: the first one as F). Trace files are text packed as by gzip;
      with --plain it isn't packed. Both forms are read.
  detcd-sim campaign --store DIR --seeds A..B | --minutes M [--profile P] [--jobs J] [--shard I/N]
                     [--guided PERCENT] [--twice PERCENT] [--nodes N] [--virtual-seconds S]
      Many runs whose results stay: DIR keeps a line per run and the best trace of every way to
      fail; killed and started again, it carries on. Some runs (50 %) change a plan that reached
      something new, some (5 %) are done twice. Ends with DIR/summary.txt, .json and .html. With
      --shard it does its part of the runs. Exit code 3: DIR can't be written or read.
  detcd-sim merge DIR... [-o DIR]
      Joins the stores of a campaign's shards: prints its summary, writes it as one store.
  detcd-sim audit --seeds A..B [--with BIN]... [--profile P] [--jobs J]
      Does each run in processes with other addresses, heaps, environments and locales, and with
      other builds of this program: all must do the same. Names the first event that differs.
  detcd-sim replay FILE [--edited] [--log] [--events] [--html OUT] [--from T] [--to T]
      Runs a trace file again: same hash, same verdict, or where the code has diverged. --edited
      takes a file that a person changed; --log prints what faults, members and clients do and log,
      a lane each, with virtual times, --events every event of the kernel; --html draws the run as
      one page for a browser. --from and --to (as 2500ms) bound what these show.
  detcd-sim shrink FILE [-o OUT] [--scenario F] [--jobs J] [--seconds S] [--runs N] [--plain]
      Makes a failing trace small and simple, as long as it fails in the same way: fewer entries,
      clients, members and micro-choices, rounder numbers, also under other seeds. Runs candidates
      for at most S seconds (60) or N times (100000), writes the best as OUT (FILE.small) and tells
      its story. --scenario: the same as a few lines for a test, for replay --edited.
  detcd-sim scenario FILE|DIR… [--trace F] [--find]
      Plays stories of clusters that people wrote (sim/scenarios, sim/corpus) and compares with what
      these expect: pass, FAIL or stale (it doesn't reach what it is about). --find: this build has
      the bug that a file once was, and the judge named there must find it.
  detcd-sim bench [--seconds S]
      How fast this build runs: bare events, an idle cluster, and one under 1000 operations per
      virtual second whose clients enter over connections or at the seam behind them.
  detcd-sim check FILE --model register|cas-register|kv|set|queue|etcd [--seconds N]
      Judges a history that somebody else recorded, in JSON lines; `check --help` says how.

  A PROFILE is lite, swarm, corruption, clock, membership, liveness, beyond-budget, perf, or the
  path of a file like those in sim/profiles.

  Exit codes: 0 pass, 1 failure or VOID, 2 wrong usage.
)";

}  // namespace

std::string_view help_text() {
  return kHelp;
}

int usage(std::string_view what) {
  fmt::print(stderr, "detcd-sim: {}\n\n{}", what, kHelp);
  return 2;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{Errc::kNotFound, "can't read " + path};
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  // A full disk may show only now.
  out.close();
  return static_cast<bool>(out);
}

Result<std::uint64_t> jobs_of(const Arguments& arguments) {
  const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  const Result<std::uint64_t> jobs =
      arguments.number("jobs", static_cast<std::uint64_t>(std::max(1L, cores)));
  if (jobs && (*jobs < 1 || *jobs > 1024)) return Error{Errc::kInvalid, "--jobs must be 1 to 1024"};
  return jobs;
}

}  // namespace detcd::sim
