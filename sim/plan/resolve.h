// A plan's operation as it is really asked: revisions below zero count back from what the client
// has seen (plan.h).
#pragma once

#include "sim/plan/plan.h"

namespace detcd::sim {

[[nodiscard]] Operation resolve(const Operation& operation, apply::Revision seen);
[[nodiscard]] watch::Create resolve(watch::Create request, apply::Revision seen);

}  // namespace detcd::sim
