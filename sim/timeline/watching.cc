#include "sim/timeline/watching.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sim/plan/text.h"

namespace detcd::sim {
namespace {

constexpr std::size_t kEventsInWords = 12;
constexpr std::size_t kValueBytes = 40;

WatchMarkKind kind_of(const wire::WatchAnswer& answer) {
  if (answer.created) return answer.canceled ? WatchMarkKind::kRefused : WatchMarkKind::kCreated;
  if (answer.canceled) {
    return answer.compact_revision != 0 ? WatchMarkKind::kCompacted : WatchMarkKind::kCanceled;
  }
  return answer.events.empty() ? WatchMarkKind::kProgress : WatchMarkKind::kEvents;
}

WatchMarkKind kind_of(const WatchNote& note) {
  switch (note.kind) {
    case WatchNote::Kind::kWanted:
      return WatchMarkKind::kWanted;
    case WatchNote::Kind::kAsked:
      return WatchMarkKind::kAsked;
    case WatchNote::Kind::kAnswered:
      return kind_of(note.answer);
    case WatchNote::Kind::kLost:
      return WatchMarkKind::kLost;
    case WatchNote::Kind::kUnwanted:
      return WatchMarkKind::kUnwanted;
    case WatchNote::Kind::kHalted:
      return WatchMarkKind::kHalted;
  }
  return WatchMarkKind::kHalted;
}

std::string words(const watch::Event& event) {
  const std::string revision = " mod " + std::to_string(event.kv.mod_revision);
  if (event.erased) return "delete " + quote(event.kv.key.str()) + revision;
  std::string value = event.kv.value.str();
  const bool cut = value.size() > kValueBytes;
  if (cut) value.resize(kValueBytes);
  return "put " + quote(event.kv.key.str()) + " = " + quote(value) + (cut ? "…" : "") + revision;
}

void add_once(std::string words, std::vector<std::string>& all) {
  if (std::ranges::count(all, words) == 0) all.push_back(std::move(words));
}

}  // namespace

WatchMark mark_of(const WatchNote& note) {
  const wire::WatchAnswer& answer = note.answer;
  WatchMark mark;
  mark.client = note.client;
  mark.watch = note.watch;
  mark.kind = kind_of(note);
  mark.words = describe(note);
  if (note.kind == WatchNote::Kind::kWanted || note.kind == WatchNote::Kind::kAsked) {
    const watch::Create& create = note.create;
    const std::string end = create.range_end.empty() ? "" : ".." + quote(create.range_end);
    mark.keys.push_back(quote(create.key) + end);
  }
  if (note.kind != WatchNote::Kind::kAnswered) return mark;
  mark.revision = static_cast<std::uint64_t>(answer.header.revision);
  if (answer.events.empty()) return mark;
  mark.first = static_cast<std::uint64_t>(answer.events.front().kv.mod_revision);
  mark.last = static_cast<std::uint64_t>(answer.events.back().kv.mod_revision);
  for (std::size_t i = 0; i < answer.events.size(); ++i) {
    const watch::Event& event = answer.events[i];
    add_once(quote(event.kv.key.str()), mark.keys);
    if (i < kEventsInWords) mark.words += "\n" + words(event);
  }
  if (answer.events.size() > kEventsInWords) {
    mark.words += "\nand " + std::to_string(answer.events.size() - kEventsInWords) + " more";
  }
  return mark;
}

}  // namespace detcd::sim
