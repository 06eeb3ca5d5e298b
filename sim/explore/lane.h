// Which plan a campaign tries next. A campaign's runs are dealt out to a fixed number of lanes;
// within a lane each choice depends on the results of the runs before it and on nothing else. So a
// campaign is the same whatever the number of processes, however often it was killed and resumed,
// and lanes done on other machines add up to it.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "sim/explore/mutate.h"

namespace detcd::sim {

inline constexpr std::uint64_t kLanes = 64;

class Lane {
 public:
  // In `guided_percent` of its runs the lane changes a plan that found something new.
  explicit Lane(std::uint64_t guided_percent) : guided_percent_(guided_percent) {}

  // The plan of the run with this number, now that all runs of the lane before it are known.
  [[nodiscard]] Recipe next(std::uint64_t number) const;

  // The states among `seen` that no run of the lane has been in before, ascending; they are known
  // from now on. A run that is worth changing (a pass) and found some becomes a parent.
  std::vector<std::uint32_t> take(const Recipe& recipe, bool worth,
                                  const std::vector<std::uint32_t>& seen);
  [[nodiscard]] std::size_t known() const { return known_.size(); }

 private:
  struct Parent {
    Recipe recipe;
    std::size_t found = 0;
  };
  std::uint64_t guided_percent_;
  std::set<std::uint32_t> known_;
  std::vector<Parent> parents_;  // In the order of their runs.
};

}  // namespace detcd::sim
