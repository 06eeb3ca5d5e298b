#include "sim/campaign/shrink_entries.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <utility>

#include "sim/campaign/entries.h"
#include "sim/campaign/reduce.h"
#include "sim/faults/registry.h"

namespace detcd::sim {
namespace {

RunOptions with_plan(const RunOptions& options, Plan plan) {
  RunOptions changed = options;
  changed.plan = std::move(plan);
  return changed;
}

template <class T>
std::vector<T> only(const std::vector<T>& all, const Kept& kept) {
  std::vector<T> some;
  some.reserve(kept.size());
  for (const std::size_t n : kept) some.push_back(all[n]);
  return some;
}

// Reduces `units` pieces of the plan; `plan` makes one from those that are kept.
template <class MakePlan>
void reduce_plan(Search& search, std::size_t units, std::size_t runs, const MakePlan& plan) {
  const RunOptions whole = search.best();
  if (units == 0) return;
  static_cast<void>(reduce(units, [&](std::size_t count, const auto& candidate) {
    const std::size_t seeds = runs == 0 ? 0 : std::max<std::size_t>(1, runs / count);
    return search.attempt(
        count, [&](std::size_t n) { return with_plan(whole, plan(candidate(n))); }, seeds);
  }));
}

// Entries of one kind each; the kinds ascend.
std::vector<std::vector<Entry>> groups_of(const std::vector<Entry>& entries,
                                          std::size_t (*kind)(const Entry&)) {
  std::map<std::size_t, std::vector<Entry>> groups;
  for (const Entry& entry : entries) groups[kind(entry)].push_back(entry);
  std::vector<std::vector<Entry>> listed;
  for (auto& [key, group] : groups) listed.push_back(std::move(group));
  return listed;
}

void drop_groups(Search& search, std::size_t (*kind)(const Entry&)) {
  const std::vector<std::vector<Entry>> groups = groups_of(entries_of(search.best().plan), kind);
  reduce_plan(search, groups.size(), 0, [&](const Kept& kept) {
    std::vector<Entry> entries;
    for (const std::size_t n : kept) {
      entries.insert(entries.end(), groups[n].begin(), groups[n].end());
    }
    std::ranges::stable_sort(entries, {}, time_of);
    return plan_of(entries);
  });
}

Duration first_time(const Settings& settings) {
  return settings.election * 2;
}

// The entries begin at `first`; the length shrinks by as much.
RunOptions moved_to(const RunOptions& options, std::vector<Entry> entries, Duration first) {
  RunOptions changed = options;
  const Duration by = entries.empty() ? Duration{} : time_of(entries.front()) - first;
  if (by > Duration{}) {
    for (Entry& entry : entries) set_time(entry, time_of(entry) - by);
    changed.settings.length = std::max(changed.settings.length - by, options.settings.election * 2);
  }
  changed.plan = plan_of(entries);
  return changed;
}

// No gap between two entries longer than `most`, and the first not later than that allows.
RunOptions squeezed(const RunOptions& options, Duration most) {
  std::vector<Entry> entries = entries_of(options.plan);
  Duration before{};
  Duration now = std::min(first_time(options.settings), time_of(entries.front()));
  for (Entry& entry : entries) {
    const Duration at = time_of(entry);
    if (&entry != &entries.front()) now += std::min(at - before, most);
    before = at;
    set_time(entry, now);
  }
  RunOptions changed = with_plan(options, plan_of(entries));
  changed.settings.length = std::max(options.settings.length - (before - now), Duration(1ms));
  return changed;
}

// What is at or after the n-th entry happens sooner.
RunOptions sooner(const RunOptions& options, std::vector<Entry> entries, std::size_t n,
                  Duration by) {
  for (std::size_t i = n; i < entries.size(); ++i) set_time(entries[i], time_of(entries[i]) - by);
  RunOptions changed = with_plan(options, plan_of(entries));
  changed.settings.length -= by;
  return changed;
}

// Reads at a revision and compactions go so much further back.
void shift_revisions(std::vector<OperationEntry>& operations, std::size_t by) {
  const auto shift = [by](apply::Revision& revision) {
    if (revision > 0) revision = std::max<apply::Revision>(1, revision - static_cast<int>(by));
  };
  for (OperationEntry& entry : operations) {
    if (auto* range = std::get_if<apply::RangeRequest>(&entry.operation)) shift(range->revision);
    if (auto* compact = std::get_if<apply::CompactionRequest>(&entry.operation)) {
      shift(compact->revision);
    }
  }
}

// All that comes after `end` goes.
RunOptions cut_at(const RunOptions& options, Duration end) {
  RunOptions shorter = options;
  const auto later = [end](const auto& entry) { return entry.at > end; };
  std::erase_if(shorter.plan.faults, later);
  std::erase_if(shorter.plan.operations, later);
  std::erase_if(shorter.plan.watches, later);
  shorter.settings.length = std::max(end, options.settings.election * 2) / 1ms * 1ms;
  return shorter;
}

// When the failure came isn't known where the judge speaks at the end only: the shortest beginning
// that still fails is found by trying, the cheapest first.
void bisect_horizon(Search& search) {
  constexpr int kShortest = 64;
  constexpr int kRefinements = 3;
  const RunOptions whole = search.best();
  const Duration length = whole.settings.length;
  Duration fails = length;
  for (int part = kShortest; part > 1 && fails == length; part /= 2) {
    if (length / part <= whole.settings.election) continue;
    if (search.attempt({cut_at(whole, length / part)}, 0)) fails = length / part;
  }
  Duration passes = fails / 2;
  for (int n = 0; n < kRefinements && !search.exhausted(); ++n) {
    const Duration middle = passes + (fails - passes) / 2;
    if (search.attempt({cut_at(whole, middle)}, 0)) {
      fails = middle;
    } else {
      passes = middle;
    }
  }
}

bool names_revisions(const std::vector<OperationEntry>& operations) {
  return std::ranges::any_of(operations, [](const OperationEntry& entry) {
    const auto* range = std::get_if<apply::RangeRequest>(&entry.operation);
    return (range != nullptr && range->revision > 0) ||
           std::holds_alternative<apply::CompactionRequest>(entry.operation);
  });
}

}  // namespace

void cut_horizon(Search& search) {
  const RunOptions& best = search.best();
  const Duration end = search.failed_at();
  std::vector<RunOptions> candidates;
  const std::vector<Entry> entries = entries_of(best.plan);
  if (end > Duration{} && end < best.settings.length) {
    RunOptions shorter = cut_at(best, end);
    shorter.settings.length = best.settings.length;
    candidates.push_back(shorter);
    // With another seed the same may come a little later.
    const Duration length = (end + best.settings.election * 2) / 1ms * 1ms;
    shorter.settings.length = std::min(best.settings.length, length);
    candidates.insert(candidates.begin(), shorter);
  } else {
    const Duration last = entries.empty() ? best.settings.election : time_of(entries.back());
    for (const int elections : {1, 2, 4}) {
      const Duration length = (last + best.settings.election * elections) / 1ms * 1ms;
      if (length >= best.settings.length) continue;
      candidates.push_back(best);
      candidates.back().settings.length = length;
    }
  }
  constexpr std::size_t kFew = 32;
  if (!search.attempt(std::move(candidates), 0) && entries.size() > kFew) bisect_horizon(search);
}

void keep_stretch(Search& search) {
  const RunOptions whole = search.best();
  const std::vector<Entry> entries = entries_of(whole.plan);
  constexpr std::size_t kShortest = 8;
  constexpr std::size_t kSeedsForTheEnd = 4;
  constexpr std::size_t kStretchesMost = 64;
  constexpr std::size_t kOfTheWhole = 8;
  const auto stretch = [&](std::size_t end, std::size_t size) {
    const auto from = entries.begin() + static_cast<std::ptrdiff_t>(end - size);
    const std::vector<Entry> some(from, from + static_cast<std::ptrdiff_t>(size));
    return moved_to(whole, some, first_time(whole.settings));
  };
  for (std::size_t size = kShortest; size < entries.size(); size *= 2) {
    // The last entries before the failure are the likeliest.
    const auto last = [&](std::size_t) { return stretch(entries.size(), size); };
    if (search.attempt(1, last, kSeedsForTheEnd)) return;
    // Of many more than these the time that it takes to try them is better spent on halves.
    const std::size_t steps = std::min(kStretchesMost, (entries.size() - size) * 2 / size);
    if (size * kOfTheWhole > entries.size() || steps == 0) continue;
    const auto earlier = [&](std::size_t n) {
      return stretch(size + (entries.size() - size) * (steps - 1 - n) / steps, size);
    };
    if (search.attempt(steps, earlier, 0)) return;
  }
}

void drop_families(Search& search) {
  drop_groups(search, [](const Entry& entry) {
    const auto* fault = std::get_if<FaultEntry>(&entry);
    const Family* family = fault == nullptr ? nullptr : family_of(fault->fault);
    const auto at = std::ranges::find(families(), family) - families().begin();
    return static_cast<std::size_t>(at);
  });
}

void drop_clients(Search& search) {
  drop_groups(search, [](const Entry& entry) -> std::size_t {
    if (const auto* watch = std::get_if<WatchEntry>(&entry)) return watch->client;
    const auto* call = std::get_if<OperationEntry>(&entry);
    return call == nullptr ? 0 : call->client;
  });
  RunOptions merged = search.best();
  std::uint32_t used = 1;
  for (OperationEntry& entry : merged.plan.operations) {
    used = std::max(used, entry.client);
    entry.client = 1;
  }
  for (WatchEntry& entry : merged.plan.watches) {
    used = std::max(used, entry.client);
    entry.client = 1;
  }
  merged.settings.clients = 1;
  RunOptions fewer = search.best();
  fewer.settings.clients = std::min(fewer.settings.clients, used);
  search.attempt({merged, fewer}, 2);
}

void drop_entries(Search& search, std::size_t runs) {
  const Plan before = search.best().plan;
  reduce_plan(search, before.faults.size(), runs, [&](const Kept& kept) {
    return Plan{only(before.faults, kept), before.operations, before.watches};
  });
  const Plan watched = search.best().plan;
  reduce_plan(search, watched.watches.size(), runs, [&](const Kept& kept) {
    return Plan{watched.faults, watched.operations, only(watched.watches, kept)};
  });
  const Plan between = search.best().plan;
  reduce_plan(search, between.operations.size(), runs, [&](const Kept& kept) {
    return Plan{between.faults, only(between.operations, kept), between.watches};
  });
  const std::vector<Entry> entries = entries_of(search.best().plan);
  if (runs == 0) return;
  reduce_plan(search, entries.size(), runs,
              [&](const Kept& kept) { return plan_of(only(entries, kept)); });
}

void lower_counts(Search& search) {
  const auto lower = [&](std::uint64_t Settings::* count, std::initializer_list<std::uint64_t> to) {
    std::vector<RunOptions> candidates;
    for (const std::uint64_t number : to) {
      if (number >= search.best().settings.*count) continue;
      candidates.push_back(search.best());
      candidates.back().settings.*count = number;
    }
    search.attempt(std::move(candidates), 1);
  };
  lower(&Settings::snapshot_count, {2, 5, 10});
  lower(&Settings::catch_up_entries, {1, 5, 10});
  lower(&Settings::wal_segment_bytes, {4 << 10, 16 << 10});
}

void drop_pairs(Search& search) {
  constexpr std::size_t kFew = 24;
  const RunOptions whole = search.best();
  const std::vector<Entry> entries = entries_of(whole.plan);
  if (entries.size() > kFew) return;
  Kept all;
  for (std::size_t n = 0; n < entries.size(); ++n) all.push_back(n);
  static_cast<void>(reduce_pairs(all, [&](std::size_t count, const auto& candidate) {
    return search.attempt(
        count,
        [&](std::size_t n) { return with_plan(whole, plan_of(only(entries, candidate(n)))); }, 0);
  }));
}

void drop_writes_with_revisions(Search& search) {
  const Plan before = search.best().plan;
  if (!names_revisions(before.operations)) return;
  reduce_plan(search, before.operations.size(), 0, [&](const Kept& kept) {
    Plan plan{before.faults, only(before.operations, kept), before.watches};
    shift_revisions(plan.operations, before.operations.size() - kept.size());
    return plan;
  });
}

void drop_nodes(Search& search, std::size_t seeds) {
  // Pairs, so that the number stays odd: an even one tolerates no more than one less.
  while (search.best().settings.nodes > 3 && !search.exhausted()) {
    const RunOptions& best = search.best();
    std::vector<RunOptions> candidates;
    for (std::uint32_t a = 1; a <= best.settings.nodes; ++a) {
      for (std::uint32_t b = a + 1; b <= best.settings.nodes; ++b) {
        RunOptions fewer = with_plan(best, without_nodes(best.plan, {a, b}));
        fewer.settings.nodes -= 2;
        candidates.push_back(std::move(fewer));
      }
    }
    if (!search.attempt(std::move(candidates), seeds)) return;
  }
  if (search.best().settings.nodes != 3) return;
  // Alone, a member can't tell a torn sector from damage: such a run would fail for that.
  std::vector<RunOptions> alone;
  for (std::uint32_t stays = 1; stays <= 3; ++stays) {
    std::vector<std::uint32_t> others{1, 2, 3};
    std::erase(others, stays);
    RunOptions fewer = with_plan(search.best(), without_nodes(search.best().plan, others));
    fewer.settings.nodes = 1;
    fewer.settings.torn_ppm = 0;
    fewer.settings.garbage_ppm = 0;
    alone.push_back(std::move(fewer));
  }
  search.attempt(std::move(alone), 1);
}

void move_together(Search& search, std::size_t seeds) {
  if (search.best().plan.size() == 0) return;
  const Duration election = search.best().settings.election;
  std::vector<RunOptions> candidates;
  for (const Duration most : {election / 10, election / 2, election, election * 2, election * 5}) {
    candidates.push_back(squeezed(search.best(), most));
    const bool shorter = candidates.back().settings.length < search.best().settings.length;
    if (!shorter) candidates.pop_back();
  }
  search.attempt(std::move(candidates), seeds);
  std::vector<Entry> entries = entries_of(search.best().plan);
  for (std::size_t n = 0; n < entries.size() && !search.exhausted();) {
    const RunOptions& best = search.best();
    const Duration begin = n == 0 ? election : time_of(entries[n - 1]);
    const Duration gap = time_of(entries[n]) - begin;
    std::vector<RunOptions> sooner_ones;
    for (const Duration by : {gap * 9 / 10, gap / 2}) {
      const bool worth_it = gap > election / 2 && best.settings.length > by;
      if (worth_it) sooner_ones.push_back(sooner(best, entries, n, by));
    }
    if (search.attempt(std::move(sooner_ones), seeds / 4)) {
      entries = entries_of(search.best().plan);
    } else {
      ++n;
    }
  }
}

}  // namespace detcd::sim
