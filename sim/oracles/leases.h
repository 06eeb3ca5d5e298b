// The judge of the time that leases have: none ends before its time to live has passed since the
// client asked for its grant or for the last keep-alive that was answered, whatever became of
// leaders, processes and clocks meanwhile. What boot clocks gained by drifting and jumping is
// allowed for. That leases end at all is part of a run's settling, that their keys go with them is
// the model's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sim/history/history.h"
#include "sim/oracles/oracle.h"

namespace detcd::sim {

// What leases may go through.
[[nodiscard]] std::span<const std::string_view> lease_probes();

[[nodiscard]] std::optional<Violation> judge_lease_times(const History& history);

class LeaseOracle final : public Oracle {
 public:
  explicit LeaseOracle(const OracleWorld& world) : fail_(world.fail), probes_(world.probes) {}
  void on_command(std::uint32_t node, const apply::Position& position,
                  const apply::Command& command) override;
  void on_settled(const Settled& settled) override;

 private:
  decltype(OracleWorld::fail) fail_;
  Probes& probes_;
};

}  // namespace detcd::sim
