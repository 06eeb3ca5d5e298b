#include "sim/campaign/shrink.h"

#include <array>
#include <utility>

#include "sim/campaign/search.h"
#include "sim/campaign/shrink_entries.h"
#include "sim/campaign/shrink_words.h"

namespace detcd::sim {
namespace {

// Of the time, for entries; the rest is for words.
constexpr unsigned kEntriesElapsedMost = 700;
// A stretch that is enough saves most of the work, but hundreds of long runs may look for it in
// vain: the time is better spent on halves then.
constexpr unsigned kStretchElapsedMost = 150;
// Entries that a person takes in at once: no reason to change what they need, or to go on for long.
constexpr std::size_t kFewEnough = 10;
// With so many, the runs that changed counts take are soon made up for.
constexpr std::size_t kMany = 200;

void lower_counts_above(Search& search, std::size_t entries) {
  if (search.best().plan.size() <= entries) return;
  search.begin_pass("counts");
  lower_counts(search);
}

// With the best's own seed until nothing changes.
void shorten(Search& search) {
  // First: entries that only fill a log up to a snapshot, say, are needed no more.
  lower_counts_above(search, kMany);
  std::size_t before = 0;
  do {
    before = search.best().plan.size();
    search.begin_pass("horizon");
    cut_horizon(search);
    search.begin_pass("families");
    drop_families(search);
    search.begin_pass("clients");
    drop_clients(search);
    search.begin_pass("entries");
    drop_entries(search, 0);
    drop_writes_with_revisions(search);
    lower_counts_above(search, kFewEnough);
  } while (search.best().plan.size() < before && !search.exhausted());
  search.begin_pass("pairs");
  drop_pairs(search);
}

// With other seeds as well: `runs` candidates at each size of chunks, again while it helps.
void shorten_with_seeds(Search& search, std::size_t runs) {
  std::size_t before = 0;
  do {
    before = search.best().plan.size();
    search.begin_pass("times");
    move_together(search, runs / 8);
    search.begin_pass("entries, other seeds");
    drop_entries(search, runs);
    search.begin_pass("members");
    drop_nodes(search, 1);
    search.begin_pass("horizon");
    cut_horizon(search);
  } while (search.best().plan.size() < before && !search.exhausted());
}

void shorten_all(Search& search) {
  search.begin_pass("horizon");
  cut_horizon(search);
  search.begin_pass("a stretch");
  search.allot({.elapsed_most = kStretchElapsedMost, .shortcut = true});
  keep_stretch(search);
  search.allot({.elapsed_most = kEntriesElapsedMost});
  shorten(search);
  constexpr std::array<std::size_t, 3> kRuns{24, 96, 384};
  for (const std::size_t runs : kRuns) {
    if (runs == kRuns.back() && search.best().plan.size() <= kFewEnough) break;
    shorten_with_seeds(search, runs);
  }
}

}  // namespace

Shrunk shrink(RunOptions options, Duration failed_at, const ShrinkLimits& limits,
              const FirstFailing& first_failing) {
  Search search(std::move(options), failed_at, limits, first_failing);
  search.allot({.elapsed_most = kEntriesElapsedMost});
  shorten_all(search);
  search.allot({});
  search.begin_pass("micro-choices");
  drop_overrides(search);
  search.begin_pass("settings");
  simplify_settings(search);
  search.begin_pass("names");
  simplify_names(search);
  search.begin_pass("words");
  simplify_entries(search);
  // Simpler entries may be fewer.
  shorten(search);
  return {search.best(), search.judged(), !search.cut_short()};
}

}  // namespace detcd::sim
