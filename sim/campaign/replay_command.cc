#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "sim/campaign/arguments.h"
#include "sim/campaign/command_line.h"
#include "sim/campaign/commands.h"
#include "sim/campaign/picture.h"
#include "sim/campaign/report.h"
#include "sim/campaign/shared.h"
#include "sim/campaign/trace_file.h"
#include "sim/campaign/verdict.h"

namespace detcd::sim {
namespace {

constexpr std::uint32_t kLane = 4;  // Columns.

std::string seconds(VirtualTime at) {
  const auto us = static_cast<std::uint64_t>(at.time_since_epoch() / 1us);
  return fmt::format("{}.{:06}", us / 1'000'000, us % 1'000'000);
}

void print_in_lane(VirtualTime at, std::uint32_t lane, const std::string& words) {
  fmt::print("{:>13} {:>{}}{}\n", seconds(at), "", lane * kLane, words);
  std::fflush(stdout);
}

// Faults stand at the left, then members one column further each, then clients.
std::uint32_t lane_of(const std::string& who, std::uint32_t nodes) {
  const auto number = static_cast<std::uint32_t>(std::strtoul(who.c_str() + 1, nullptr, 10));
  if (who.starts_with("n")) return number;
  return who.starts_with("c") ? nodes + number : 0;
}

// What everybody does and logs, a lane each.
void print_lanes(RunOptions& options, const Between& between) {
  options.on_log = [between](VirtualTime at, std::uint32_t node, const telemetry::Record& record) {
    if (!between.holds(at)) return;
    std::string fields;
    for (const telemetry::Field& field : record.fields)
      fields += " " + field.key + "=" + field.json;
    print_in_lane(at, node,
                  fmt::format("n{} {}: {}{}", node, telemetry::name_of(record.level),
                              record.message, fields));
  };
  options.on_happening = [between, nodes = options.settings.nodes](
                             VirtualTime at, const std::string& who, const std::string& what) {
    if (between.holds(at)) print_in_lane(at, lane_of(who, nodes), who + " " + what);
  };
}

std::string_view name_of(EventKind kind) {
  switch (kind) {
    case EventKind::kWorld:
      return "world";
    case EventKind::kTask:
      return "task";
    case EventKind::kTimer:
      return "timer";
    case EventKind::kMessage:
      return "message";
    case EventKind::kOffload:
      return "offload";
    case EventKind::kNetwork:
      return "network";
    case EventKind::kDisk:
      return "disk";
    case EventKind::kFault:
      return "fault";
    case EventKind::kNote:
      return "note";
  }
  return "";
}

// Every event of the kernel, in the lanes of members; the world's and the clients' at the left.
void print_events(RunOptions& options, const Between& between) {
  options.on_event = [between, nodes = options.settings.nodes](const EventRecord& event) {
    if (!between.holds(event.time)) return;
    const auto node = static_cast<std::uint32_t>(event.node.value());
    print_in_lane(event.time, node <= nodes ? node : 0,
                  fmt::format("#{} node {} {} {:016x}", event.number, node, name_of(event.kind),
                              event.payload));
  };
}

// The same run once more, up to this event: when it happened.
VirtualTime time_of_event(RunOptions options, std::uint64_t number) {
  const Shared<std::int64_t> time;
  options.on_log = {};
  options.on_happening = {};
  options.on_event = [&](const EventRecord& event) {
    if (event.number <= number) *time = event.time.time_since_epoch().count();
  };
  static_cast<void>(run_in_child(options));
  return VirtualTime(Duration(*time));
}

std::string in_words(std::string_view verdict, const std::string& fingerprint) {
  return fmt::format("{}{}{}", verdict, fingerprint.empty() ? "" : ", ", fingerprint);
}

// The code, or the file, isn't what it was: where that shows, and whether the verdict still stands.
void print_divergence(const RunOptions& options, const Trace& trace, const RunResult& now) {
  std::size_t same = 0;
  while (same < std::min(trace.checkpoints.size(), now.checkpoints.size()) &&
         trace.checkpoints[same] == now.checkpoints[same]) {
    ++same;
  }
  const std::uint64_t event = same * kEventsPerCheckpoint;
  fmt::print(
      "diverged: checkpoint {} of {} is the first that differs: the runs are the same up to event "
      "{} at {}s, and differ within the next {}; the recorded hash was {:016x}\n",
      same + 1, trace.checkpoints.size() + 1, event,
      seconds(event == 0 ? VirtualTime{} : time_of_event(options, event - 1)), kEventsPerCheckpoint,
      trace.hash);
  const std::string before = in_words(trace.verdict, trace.fingerprint);
  const std::string after =
      in_words(sim::name_of(now.verdict), now.violation ? now.violation->fingerprint() : "");
  if (before == after) {
    fmt::print("it was followed to its end all the same, with the verdict it had: {}\n", after);
  } else {
    fmt::print("it was followed to its end all the same; recorded: {}; now: {}\n", before, after);
  }
}

}  // namespace

int replay_command(const std::string& program, const std::vector<std::string>& arguments) {
  const Result<Arguments> flags =
      Arguments::parse(arguments, {"html", "from", "to"}, {"edited", "log", "events"});
  if (!flags) return usage(flags.error().message);
  if (flags->words().size() != 1) return usage("replay needs one trace file");
  const Result<Between> between = between_of(*flags);
  if (!between) return usage(between.error().message);
  const std::string& path = flags->words().front();
  const bool edited = flags->has("edited");
  const Result<Trace> trace = read_trace(path, edited ? Strictness::kEdited : Strictness::kWhole);
  if (!trace) {
    fmt::print(stderr, "detcd-sim: {}\n", trace.error().message);
    return 1;
  }
  RunOptions options = options_of(*trace);
  if (flags->has("log")) print_lanes(options, *between);
  if (flags->has("events")) print_events(options, *between);
  if (trace->commit != DETCD_GIT_COMMIT) {
    fmt::print("recorded by commit {}, replayed by {}\n", trace->commit, DETCD_GIT_COMMIT);
  }
  const std::string again = program + " replay " + path + (edited ? " --edited" : "");
  const std::string html = flags->text("html", "");
  const Picture picture = html.empty()
                              ? Picture{run_in_child(options), std::nullopt}
                              : draw_picture(options, *trace, {html, path, again, *between});
  const ChildResult& child = picture.child;
  if (picture.bytes) fmt::print("drawn: {} ({} KB)\n", html, *picture.bytes / 1000);
  const bool same = child.result.hash == trace->hash;
  if (!same && !edited) print_divergence(options, *trace, child.result);
  const int code = finish(options, child, again);
  if (!html.empty() && !picture.bytes) {
    fmt::print(stderr, "detcd-sim: {} wasn't drawn: it can't be written, or the run died\n", html);
    return 1;
  }
  return same || edited ? code : 1;
}

}  // namespace detcd::sim
