// Plans that are changes of other plans. A recipe says how a plan comes about - drawn from a seed,
// then changed so many times - and is all that has to be kept of it: every change is a function of
// what it changes and of its key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/plan/plan.h"

namespace detcd::sim {

struct Recipe {
  std::uint64_t seed = 1;
  std::vector<std::uint64_t> changes;  // Their keys, in order.
  friend bool operator==(const Recipe&, const Recipe&) = default;
};

// "203,411": the keys of the changes.
[[nodiscard]] std::string print_changes(const std::vector<std::uint64_t>& changes);
[[nodiscard]] Result<std::vector<std::uint64_t>> parse_changes(std::string_view text);

// What a seed was drawn to: all that a change may touch.
struct Draft {
  std::uint64_t seed = 1;  // Of the micro-choices.
  Settings settings;
  Plan plan;
  friend bool operator==(const Draft&, const Draft&) = default;
};

// Changes faults mostly - when, whom, how long, how many, in what company -, and sometimes settings
// or the seed; operations stay. The draft stays one that its profile could have drawn: who rots,
// and how many members there are, is left alone.
void change(Draft& draft, std::uint64_t key);

}  // namespace detcd::sim
