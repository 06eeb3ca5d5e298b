#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "auth/ranges.h"
#include "tests/support/replay.h"

namespace detcd::auth {
namespace {

// Keys of two letters of three: all of them can be looked at.
const std::vector<std::string>& all_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> made;
    for (const char a : {'a', 'b', 'c'}) {
      made.emplace_back(1, a);
      for (const char b : {'\0', 'a', 'b', 'c'}) made.push_back({a, b});
    }
    return made;
  }();
  return keys;
}

struct Asked {
  std::string key;
  std::string end;
};

Asked draw_range() {
  const std::string key = *rc::gen::elementOf(all_keys());
  const int form = *rc::gen::inRange(0, 4);
  if (form == 0) return {key, ""};
  if (form == 1) return {key, std::string(1, '\0')};
  return {key, *rc::gen::elementOf(all_keys())};
}

// What etcd's words mean, key by key.
bool holds(const Asked& range, const std::string& key) {
  if (range.end.empty()) return key == range.key;
  if (range.end == std::string(1, '\0')) return key >= range.key;
  return key >= range.key && key < range.end;
}

RC_GTEST_PROP(AuthRanges, CoverExactlyWhatTheirMembersCoverTogether, ()) {
  std::vector<Asked> granted(static_cast<std::size_t>(*rc::gen::inRange(0, 6)));
  std::vector<Interval> first;
  std::vector<Interval> second;
  for (std::size_t i = 0; i < granted.size(); ++i) {
    granted[i] = draw_range();
    (i % 2 == 0 ? first : second).push_back(interval(granted[i].key, granted[i].end));
  }
  const Ranges one = Ranges::merge(first);
  const Ranges other = Ranges::merge(second);
  const Asked wanted = draw_range();
  const bool covered = cover({&one, &other}, interval(wanted.key, wanted.end));
  // A key that is asked for and not granted: then it must not be covered.
  for (const std::string& key : all_keys()) {
    if (!holds(wanted, key)) continue;
    const bool is_granted =
        std::ranges::any_of(granted, [&](const Asked& range) { return holds(range, key); });
    if (!is_granted) RC_ASSERT(!covered);
  }
  // What is granted as it is asked for is covered.
  const bool sensible =
      wanted.end.empty() || wanted.end == std::string(1, '\0') || wanted.key < wanted.end;
  const bool itself = std::ranges::any_of(granted, [&](const Asked& range) {
    return range.key == wanted.key && range.end == wanted.end;
  });
  if (itself && sensible) RC_ASSERT(covered);
}

RC_GTEST_PROP(AuthRanges, AreKeptDisjointAndAscending, ()) {
  std::vector<Interval> intervals;
  const int count = *rc::gen::inRange(0, 8);
  for (int i = 0; i < count; ++i) {
    const Asked range = draw_range();
    intervals.push_back(interval(range.key, range.end));
  }
  const std::vector<Interval> kept = Ranges::merge(intervals).intervals();
  for (std::size_t i = 1; i < kept.size(); ++i) {
    RC_ASSERT(!kept[i - 1].end.is_open());
    RC_ASSERT(kept[i - 1].end.key() < kept[i].begin);
  }
}

}  // namespace
}  // namespace detcd::auth
