#include "sim/campaign/check.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <optional>
#include <string_view>

#include "sim/campaign/arguments.h"
#include "sim/check/judge.h"
#include "sim/import/reader.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kHelp =
    R"(detcd-sim check: is this history linearizable?

  detcd-sim check FILE --model register|cas-register|kv|set|queue|etcd
                  [--seconds N] [--steps N] [--memory-mb N] [--search]

  FILE holds one event per line, in JSON, in the order in which the events happened; - is standard
  input. A process begins a call and ends it; what happens in between overlaps:

    {"process":0,"type":"invoke","f":"write","value":1}
    {"process":1,"type":"invoke","f":"read"}
    {"process":0,"type":"ok","f":"write"}
    {"process":1,"type":"ok","f":"read","value":1}

  ok: it was answered so. fail: it certainly had no effect. info, or no end at all: nobody knows.
  "time" (nanoseconds) may stand in every event: calls that share an instant then overlap.
  sim/check/FORMAT.md has an example for every model.

    register      read, write; several registers by "key"
    cas-register  besides: cas, with "value": [expected, new]
    kv            besides: delete; every call has a "key"
    set           add, remove, read
    queue         enqueue, dequeue; first in, first out
    etcd          range, put, delete_range, txn, compact, with etcd's fields

  An etcd history whose answers have revisions is judged exactly by their order, in no time. All
  else is searched for an order that explains it, which can take for ever: --seconds (default 60),
  --steps (no limit) and --memory-mb (2048) bound it, and then the verdict is "unknown".
  --search searches even where revisions give the order.

  Exit codes: 0 legal, 1 illegal, 2 wrong usage or unreadable input (which line, and why),
  3 unknown: a limit was reached. A file with several histories gets the worst of theirs.
)";

constexpr std::uint64_t kMsBetweenBars = 200;

std::uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

int refuse(std::string_view what) {
  fmt::print(stderr, "detcd-sim check: {}\n", what);
  return 2;
}

int usage(std::string_view what) {
  fmt::print(stderr, "detcd-sim check: {}\n\n{}", what, kHelp);
  return 2;
}

struct Bounds {
  std::uint64_t seconds = 60;
  std::uint64_t steps = UINT64_MAX;
  std::uint64_t memory_mb = 2048;
  bool search = false;
};

Result<Bounds> bounds_of(const Arguments& flags) {
  Bounds bounds;
  const Result<std::uint64_t> seconds = flags.number("seconds", bounds.seconds);
  if (!seconds) return seconds.error();
  const Result<std::uint64_t> steps = flags.number("steps", bounds.steps);
  if (!steps) return steps.error();
  const Result<std::uint64_t> memory = flags.number("memory-mb", bounds.memory_mb);
  if (!memory) return memory.error();
  if (*seconds < 1 || *seconds > 10'000'000) {
    return Error{Errc::kInvalid, "--seconds must be 1 to 10000000"};
  }
  if (*memory < 1 || *memory > (1 << 20)) {
    return Error{Errc::kInvalid, "--memory-mb must be 1 to 1048576"};
  }
  if (*steps < 1) return Error{Errc::kInvalid, "--steps must be at least 1"};
  return Bounds{*seconds, *steps, *memory, flags.has("search")};
}

// Feeds the reader line by line; no line may fill the memory.
Result<void> feed(std::istream& in, HistoryReader& reader) {
  std::array<char, 65536> block{};
  std::string pending;
  while (in) {
    in.read(block.data(), block.size());
    std::string_view read(block.data(), static_cast<std::size_t>(in.gcount()));
    while (!read.empty()) {
      const auto end = read.find('\n');
      pending.append(read.substr(0, end));
      const bool whole = end != std::string_view::npos;
      if (whole || pending.size() > ReaderLimits{}.line_bytes_max) {
        const Result<void> taken = reader.take(pending);
        if (!taken) return taken;
        pending.clear();
      }
      read = whole ? read.substr(end + 1) : std::string_view{};
    }
  }
  if (in.bad()) return Error{Errc::kIo, "reading failed"};
  if (pending.empty()) return {};
  return reader.take(pending);
}

