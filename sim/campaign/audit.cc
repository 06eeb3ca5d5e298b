#include "sim/campaign/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "runtime/random.h"
#include "sim/campaign/site_names.h"

namespace detcd::sim {
namespace {

// A tie is drawn when its event is scheduled, which may be a while before it runs.
constexpr std::uint64_t kCheckpointsBefore = 3;
constexpr int kAttempts = 4;

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
  return "unknown";
}

std::string site_name(runtime::Site site) {
  static const std::map<std::uint64_t, std::string_view> names = [] {
    std::map<std::uint64_t, std::string_view> all;
    for (const std::string_view name : site_names()) all[runtime::Site(name).key] = name;
    return all;
  }();
  const auto found = names.find(site.key);
  return found == names.end() ? fmt::format("{:016x}", site.key) : std::string(found->second);
}

std::string time_text(VirtualTime time) {
  const auto ns = static_cast<std::uint64_t>(time.time_since_epoch().count());
  return fmt::format("{}.{:09}s", ns / 1'000'000'000, ns % 1'000'000'000);
}

std::string node_text(NodeNumber node) {
  const std::uint64_t number = node.value();
  if (number == 0) return "world";
  return number > 100 ? fmt::format("c{}", number - 100) : fmt::format("n{}", number);
}

std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

bool is_step(std::string_view line) {
  return line.starts_with("event ") || line.starts_with("draw ");
}

// What one process did: `window` is empty or "A..B".
Result<std::string> ask(const Audit& what, const Place& place, const std::string& window) {
  std::vector<std::string> arguments = what.run;
  arguments.insert(arguments.end(),
                   {"--hashes", "--heap", std::to_string(place.surroundings.number)});
  if (!window.empty()) arguments.insert(arguments.end(), {"--events", window});
  return run_elsewhere(place.program, arguments, place.surroundings);
}

Result<RunHashes> hashes_of(const Result<std::string>& text, const Place& place) {
  if (!text) return text.error();
  std::optional<RunHashes> hashes = parse_hashes(*text);
  if (!hashes) return Error{Errc::kIo, place.program + " printed no hash"};
  return *std::move(hashes);
}

std::uint64_t equal_checkpoints(const RunHashes& a, const RunHashes& b) {
  const auto [at, other] = std::ranges::mismatch(a.checkpoints, b.checkpoints);
  return static_cast<std::uint64_t>(at - a.checkpoints.begin());
}

// Does both runs once more around the first checkpoint that differs, with all events. A run that
// isn't the same twice may part elsewhere this time: then there.
std::string locate(const Audit& what, const Place& place, std::uint64_t equal) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::uint64_t from = equal - std::min(equal, kCheckpointsBefore);
    const std::string window =
        fmt::format("{}..{}", from * kEventsPerCheckpoint, (equal + 1) * kEventsPerCheckpoint);
    const Result<std::string> one = ask(what, what.places.front(), window);
    const Result<std::string> other = ask(what, place, window);
    const Result<RunHashes> a = hashes_of(one, what.places.front());
    const Result<RunHashes> b = hashes_of(other, place);
    if (!a || !b) break;
    const std::string difference = first_difference(*one, *other);
    if (!difference.empty()) return difference;
    equal = equal_checkpoints(*a, *b);
  }
  return "  done again, the difference didn't show: it hangs on more than what audit varies\n";
}

}  // namespace

std::string Place::name() const {
  return fmt::format("{} in surroundings {}",
                     std::filesystem::path(program).lexically_normal().string(),
                     surroundings.number);
}

void record_events(RunOptions& options, std::uint64_t first, std::uint64_t last) {
  const auto inside = std::make_shared<bool>(first == 0);
  options.on_event = [first, last, inside](const EventRecord& event) {
    *inside = event.number >= first && event.number <= last;
    if (!*inside) return;
    fmt::print("event {} at {} {} {} payload {:016x} tie {:016x}\n", event.number,
               time_text(event.time), node_text(event.node), name_of(event.kind), event.payload,
               event.tie);
  };
  options.on_draw = [inside](runtime::Site site, std::uint64_t entity, std::uint64_t ordinal,
                             std::uint64_t value) {
    if (!*inside) return;
    fmt::print("draw \"{}\" entity {:016x} ordinal {} gives {:016x}\n", site_name(site), entity,
               ordinal, value);
  };
}

std::string first_difference(const std::string& one, const std::string& other) {
  std::string_view a = one;
  std::string_view b = other;
  std::string_view event;
  while (!a.empty() || !b.empty()) {
    const std::string_view mine = next_line(a);
    const std::string_view theirs = next_line(b);
    if (mine != theirs && (is_step(mine) || is_step(theirs))) {
      return fmt::format("  both did:    {}\n  then one:    {}\n  the other:   {}\n",
                         event.empty() ? "(nothing yet)" : event, mine, theirs);
    }
    if (mine.starts_with("event ")) event = mine;
  }
  return {};
}

Result<std::string> audit(const Audit& what) {
  const Place& first = what.places.front();
  const Result<RunHashes> expected = hashes_of(ask(what, first, ""), first);
  if (!expected) return expected.error();
  std::string text;
  for (std::size_t i = 1; i < what.places.size(); ++i) {
    const Place& place = what.places[i];
    const Result<RunHashes> found = hashes_of(ask(what, place, ""), place);
    if (!found) return found.error();
    if (*found == *expected) continue;
    const std::uint64_t equal = equal_checkpoints(*expected, *found);
    text += fmt::format("{} and {} differ after event {}: \"{}\" and \"{}\"\n", first.name(),
                        place.name(), equal * kEventsPerCheckpoint, expected->end, found->end);
    text += locate(what, place, equal);
  }
  return text;
}

}  // namespace detcd::sim
