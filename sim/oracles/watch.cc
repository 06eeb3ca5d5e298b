#include "sim/oracles/watch.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "sim/oracles/linearizability.h"

namespace detcd::sim {
namespace {

constexpr std::string_view kResumed = "a watch was resumed on another stream";
constexpr std::string_view kCaughtUp = "a watch began in the past";
constexpr std::string_view kFuture = "a watch began in the future";
constexpr std::string_view kParts = "a watch was told in parts";
constexpr std::string_view kProgress = "a watch was told of progress";
constexpr std::string_view kCompacted = "a compaction ended a watch";
constexpr std::string_view kSeveral = "a watch that was behind was told several revisions at once";

constexpr std::array kProbes{kResumed, kCaughtUp, kFuture, kParts, kProgress, kCompacted, kSeveral};

bool is_empty_range(const watch::Create& create) {
  const bool open = create.range_end == std::string_view("\0", 1);
  return !create.range_end.empty() && !open && create.key >= create.range_end;
}

std::string words(const apply::KeyValue& kv) {
  return "\"" + kv.key.str() + "\" = \"" + kv.value.str().substr(0, 40) + "\" mod " +
         std::to_string(kv.mod_revision) + " create " + std::to_string(kv.create_revision) +
         " version " + std::to_string(kv.version) + " lease " + std::to_string(kv.lease);
}

}  // namespace

std::span<const std::string_view> watch_probes() {
  return kProbes;
}

void WatchOracle::fail(const WatchNote& note, const std::string& what) const {
  world_.fail("watch", what + ": c" + std::to_string(note.client) + " " + describe(note));
}

void WatchOracle::on_applied(std::uint32_t, const apply::Position&) {
  if (!watches_.empty()) learn();
}

// What was applied since, by whoever was first, in the order of the log.
void WatchOracle::learn() {
  const History& history = world_.history;
  for (auto entry = history.log.upper_bound(known_); entry != history.log.end(); ++entry) {
    if (known_ != 0 && entry->first != known_ + 1) return;
    known_ = entry->first;
    const std::optional<apply::RequestId>& request = entry->second.request;
    if (!request || !requests_.insert(*request).second) continue;
    if (const auto said = history.leases.find(known_); said != history.leases.end()) {
      learn_leases(said->second);
      continue;
    }
    const auto proposed = history.proposed.find(*request);
    if (proposed == history.proposed.end()) continue;
    const auto call = history.calls.find(proposed->second);
    if (call == history.calls.end()) continue;
    if (refused_at(history, call->second.operation, known_)) continue;
    std::visit(
        [this](const auto& operation) {
          if constexpr (requires { model_.apply(operation); }) {
            static_cast<void>(model_.apply(operation));
          }
        },
        call->second.operation);
  }
}

// Keys that go with their leases are changes like others.
void WatchOracle::learn_leases(const LeaseRecord& said) {
  std::visit(
      [&](const auto& command) {
        if constexpr (requires { Operation(command); }) {
          if (refused_at(world_.history, Operation(command), known_)) return;
        }
        static_cast<void>(model_.apply(command, Model::Stamp{said.term, said.time_ms}));
      },
      said.command);
}

bool WatchOracle::wants(const watch::Create& create, const Change& change) {
  if (change.erased ? create.no_delete : create.no_put) return false;
  const std::string_view key = change.kv.key.view();
  // The empty key is the smallest one there is.
  const std::string_view begin = create.key.empty() ? std::string_view("\0", 1) : create.key;
  if (create.range_end.empty()) return key == begin;
  if (create.range_end == std::string_view("\0", 1)) return key >= begin;
  return key >= begin && key < create.range_end;
}

const WatchOracle::Change* WatchOracle::next_change(Watch& watch) const {
  while (watch.cursor < changes_.size()) {
    const Change& change = changes_[watch.cursor];
    if (change.revision >= watch.from && wants(watch.wanted, change)) return &change;
    ++watch.cursor;
  }
  return nullptr;
}

const WatchOracle::Change* WatchOracle::change_between(const Watch& watch, apply::Revision from,
                                                       apply::Revision to) const {
  const auto first = std::ranges::lower_bound(changes_, from, {}, &Change::revision);
  for (auto change = first; change != changes_.end() && change->revision < to; ++change) {
    if (wants(watch.wanted, *change)) return &*change;
  }
  return nullptr;
}

void WatchOracle::on_watch(const WatchNote& note) {
  learn();
  if (note.kind == WatchNote::Kind::kLost) return lost(note.client);
  if (note.kind == WatchNote::Kind::kHalted) {
    return fail(note, "a server ended a stream of watches for good");
  }
  if (note.kind == WatchNote::Kind::kWanted) {
    for (const std::string_view probe : kProbes) world_.probes.declare(probe);
    watches_[note.watch] = Watch{.client = note.client, .wanted = note.create};
    return;
  }
  const auto found = watches_.find(note.watch);
  if (found == watches_.end()) {
    const wire::WatchAnswer& answer = note.answer;
    const bool progress = answer.events.empty() && !answer.created && !answer.canceled;
    if (progress && answer.id == watch::kNoWatch) promised_all(note);
    return;
  }
  Watch& watch = found->second;
  if (note.kind == WatchNote::Kind::kUnwanted) {
    watch.over = true;
  } else if (note.kind == WatchNote::Kind::kAsked) {
    asked(note, watch);
  } else if (!watch.over) {
    answered(note, watch);
  }
}

// clientv3's rule (ETCD.md §3.4): what was told whole isn't asked for again, and nothing is left
// out.
void WatchOracle::asked(const WatchNote& note, Watch& watch) {
  watch::Create like = note.create;
  like.start_revision = watch.wanted.start_revision;
  if (like != watch.wanted) return fail(note, "a watch is asked for that nobody wanted");
  watch.asked = true;
  watch.start = note.create.start_revision;
  if (!watch.made_once) return;
  world_.probes.hit(kResumed);
  if (change_between(watch, watch.next, watch.start) != nullptr || watch.start == 0) {
    return fail(note, "a resumed watch leaves out what it was never told");
  }
  if (change_between(watch, watch.start, watch.next) != nullptr) {
    fail(note, "a resumed watch asks again for what it was told");
  }
}

void WatchOracle::answered(const WatchNote& note, Watch& watch) {
  const wire::WatchAnswer& answer = note.answer;
  if (answer.header.revision > model_.revision()) {
    return fail(note, "a watch was told a revision that isn't there yet");
  }
  if (answer.created) return made(note, watch);
  if (!watch.made) return fail(note, "a watch was told something before it was created");
  if (answer.canceled) return canceled(note, watch);
  if (answer.events.empty()) {
    if (!watch.wanted.progress_notify) return fail(note, "a watch was told progress unasked");
    return promised(note, watch);
  }
  told(note, watch);
}

void WatchOracle::made(const WatchNote& note, Watch& watch) {
  const wire::WatchAnswer& answer = note.answer;
  if (!watch.asked || watch.made) return fail(note, "a watch was created that nobody asked for");
  if (answer.canceled) {
    watch.over = true;
    const bool rightly = watch.start < 0 || is_empty_range(watch.wanted);
    if (!rightly) fail(note, "a watch was refused that must be created");
    return;
  }
  if (is_empty_range(watch.wanted)) return fail(note, "a watch was created that must be refused");
  watch.made = true;
  const apply::Revision now = answer.header.revision;
  watch.from = watch.start > 0 ? watch.start : now + 1;
  watch.cursor = static_cast<std::size_t>(
      std::ranges::lower_bound(changes_, watch.from, {}, &Change::revision) - changes_.begin());
  watch.in_parts = false;
  if (watch.start > 0) world_.probes.hit(watch.start <= now ? kCaughtUp : kFuture);
  // One of "now" begins, should its stream be lost, at the revision of "now".
  if (!watch.made_once) watch.next = watch.start > 0 ? watch.start : now;
  watch.made_once = true;
}

void WatchOracle::canceled(const WatchNote& note, Watch& watch) {
  watch.over = true;
  const apply::Revision compacted = note.answer.compact_revision;
  if (compacted == 0) return fail(note, "a watch was canceled that nobody canceled");
  world_.probes.hit(kCompacted);
  if (compacted > model_.compact_revision()) {
    return fail(note, "a watch was ended by a compaction that never was");
  }
  if (std::max(watch.next, watch.from) >= compacted) {
    fail(note, "a compaction ended a watch that isn't behind it");
  }
}

void WatchOracle::told(const WatchNote& note, Watch& watch) {
  const wire::WatchAnswer& answer = note.answer;
  for (const watch::Event& event : answer.events) {
    if (!judge_event(note, watch, event)) return;
  }
  const apply::Revision last = answer.events.back().kv.mod_revision;
  if (answer.header.revision < last) return fail(note, "a response is older than its events");
  if (answer.events.front().kv.mod_revision != last) world_.probes.hit(kSeveral);
  watch.in_parts = answer.fragment;
  if (answer.fragment) {
    world_.probes.hit(kParts);
    if (!watch.wanted.fragment) fail(note, "a watch was told in parts that doesn't take them");
    return;
  }
  const Change* const next = next_change(watch);
  if (next != nullptr && next->revision == last) {
    return fail(note, "a revision was split over responses");
  }
  watch.next = std::max(watch.next, last + 1);
}

bool WatchOracle::judge_event(const WatchNote& note, Watch& watch, const watch::Event& event) {
  const std::string it = " (" + std::string(event.erased ? "deleted " : "") + words(event.kv) + ")";
  const Change* const next = next_change(watch);
  const apply::Revision revision = event.kv.mod_revision;
  const bool right = next != nullptr && next->erased == event.erased && next->kv == event.kv;
  if (!right) {
    const std::string expected =
        next == nullptr
            ? ""
            : ", expected " + std::string(next->erased ? "deleted " : "") + words(next->kv);
    std::string what = "a watch was told of what never happened";
    if (revision > model_.revision()) {
      // It never did.
    } else if (next != nullptr && revision == next->revision) {
      what = "a watch was told otherwise than it happened";
    } else if (next != nullptr && revision > next->revision) {
      what = "a watch was not told of something";
    } else if (revision < watch.from) {
      what = "a watch was told of what was before its start";
    } else {
      what = "a watch was told of something twice, or not in order";
    }
    fail(note, what + it + expected);
    return false;
  }
  ++watch.cursor;
  if (!event.prev_kv) {
    // What was before is gone with a compaction.
    const bool may_lack = !watch.wanted.prev_kv || !next->before ||
                          revision == next->kv.create_revision ||
                          revision - 1 < model_.compact_revision();
    if (!may_lack) fail(note, "a watch was not told what was before" + it);
    return may_lack;
  }
  const bool before_right = watch.wanted.prev_kv && next->before && *event.prev_kv == *next->before;
  if (!before_right) {
    fail(note, "a watch was told wrongly what was before" + it + ": " + words(*event.prev_kv));
  }
  return before_right;
}

// Whoever is told this resumes behind its revision: all before must have been told.
void WatchOracle::promised(const WatchNote& note, Watch& watch) {
  world_.probes.hit(kProgress);
  const apply::Revision revision = note.answer.header.revision;
  const Change* const next = next_change(watch);
  if (watch.in_parts || (next != nullptr && next->revision <= revision)) {
    const std::string what = next == nullptr ? "" : " (" + words(next->kv) + ")";
    return fail(note, "progress was told ahead of events" + what);
  }
  watch.next = std::max(watch.next, revision + 1);
}

void WatchOracle::promised_all(const WatchNote& note) {
  if (note.answer.header.revision > model_.revision()) {
    return fail(note, "a watch was told a revision that isn't there yet");
  }
  for (auto& [name, watch] : watches_) {
    if (watch.client == note.client && watch.made && !watch.over) promised(note, watch);
  }
}

void WatchOracle::lost(std::uint32_t client) {
  for (auto& [name, watch] : watches_) {
    if (watch.client != client) continue;
    watch.asked = watch.made = watch.in_parts = false;
  }
}

std::string WatchOracle::awaited() {
  learn();
  for (auto& [name, watch] : watches_) {
    if (watch.over) continue;
    const std::string who =
        "watch w" + std::to_string(name) + " of c" + std::to_string(watch.client);
    if (!watch.made) return who + " isn't created";
    const Change* const next = next_change(watch);
    if (next != nullptr) {
      return who + " hasn't been told of revision " + std::to_string(next->revision);
    }
  }
  return {};
}

}  // namespace detcd::sim
