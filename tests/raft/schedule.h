// A random life of a cluster as a list of numbers: each is one action, so that leaving any of them
// out is again a life, and a failing one shrinks. Running one gives what it violated.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cluster.h"

namespace detcd::raft::testing {

// Ways to break the world that the checks must notice.
enum class Sabotage : std::uint8_t { kNone, kForgetVotes, kAnswerBeforeSync, kForgetLog };

struct Plan {
  Number voters = 3;
  Number seed = 1;
  bool pre_vote = true;
  bool check_quorum = true;
  bool lease_reads = false;
  bool leeway = false;  // Steps take ways that are open anyway.
  bool damage = false;  // Disks may forget what they acknowledged, and say so.
  Sabotage sabotage = Sabotage::kNone;
};

class Schedule {
 public:
  explicit Schedule(const Plan& plan);
  // Whether the cluster is still sound after all actions and, in the end, a calm in which it must
  // elect a leader and reach everybody.
  bool run(const std::vector<std::uint32_t>& actions);
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  // One line per action and event.
  [[nodiscard]] const std::string& trace() const { return trace_; }

 private:
  void act(std::uint32_t action);
  void time_action(std::uint32_t choice);
  void message_action(std::uint32_t choice, std::uint32_t kind);
  void client_action(std::uint32_t choice, std::uint32_t kind);
  void fault_action(std::uint32_t choice, std::uint32_t kind);
  void crash(NodeId id, std::uint32_t choice);
  void change(NodeId id, std::uint32_t choice);
  void ship(bool all);
  void look();
  void calm();
  [[nodiscard]] bool cannot_recover();
  void note(const std::string& line) { trace_ += line + "\n"; }
  [[nodiscard]] NodeId pick(std::uint32_t choice) const { return NodeId(choice % nodes_ + 1); }

  Plan plan_;
  Number nodes_ = 0;
  Cluster cluster_;
  Number next_command_ = 0;
  Number next_read_ = 0;
  std::map<Number, Index> read_floor_;  // The highest commit anywhere when the read began.
  std::vector<std::pair<NodeId, NodeId>> shipments_;
  std::vector<std::string> violations_;
  std::string trace_;
};

}  // namespace detcd::raft::testing
