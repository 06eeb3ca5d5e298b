#include "raft/message.h"

#include <array>

#include "raft/raft.h"

namespace detcd::raft {

std::string_view name_of(const Body& body) {
  static constexpr std::array<std::string_view, std::variant_size_v<Body>> kNames = {
      "vote-request",     "vote-response",      "append-request",   "append-response",
      "heartbeat",        "heartbeat-response", "install-snapshot", "timeout-now",
      "forward-proposal", "forward-read",       "read-answer",      "recovery-query",
      "recovery-answer"};
  return kNames[body.index()];
}

std::string_view name_of(RoleName role) {
  switch (role) {
    case RoleName::kFollower:
      return "follower";
    case RoleName::kPreCandidate:
      return "pre-candidate";
    case RoleName::kCandidate:
      return "candidate";
    case RoleName::kLeader:
      return "leader";
    case RoleName::kLearner:
      return "learner";
    case RoleName::kRecovering:
      return "recovering";
  }
  return "unknown";
}

}  // namespace detcd::raft
