#include "sim/oracles/tale.h"

#include "raft/raft.h"

namespace detcd::sim {
namespace {

class Words {
 public:
  explicit Words(const std::map<std::uint64_t, std::uint32_t>& nodes) : nodes_(nodes) {}

  std::string operator()(const raft::RoleChanged& changed) const {
    const std::string term = std::to_string(changed.term.value());
    if (changed.to == raft::RoleName::kLeader) return "leads term " + term;
    if (changed.to == raft::RoleName::kCandidate) return "stands for election in term " + term;
    if (changed.from == raft::RoleName::kLeader) return "no longer leads; term " + term;
    if (changed.to == raft::RoleName::kRecovering) return "is recovering: it may have forgotten";
    return {};
  }
  std::string operator()(const raft::VoteCast& vote) const {
    return "votes for " + name(vote.candidate) + " in term " + std::to_string(vote.term.value());
  }
  std::string operator()(const raft::LogTruncated& cut) const {
    return "replaces its log from index " + std::to_string(cut.from.value()) + " on";
  }
  std::string operator()(const raft::SnapshotNeeded& needed) const {
    return "must send a snapshot to " + name(needed.to);
  }
  std::string operator()(const raft::RecoveryEnded& ended) const {
    return "has recovered up to index " + std::to_string(ended.caught_up.value());
  }
  template <class Other>
  std::string operator()(const Other&) const {
    return {};
  }

 private:
  [[nodiscard]] std::string name(raft::NodeId id) const {
    const auto node = nodes_.find(id.value());
    return node == nodes_.end() ? "a stranger" : "n" + std::to_string(node->second);
  }
  const std::map<std::uint64_t, std::uint32_t>& nodes_;
};

}  // namespace

std::string in_words(const raft::Event& event,
                     const std::map<std::uint64_t, std::uint32_t>& nodes) {
  return std::visit(Words(nodes), event);
}

}  // namespace detcd::sim
