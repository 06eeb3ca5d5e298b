// Users and what they may, as operations of a plan: the first client is root, each other one has a
// user and a role of its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auth/types.h"
#include "sim/plan/draw.h"
#include "sim/plan/settings.h"

namespace detcd::sim {

inline constexpr std::uint32_t kRootClient = 1;

[[nodiscard]] std::string user_of(std::uint32_t client);
// What root does before anything else, in this order; the last enables what was set up.
[[nodiscard]] std::vector<auth::Change> set_up_access(const Draw& draw, const Settings& settings);
// One change later on. Its draws have the ordinals from `ordinal` on, eight at most.
[[nodiscard]] auth::Change change_access(const Draw& draw, std::uint64_t ordinal,
                                         const Settings& settings);

}  // namespace detcd::sim