Result<std::vector<CheckedHistory>> read_histories(const std::string& path,
                                                   std::optional<CheckedModel> model) {
  HistoryReader reader(model);
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return Error{Errc::kNotFound, "can't read it"};
  }
  const Result<void> fed = feed(path == "-" ? std::cin : file, reader);
  if (!fed) return fed.error();
  return reader.finish();
}

// Shows on a terminal how far a long search is, and ends it when time is up.
class Patience {
 public:
  explicit Patience(std::uint64_t seconds)
      : deadline_ms_(now_ms() + seconds * 1000), bar_ms_(now_ms()), terminal_(isatty(2) == 1) {}
  bool go_on(const SearchProgress& progress) {
    const std::uint64_t now = now_ms();
    if (terminal_ && now >= bar_ms_ + kMsBetweenBars) {
      constexpr std::size_t kWidth = 30;
      const std::size_t calls = std::max<std::size_t>(progress.calls, 1);
      const std::size_t filled = progress.ordered * kWidth / calls;
      fmt::print(stderr, "\r\033[K[{:=<{}}{: <{}}] {} of {} calls ordered, {} steps", "", filled,
                 "", kWidth - filled, progress.ordered, progress.calls, progress.steps);
      bar_ms_ = now;
      shown_ = true;
    }
    return now < deadline_ms_;
  }
  void clear() {
    if (shown_) fmt::print(stderr, "\r\033[K");
    shown_ = false;
  }

 private:
  std::uint64_t deadline_ms_;
  std::uint64_t bar_ms_;
  bool terminal_;
  bool shown_ = false;
};

Finding judge_and_print(const CheckedHistory& history, const Bounds& bounds, Patience& patience) {
  SearchLimits limits;
  limits.steps_max = bounds.steps;
  limits.memory_bytes_max = bounds.memory_mb << 20;
  limits.go_on = [&](const SearchProgress& progress) { return patience.go_on(progress); };
  const CheckResult result =
      bounds.search ? judge_by_search(history, limits) : judge(history, limits);
  patience.clear();
  std::string line;
  if (!history.name.empty()) line += history.name + ": ";
  line += fmt::format("{}: {} calls, ", name_of(result.finding), history.origins.size());
  if (result.method == Method::kRevisions) {
    line += "by the order of their revisions";
  } else {
    line += fmt::format("by search ({} steps, {} configurations)", result.steps, result.remembered);
  }
  if (result.unordered > 0) {
    line += fmt::format("; {} have no place that is known beforehand", result.unordered);
  }
  fmt::print("{}\n", line);
  for (const std::string& words : result.lines) fmt::print("  {}\n", words);
  if (history.expected && *history.expected != result.finding) {
    fmt::print("  the file says that it is {}: {}\n", name_of(*history.expected), history.why);
  }
  return result.finding;
}

}  // namespace

int check_command(const std::vector<std::string>& arguments) {
  const Result<Arguments> flags =
      Arguments::parse(arguments, {"model", "seconds", "steps", "memory-mb"}, {"search", "help"});
  if (!flags) return usage(flags.error().message);
  if (flags->has("help")) {
    fmt::print("{}", kHelp);
    return 0;
  }
  if (flags->words().size() != 1) return usage("which file? One, or - for standard input");
  const std::string name = flags->text("model", "");
  const std::optional<CheckedModel> model = checked_model(name);
  if (!model && flags->has("model")) return usage("unknown model " + name);
  const Result<Bounds> bounds = bounds_of(*flags);
  if (!bounds) return usage(bounds.error().message);
  const std::string& path = flags->words().front();
  const Result<std::vector<CheckedHistory>> histories = read_histories(path, model);
  if (!histories) return refuse(path + ": " + histories.error().message);
  bool illegal = false;
  bool unknown = false;
  Patience patience(bounds->seconds);
  for (const CheckedHistory& history : *histories) {
    const Finding finding = judge_and_print(history, *bounds, patience);
    illegal = illegal || finding == Finding::kIllegal;
    unknown = unknown || finding == Finding::kUnknown;
  }
  if (illegal) return 1;
  return unknown ? 3 : 0;
}

}  // namespace detcd::sim
