// Raft's safety properties (dissertation figure 3.2), watched from outside over a whole run: every
// violation is kept as a sentence. They know only statuses, logs and what was applied.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "raft/raft.h"

namespace detcd::raft::testing {

class Invariants {
 public:
  // After each step of `id`.
  void observe(NodeId id, const Raft& core);
  void observe_applied(NodeId id, const Entry& entry);
  void observe_installed(NodeId id, Index index);
  // `id` starts again; what it applied before in memory is gone.
  void restarted(NodeId id, const Raft& core);
  // The newest configuration committed up to `index`.
  [[nodiscard]] Configuration configuration_at(Index index) const;
  // What everybody starts from, before the log.
  void set_initial(Configuration configuration) { configurations_[0] = std::move(configuration); }
  [[nodiscard]] Index highest_commit() const {
    return committed_.empty() ? Index() : Index(committed_.rbegin()->first);
  }
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }

 private:
  void violated(std::string sentence) { violations_.push_back(std::move(sentence)); }
  void check_log(NodeId id, const Raft& core, const Status& status);
  void check_leader(NodeId id, const Raft& core, const Status& status);
  void check_commit(NodeId id, const Raft& core, const Status& status);

  std::map<std::uint64_t, NodeId> leaders_;                                 // By term.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> entries_;  // (index, term): bytes.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> before_;  // And the term before.
  std::map<std::uint64_t, std::pair<Term, std::string>> committed_;          // By index, ever.
  std::map<NodeId, Index, IdOrder> commit_;
  std::map<NodeId, Term, IdOrder> term_;
  std::map<NodeId, Index, IdOrder> applied_;
  std::map<NodeId, std::pair<Index, Term>, IdOrder>
      seen_;  // Last index and term when last looked at.
  std::map<std::uint64_t, Configuration> configurations_;  // Committed, by index.
  std::vector<std::string> violations_;
};

}  // namespace detcd::raft::testing
