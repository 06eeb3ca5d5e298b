// What happened inside the core, as data: the log, the metrics, the simulator's oracles and the
// spec check all read the same events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "raft/types.h"

namespace detcd::raft {

enum class RoleName : std::uint8_t;

struct RoleChanged {
  RoleName from;
  RoleName to;
  Term term;
};
struct LeaderChanged {  // As this replica sees it; none: no leader known.
  std::optional<NodeId> leader;
  Term term;
};
struct VoteCast {
  NodeId candidate;
  Term term;
};
struct CommitAdvanced {
  Index commit;
  Term term;
};
struct LogTruncated {  // Entries from here on were replaced.
  Index from;
};
struct ConfigurationChanged {  // In force from now on: appended, rolled back or restored.
  Configuration configuration;
  Index index;
};
struct ChangeRefused {
  enum class Reason : std::uint8_t {
    kNotLeader,
    kTermNotCommitted,
    kChangeUnderWay,
    kInvalid
  } reason;
};
struct ProposalDropped {  // How many commands of the Propose; they were not appended here.
  enum class Reason : std::uint8_t { kNoLeader, kTransferring, kTooManyUncommitted } reason;
  std::uint64_t commands = 0;
};
// Commands of one Propose were appended at [first, first + commands) of `term` (leader only). A
// step of Propose has at most one of these, for that Propose; one of Receive has it for forwarded
// ones.
struct ProposalAppended {
  Index first;
  Term term;
  std::uint64_t commands = 0;
};
struct ReadFailed {
  std::uint64_t read_id = 0;
};
struct SnapshotNeeded {  // A follower lacks what the log no longer has: the shell sends its state.
  NodeId to;
};
struct RecoveryEnded {
  Index caught_up;
};
struct TransferEnded {
  NodeId to;
  bool done = false;  // False: it timed out or was given up.
};

using Event = std::variant<RoleChanged, LeaderChanged, VoteCast, CommitAdvanced, LogTruncated,
                           ConfigurationChanged, ChangeRefused, ProposalDropped, ProposalAppended,
                           ReadFailed, SnapshotNeeded, RecoveryEnded, TransferEnded>;

// One line for people: "role follower -> candidate, term 4".
[[nodiscard]] std::string describe(const Event& event);

}  // namespace detcd::raft
