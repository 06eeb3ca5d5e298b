#include "sim/history/watched.h"

#include "sim/plan/plan.h"

namespace detcd::sim {
namespace {

std::string words(const wire::WatchAnswer& answer) {
  std::string out = "of revision " + std::to_string(answer.header.revision);
  if (answer.created) out += ": created";
  if (answer.canceled) out += ": canceled " + answer.cancel_reason;
  if (answer.compact_revision != 0) {
    out += ": compacted to " + std::to_string(answer.compact_revision);
  }
  const bool progress = answer.events.empty() && !answer.created && !answer.canceled;
  if (progress) out += ": nothing more";
  if (answer.events.empty()) return out;
  return out + ": " + std::to_string(answer.events.size()) + " events of " +
         std::to_string(answer.events.front().kv.mod_revision) + " to " +
         std::to_string(answer.events.back().kv.mod_revision) +
         (answer.fragment ? ", to be continued" : "");
}

std::string words(const watch::Create& create) {
  WatchEntry entry;
  entry.request = create;
  const std::string line = print(entry);
  return line.substr(line.find(" watch ") + 1);
}

}  // namespace

std::string describe(const WatchNote& note) {
  const std::string name = note.watch == 0 ? "all" : "w" + std::to_string(note.watch);
  switch (note.kind) {
    case WatchNote::Kind::kWanted:
      return "wants " + name + " " + words(note.create);
    case WatchNote::Kind::kAsked:
      return "asks for " + name + " " + words(note.create);
    case WatchNote::Kind::kAnswered:
      return "is told " + name + " " + words(note.answer);
    case WatchNote::Kind::kLost:
      return "loses its stream: " + note.why;
    case WatchNote::Kind::kUnwanted:
      return "cancels " + name;
    case WatchNote::Kind::kHalted:
      return "watches no more: " + note.why;
  }
  return {};
}

}  // namespace detcd::sim
