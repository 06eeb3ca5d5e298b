#include "sim/campaign/shrink.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace detcd::sim {
namespace {

constexpr unsigned kPatienceSeconds = 120;

template <class Entry>
std::vector<Entry> without(const std::vector<Entry>& entries, std::size_t from, std::size_t to) {
  std::vector<Entry> rest;
  rest.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i < from || i >= to) rest.push_back(entries[i]);
  }
  return rest;
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

class Shrinker {
 public:
  Shrinker(RunOptions options, const ShrinkLimits& limits, const StillFails& still_fails)
      : best_(std::move(options)), limits_(limits), still_fails_(still_fails) {}

  Shrunk run(Duration failed_at) {
    drop_later_than(failed_at);
    cut_settings();
    bool changed = true;
    while (changed && !exhausted()) {
      const std::size_t before = best_.plan.size();
      reduce(&Plan::faults);
      reduce(&Plan::operations);
      shifting_ = true;
      reduce(&Plan::operations);
      shifting_ = false;
      reduce_pairs(&Plan::operations);
      cut_settings();
      changed = best_.plan.size() < before;
    }
    const bool minimal = !changed && !exhausted();
    return {std::move(best_), judged_, minimal};
  }

 private:
  [[nodiscard]] bool exhausted() const { return judged_ >= limits_.judged; }

  // Takes the first candidate that still fails, so that the result doesn't depend on how many are
  // judged at once. Which one it was, or how many there were.
  std::size_t take_first(std::vector<RunOptions> candidates) {
    judged_ += candidates.size();
    const std::vector<bool> fails = still_fails_(candidates);
    const auto at = static_cast<std::size_t>(std::ranges::find(fails, true) - fails.begin());
    if (at < candidates.size()) best_ = std::move(candidates[at]);
    return at;
  }

  void drop_later_than(Duration time) {
    RunOptions candidate = best_;
    const auto later = [time](const auto& entry) { return entry.at > time; };
    std::erase_if(candidate.plan.faults, later);
    std::erase_if(candidate.plan.operations, later);
    const bool cuts = candidate.plan.size() < best_.plan.size();
    if (!cuts || candidate.plan.size() == 0) return;
    static_cast<void>(take_first({std::move(candidate)}));
  }

  template <class Entry>
  void reduce(std::vector<Entry> Plan::* entries) {
    std::size_t chunk = (best_.plan.*entries).size();
    while (chunk > 0 && !exhausted()) {
      bool shrank = false;
      for (std::size_t from = 0; from < (best_.plan.*entries).size() && !exhausted();) {
        const std::size_t size = (best_.plan.*entries).size();
        std::vector<RunOptions> candidates;
        for (std::size_t at = from; at < size && candidates.size() < limits_.at_once; at += chunk) {
          RunOptions candidate = best_;
          const std::size_t end = std::min(at + chunk, size);
          candidate.plan.*entries = without(best_.plan.*entries, at, end);
          if (shifting_) shift_revisions(candidate.plan.operations, end - at);
          candidates.push_back(std::move(candidate));
        }
        // The chunks before the one that went had to stay; what follows moved up to its place.
        const std::size_t tried = candidates.size();
        const std::size_t kept = take_first(std::move(candidates));
        shrank = shrank || kept < tried;
        from += kept * chunk;
      }
      // Entries that stayed beside one that then went are tried again.
      if (!shrank || chunk > 1) chunk /= 2;
    }
  }

  // At a local minimum two entries may be superfluous together.
  void reduce_pairs(std::vector<OperationEntry> Plan::* entries) {
    constexpr std::size_t kFew = 32;
    bool shrank = true;
    while (shrank && (best_.plan.*entries).size() <= kFew && !exhausted()) {
      std::vector<RunOptions> candidates;
      shrank = false;
      const std::size_t size = (best_.plan.*entries).size();
      for (std::size_t i = 0; i < size && !shrank && !exhausted(); ++i) {
        for (std::size_t j = i + 1; j < size && !shrank; ++j) {
          RunOptions candidate = best_;
          candidate.plan.*entries = without(without(best_.plan.*entries, j, j + 1), i, i + 1);
          candidates.push_back(std::move(candidate));
          const bool last = i + 2 == size && j + 1 == size;
          if (candidates.size() < limits_.at_once && !last) continue;
          const std::size_t tried = candidates.size();
          shrank = take_first(std::exchange(candidates, {})) < tried;
        }
      }
    }
  }

  template <class Change>
  void try_settings(const Change& change) {
    RunOptions candidate = best_;
    change(candidate.settings);
    if (candidate.settings == best_.settings || exhausted()) return;
    static_cast<void>(take_first({std::move(candidate)}));
  }

  void cut_settings() {
    Duration last{};
    std::uint32_t clients = 1;
    for (const FaultEntry& entry : best_.plan.faults) last = std::max(last, entry.at);
    for (const OperationEntry& entry : best_.plan.operations) {
      last = std::max(last, entry.at);
      clients = std::max(clients, entry.client);
    }
    try_settings([&](Settings& s) { s.clients = std::min(s.clients, clients); });
    try_settings([&](Settings& s) { s.length = std::min(s.length, last + s.election * 2); });
    // With a snapshot every few entries less has to happen before one is taken.
    for (const std::uint64_t count : {10, 5, 2}) {
      try_settings([&](Settings& s) { s.snapshot_count = std::min(s.snapshot_count, count); });
      try_settings([&](Settings& s) { s.catch_up_entries = std::min(s.catch_up_entries, count); });
    }
  }

  RunOptions best_;
  ShrinkLimits limits_;
  const StillFails& still_fails_;
  std::size_t judged_ = 0;
  // A write that goes takes a revision along: what stands at later ones moves with it.
  bool shifting_ = false;
};

}  // namespace

Shrunk shrink(RunOptions options, Duration failed_at, const ShrinkLimits& limits,
              const StillFails& still_fails) {
  return Shrinker(std::move(options), limits, still_fails).run(failed_at);
}

std::vector<bool> fail_like(const std::vector<RunOptions>& candidates,
                            const std::string& fingerprint) {
  std::vector<bool> fails(candidates.size(), false);
  Children children(kPatienceSeconds);
  for (std::size_t i = 0; i < candidates.size(); ++i) children.begin(i, candidates[i]);
  while (const std::optional<Children::Ended> ended = children.finish()) {
    const std::optional<Violation>& violation = ended->child.result.violation;
    fails[ended->seed] = violation && violation->fingerprint() == fingerprint;
  }
  return fails;
}

}  // namespace detcd::sim
