// Counts down a budget inside one advance. A call always gets at least one step, so that the
// smallest budget still makes progress.
#pragma once

#include <algorithm>
#include <cstdint>

#include "mvcc/types.h"

namespace detcd::mvcc {

class Meter {
 public:
  explicit Meter(Budget budget) : left_(std::max<std::uint64_t>(1, budget.units)) {}
  // False when nothing is left: the caller answers More. Ask before a step, not for its whole cost.
  bool spend(std::uint64_t units = 1) {
    if (left_ == 0) return false;
    charge(units);
    return true;
  }
  // What a step that was allowed has cost beyond its asking.
  void charge(std::uint64_t units) { left_ -= std::min(left_, units); }
  [[nodiscard]] bool empty() const { return left_ == 0; }
  [[nodiscard]] std::uint64_t left() const { return left_; }

 private:
  std::uint64_t left_;
};

}  // namespace detcd::mvcc
