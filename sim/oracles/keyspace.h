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
#include "sim/oracles/oracle.h"

namespace detcd::sim {

// All replicas have applied the whole log, as the model has.
[[nodiscard]] std::optional<Violation> judge_keyspace(const Model& model,
                                                      const std::vector<Replica>& replicas);

class KeyspaceOracle final : public Oracle {
 public:
  explicit KeyspaceOracle(const OracleWorld& world) : fail_(world.fail) {}
  void on_settled(const Settled& settled) override {
    const std::optional<Violation> found = judge_keyspace(settled.model, settled.replicas);
    if (found) fail_(found->oracle, found->message);
  }

 private:
  decltype(OracleWorld::fail) fail_;
};

}  // namespace detcd::sim
