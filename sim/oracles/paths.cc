#include "sim/oracles/paths.h"

#include <string_view>
#include <variant>

namespace detcd::sim {
namespace {

constexpr std::string_view kInstalled = "path: a snapshot was taken over";
constexpr std::string_view kNeeded = "path: a follower needed a snapshot";
constexpr std::string_view kTruncated = "path: entries gave way to a leader's";
constexpr std::string_view kTorn = "path: a log ended in a torn record";
constexpr std::string_view kDamaged = "path: a log was found damaged";
constexpr std::string_view kRecovering = "path: a member doubted itself";
constexpr std::string_view kRecovered = "path: a recovery ended";
constexpr std::string_view kElected = "path: an election was won";
constexpr std::string_view kLost = "path: an election was lost";
constexpr std::string_view kPreLost = "path: a pre-election was lost";
constexpr std::string_view kDeposed = "path: a leader stepped down";
constexpr std::string_view kDropped = "path: a proposal found no leader";
constexpr std::string_view kReadFailed = "path: a round of reads failed";
constexpr std::string_view kOldTerm = "path: a message of an old term arrived";

constexpr std::string_view kAll[] = {kInstalled,  kNeeded,    kTruncated,  kTorn,   kDamaged,
                                     kRecovering, kRecovered, kElected,    kLost,   kPreLost,
                                     kDeposed,    kDropped,   kReadFailed, kOldTerm};

}  // namespace

std::span<const std::string_view> path_probes() {
  return kAll;
}

PathsOracle::PathsOracle(const OracleWorld& world) : probes_(world.probes) {
  for (const std::string_view path : kAll) probes_.declare(path);
}

void PathsOracle::changed(std::uint32_t, const raft::RoleChanged& change) {
  using raft::RoleName;
  if (change.to == RoleName::kLeader) probes_.hit(kElected);
  if (change.to == RoleName::kRecovering) probes_.hit(kRecovering);
  if (change.to != RoleName::kFollower) return;
  if (change.from == RoleName::kLeader) probes_.hit(kDeposed);
  if (change.from == RoleName::kCandidate) probes_.hit(kLost);
  if (change.from == RoleName::kPreCandidate) probes_.hit(kPreLost);
}

void PathsOracle::on_step(std::uint32_t node, const raft::Raft& core) {
  terms_[node] = core.term();
}

void PathsOracle::on_event(std::uint32_t node, const raft::Event& event) {
  if (const auto* change = std::get_if<raft::RoleChanged>(&event)) changed(node, *change);
  if (std::holds_alternative<raft::LogTruncated>(event)) probes_.hit(kTruncated);
  if (std::holds_alternative<raft::SnapshotNeeded>(event)) probes_.hit(kNeeded);
  if (std::holds_alternative<raft::RecoveryEnded>(event)) probes_.hit(kRecovered);
  if (std::holds_alternative<raft::ProposalDropped>(event)) probes_.hit(kDropped);
  if (std::holds_alternative<raft::ReadFailed>(event)) probes_.hit(kReadFailed);
}

void PathsOracle::on_receive(std::uint32_t node, const raft::Message& message) {
  const auto term = terms_.find(node);
  if (term != terms_.end() && message.term < term->second) probes_.hit(kOldTerm);
}

void PathsOracle::on_recovered(std::uint32_t, wal::Recovered::Health health, const raft::Raft&) {
  if (health == wal::Recovered::Health::kTorn) probes_.hit(kTorn);
  if (health == wal::Recovered::Health::kDamaged) probes_.hit(kDamaged);
}

void PathsOracle::on_installed(std::uint32_t, const apply::Position&) {
  probes_.hit(kInstalled);
}

}  // namespace detcd::sim
