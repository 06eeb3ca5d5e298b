// The members of a run on their machines: started, killed, restarted; their observers and logs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "member/member.h"
#include "sim/machine/machine.h"
#include "sim/oracles/cluster.h"
#include "sim/run/run.h"

namespace detcd::sim {

class Cluster {
 public:
  // Machines are made and switched on; members start at once. All arguments outlive the cluster.
  Cluster(Kernel& kernel, SimNetwork& network, ClusterOracle& oracle, const RunOptions& options);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(seats_.size()); }
  [[nodiscard]] Machine& machine(std::uint32_t node);
  // The node's life ends; it stays down until start().
  void kill(std::uint32_t node, Death death);
  void start(std::uint32_t node);
  // While it is down: its disk is an earlier copy from now on.
  void put_back(std::uint32_t node, DiskImage copy);
  [[nodiscard]] std::uint64_t id_of(std::uint32_t node) const { return members_.at(node - 1).id; }
  [[nodiscard]] bool running(std::uint32_t node) const;
  // Null while the member is down or still recovering its directory.
  [[nodiscard]] server::Node* node(std::uint32_t node) const;
  // The node with this member id, 0 when there is none.
  [[nodiscard]] std::uint32_t node_of(std::uint64_t member_id) const;
  // Of its process, as it introduces itself to its peers; null while there is none.
  [[nodiscard]] std::optional<std::uint64_t> life(std::uint32_t node) const;
  // Hands a message over as if it came from that life of its sender, when the node is up.
  void deliver(std::uint32_t node, raft::Message message, std::uint64_t life);
  // It isn't provably whole: down after a power loss, opening, or Recovering.
  [[nodiscard]] bool is_doubtful(std::uint32_t node) const;
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
