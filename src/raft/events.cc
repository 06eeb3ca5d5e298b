#include "raft/events.h"

#include <string_view>

#include "raft/raft.h"

namespace detcd::raft {
namespace {

std::string text(std::uint64_t value) {
  return std::to_string(value);
}
template <class Tag>
std::string text(Ordinal<Tag> value) {
  return std::to_string(value.value());
}
std::string text(NodeId node) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (std::uint64_t rest = node.value(); rest != 0 || hex.empty(); rest >>= 4) {
    hex.insert(hex.begin(), kDigits[rest & 15]);
  }
  return hex;
}
std::string text(const NodeSet& nodes) {
  std::string list;
  for (const NodeId node : nodes) list += (list.empty() ? "" : ",") + text(node);
  return "(" + list + ")";
}
std::string text(const Configuration& c) {
  std::string line = "voters " + text(c.voters);
  if (c.joint()) line += " outgoing " + text(c.voters_outgoing);
  if (!c.learners.empty()) line += " learners " + text(c.learners);
  if (!c.learners_next.empty()) line += " learners next " + text(c.learners_next);
  return line;
}

std::string_view name(ChangeRefused::Reason reason) {
  switch (reason) {
    case ChangeRefused::Reason::kNotLeader:
      return "not the leader";
    case ChangeRefused::Reason::kTermNotCommitted:
      return "no entry of this term is committed";
    case ChangeRefused::Reason::kChangeUnderWay:
      return "a change or transfer is under way";
    case ChangeRefused::Reason::kInvalid:
      return "not a valid configuration";
  }
  return "unknown";
}

std::string_view name(ProposalDropped::Reason reason) {
  switch (reason) {
    case ProposalDropped::Reason::kNoLeader:
      return "no leader";
    case ProposalDropped::Reason::kTransferring:
      return "leadership is being transferred";
    case ProposalDropped::Reason::kTooManyUncommitted:
      return "too many bytes are uncommitted";
  }
  return "unknown";
}

struct Describe {
  std::string operator()(const RoleChanged& e) const {
    return "role " + std::string(name_of(e.from)) + " -> " + std::string(name_of(e.to)) +
           ", term " + text(e.term);
  }
  std::string operator()(const LeaderChanged& e) const {
    return "leader " + (e.leader ? text(*e.leader) : "none") + ", term " + text(e.term);
  }
  std::string operator()(const VoteCast& e) const {
    return "vote for " + text(e.candidate) + ", term " + text(e.term);
  }
  std::string operator()(const CommitAdvanced& e) const {
    return "commit " + text(e.commit) + ", term " + text(e.term);
  }
  std::string operator()(const LogTruncated& e) const {
    return "log truncated from " + text(e.from);
  }
  std::string operator()(const ConfigurationChanged& e) const {
    return "configuration at " + text(e.index) + ": " + text(e.configuration);
  }
  std::string operator()(const ChangeRefused& e) const {
    return "change refused: " + std::string(name(e.reason));
  }
  std::string operator()(const ProposalDropped& e) const {
    return "proposal of " + text(e.commands) + " dropped: " + std::string(name(e.reason));
  }
  std::string operator()(const ProposalAppended& e) const {
    return "proposal of " + text(e.commands) + " appended at " + text(e.first) + ", term " +
           text(e.term);
  }
  std::string operator()(const ReadFailed& e) const {
    return "read " + text(e.read_id) + " failed";
  }
  std::string operator()(const SnapshotNeeded& e) const {
    return "snapshot needed by " + text(e.to);
  }
  std::string operator()(const RecoveryEnded& e) const {
    return "recovery ended at " + text(e.caught_up);
  }
  std::string operator()(const TransferEnded& e) const {
    return "transfer to " + text(e.to) + (e.done ? " done" : " given up");
  }
};

}  // namespace

std::string describe(const Event& event) {
  return std::visit(Describe{}, event);
}

}  // namespace detcd::raft
