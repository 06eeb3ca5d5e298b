// A simulated run judged once more, from what its clients saw alone: by search, without the log
// that the exact judge goes by. What the exact judge finds legal must be legal here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/check/judge.h"
#include "sim/history/history.h"

namespace detcd::sim {

[[nodiscard]] CheckedHistory seen_by_clients(const History& history);

struct CrossCheck {
  // None when the search was given up: the history is too long or too open.
  std::optional<Finding> finding;
  std::uint64_t calls = 0;  // Judged.
  std::string words;        // kIllegal
};

[[nodiscard]] CrossCheck cross_check(const History& history);

}  // namespace detcd::sim
