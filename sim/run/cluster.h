// The members of a run on their machines: started, killed, restarted; their observers and logs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "member/member.h"
#include "sim/faults/members.h"
#include "sim/machine/machine.h"
#include "sim/oracles/cluster.h"
#include "sim/run/run.h"

namespace detcd::sim {

class Cluster final : public Members {
 public:
  // Machines are made and switched on; members start at once. All arguments outlive the cluster.
  Cluster(Kernel& kernel, SimNetwork& network, ClusterOracle& oracle, const RunOptions& options);
  ~Cluster() override;
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] std::uint32_t size() const override {
    return static_cast<std::uint32_t>(seats_.size());
  }
  [[nodiscard]] Machine& machine(std::uint32_t node) override;
  void kill(std::uint32_t node, Death death) override;
  void start(std::uint32_t node) override;
  void put_back(std::uint32_t node, DiskImage copy) override;
  [[nodiscard]] std::uint64_t id_of(std::uint32_t node) const override {
    return members_.at(node - 1).id;
  }
  [[nodiscard]] bool running(std::uint32_t node) const override;
  [[nodiscard]] const raft::Raft* core(std::uint32_t node) const override;
  [[nodiscard]] std::uint32_t node_of(std::uint64_t member_id) const override;
  [[nodiscard]] std::optional<std::uint64_t> life(std::uint32_t node) const override;
  void deliver(std::uint32_t node, raft::Message message, std::uint64_t life) override;
  [[nodiscard]] bool is_doubtful(std::uint32_t node) const override;
  // Null while the member is down or still recovering its directory.
  [[nodiscard]] server::Node* node(std::uint32_t node) const;
  // A member ended on its own: what it said.
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }
  [[nodiscard]] std::vector<std::string> endpoints() const;

 private:
  struct Seat;
  runtime::Task<void> live(Seat& seat);
  void fail(const Seat& seat, const std::string& what);

  ClusterOracle& oracle_;
  const RunOptions& options_;
  std::vector<membership::Member> members_;
  std::uint64_t cluster_id_ = 0;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::optional<std::string> failure_;
};

}  // namespace detcd::sim
