// The judge of what is left when a run has settled: every member's store, asked directly, holds
// what the model holds, at the present and at older revisions, and gives the same hashes as the
// others' do.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "apply/applier.h"
#include "sim/history/history.h"
#include "sim/oracles/model.h"

namespace detcd::sim {

struct Replica {
  std::uint32_t node = 0;
  const apply::Applier* applier = nullptr;
};

// All replicas have applied the whole log, as the model has.
[[nodiscard]] std::optional<Violation> judge_keyspace(const Model& model,
                                                      const std::vector<Replica>& replicas);

}  // namespace detcd::sim
