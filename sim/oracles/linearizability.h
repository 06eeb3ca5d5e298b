// Exact linearizability (SIMULATION §2.3). The order is given, not searched for: the applied index
// of every write, the served index of every read. The checker replays the reference model in that
// order, compares every field of every answer, and verifies on its own that the order agrees with
// real time.
#pragma once

#include <cstdint>
#include <optional>

#include "sim/history/history.h"
#include "sim/oracles/model.h"

namespace detcd::sim {

struct Judgement {
  std::optional<Violation> violation;
  std::uint64_t acknowledged = 0;  // Answers that were compared.
  std::uint64_t unordered = 0;     // Calls that could not be placed in the order.
  Model model;                     // After all that was applied.
};

[[nodiscard]] Judgement judge_linearizability(const History& history);

// What is refused at this index, whatever it holds: by the alarms that are active before it,
// whoever raised them and why, and by what its caller isn't granted.
[[nodiscard]] std::optional<apply::ApiError> refused_at(const History& history,
                                                        const Operation& operation,
                                                        std::uint64_t index);

}  // namespace detcd::sim
