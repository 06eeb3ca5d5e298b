// What happens inside a member, in words that a person reads in a story: elections, votes, logs
// that were replaced. Not the steady work.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "raft/events.h"

namespace detcd::sim {

// Empty for what isn't worth telling. `nodes` says which node has which member id.
[[nodiscard]] std::string in_words(const raft::Event& event,
                                   const std::map<std::uint64_t, std::uint32_t>& nodes);

}  // namespace detcd::sim
