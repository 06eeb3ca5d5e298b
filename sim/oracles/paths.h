// No judge, but counts the paths of the product that a campaign must have gone: what is never
// reached isn't tested, however many seeds pass.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>

#include "sim/oracles/oracle.h"

namespace detcd::sim {

// The names of all.
[[nodiscard]] std::span<const std::string_view> path_probes();

class PathsOracle final : public Oracle {
 public:
  explicit PathsOracle(const OracleWorld& world);
  void on_step(std::uint32_t node, const raft::Raft& core) override;
  void on_event(std::uint32_t node, const raft::Event& event) override;
  void on_receive(std::uint32_t node, const raft::Message& message) override;
  void on_recovered(std::uint32_t node, wal::Recovered::Health health,
                    const raft::Raft& restored) override;
  void on_installed(std::uint32_t node, const apply::Position&) override;

 private:
  void changed(std::uint32_t node, const raft::RoleChanged& change);

  Probes& probes_;
  std::map<std::uint32_t, raft::Term> terms_;  // By member, as of its last step.
};

}  // namespace detcd::sim
