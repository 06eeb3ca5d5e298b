// Ways of a node that are always open and rarely the best (runtime::Random::rarely): taken now and
// then, so that what follows from them is no news on the day when circumstances ask for it.
#pragma once

#include <cstdint>

#include "raft/raft.h"
#include "runtime/random.h"

namespace detcd::server {

struct Choices {
  Choices(const runtime::Random& random, std::uint64_t member);

  // Of the core's next step.
  [[nodiscard]] raft::Leeway leeway() {
    const bool single = single_entries.taken();
    const bool snapshot = snapshot_first.taken();
    const bool shortest = shortest_timeout.taken();
    return {.single_entries = single, .snapshot_first = snapshot, .shortest_timeout = shortest};
  }

  runtime::RareChoice single_entries;
  runtime::RareChoice snapshot_first;
  runtime::RareChoice shortest_timeout;
  runtime::RareChoice proposal_alone;
  runtime::RareChoice ask_again;
  runtime::RareChoice save_alone;
  runtime::RareChoice snapshot_early;
  runtime::RareChoice apply_one_entry;
  runtime::RareChoice apply_one_unit;
  runtime::RareChoice sweep_one_unit;
  runtime::RareChoice watch_one_unit;
  runtime::RareChoice answers_wait;
};

}  // namespace detcd::server
