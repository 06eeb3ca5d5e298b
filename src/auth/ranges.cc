#include "auth/ranges.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace detcd::auth {

Interval interval(std::string_view key, std::string_view range_end) {
  if (range_end.empty()) {
    // The smallest key above it.
    std::string next(key);
    next.push_back('\0');
    return {std::string(key), Bound::before(next)};
  }
  if (range_end == std::string_view("\0", 1)) return {std::string(key), Bound::never()};
  return {std::string(key), Bound::before(range_end)};
}

Ranges Ranges::merge(std::vector<Interval> intervals) {
  std::erase_if(intervals, [](const Interval& one) { return !one.end.is_after(one.begin); });
  std::ranges::sort(intervals, {}, &Interval::begin);
  Ranges merged;
  for (Interval& next : intervals) {
    std::vector<Interval>& done = merged.intervals_;
    const bool touches =
        !done.empty() && (done.back().end.is_after(next.begin) ||
                          (!done.back().end.is_open() && done.back().end.key() == next.begin));
    if (!touches) {
      done.push_back(std::move(next));
    } else if (done.back().end < next.end) {
      done.back().end = std::move(next.end);
    }
  }
  return merged;
}

const Bound* Ranges::reach(std::string_view key) const {
  const auto after = std::ranges::upper_bound(
      intervals_, key, [](std::string_view a, std::string_view b) { return a < b; },
      [](const Interval& one) { return std::string_view(one.begin); });
  if (after == intervals_.begin()) return nullptr;
  const Interval& last = *std::prev(after);
  return last.end.is_after(key) ? &last.end : nullptr;
}

bool cover(const std::vector<const Ranges*>& granted, const Interval& wanted) {
  std::string_view from = wanted.begin;
  for (;;) {
    const Bound* furthest = nullptr;
    for (const Ranges* const ranges : granted) {
      const Bound* const reached = ranges->reach(from);
      if (reached != nullptr && (furthest == nullptr || *furthest < *reached)) furthest = reached;
    }
    if (furthest == nullptr) return false;
    if (!(*furthest < wanted.end)) return true;
    from = furthest->key();  // Beyond `from`, so that this ends.
  }
}

}  // namespace detcd::auth
