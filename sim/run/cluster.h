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
  void forgot(std::uint32_t node) override;
  void swap_disks(std::uint32_t one, std::uint32_t other) override;
  [[nodiscard]] std::uint64_t refusals(std::uint32_t node) const override;
  void on_disk_failure(OnEnd ended) override { on_disk_failure_ = std::move(ended); }
  [[nodiscard]] std::uint64_t id_of(std::uint32_t node) const override {
    return members_.at(node - 1).id;
  }
  [[nodiscard]] bool running(std::uint32_t node) const override;
  [[nodiscard]] const raft::Raft* core(std::uint32_t node) const override;
  [[nodiscard]] std::uint32_t node_of(std::uint64_t member_id) const override;
  [[nodiscard]] std::optional<std::uint64_t> life(std::uint32_t node) const override;
  bool flip_memory(std::uint32_t node, std::uint64_t where) override;
  [[nodiscard]] const void* state(std::uint32_t node) const override;
  void deliver(std::uint32_t node, raft::Message message, std::uint64_t life) override;
  [[nodiscard]] bool is_doubtful(std::uint32_t node) const override;
  // Null while the member is down or still recovering its directory.
  [[nodiscard]] server::Node* node(std::uint32_t node) const;
  // Looks at what a member's disk holds now, as if its life had ended.
  void judge_disk(std::uint32_t node);
  // A disk acknowledged a sync that never took place: nobody can know what it lost.
  [[nodiscard]] bool any_lie_told() const;
  // A member ended on its own: what it said.
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }
  [[nodiscard]] std::vector<std::string> endpoints() const;

 private:
  struct Seat;
  runtime::Task<void> live(Seat& seat);
  [[nodiscard]] member::Options member_options(std::uint32_t node) const;
  // A member has ended on its own: only its disk, or another's directory, may be why.
  void ended(Seat& seat, const Error& error);

  ClusterOracle& oracle_;
  const RunOptions& options_;
  std::vector<membership::Member> members_;
  std::uint64_t cluster_id_ = 0;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::optional<std::string> failure_;
  OnEnd on_disk_failure_;
};

}  // namespace detcd::sim
