#include "sim/campaign/tally.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "raft/raft.h"

namespace detcd::sim {
namespace {

constexpr std::array<std::string_view, kCountedKinds> kNames{
    "elections",   "leaders",        "steps-down",
    "truncations", "snapshots-sent", "snapshots-installed",
    "recoveries",  "dropped",        "failed-reads",
    "crashes",     "power-losses",   "starts",
    "faults",      "missed-faults",  "refused",
    "unknown"};

std::optional<Counted> counted_in(const raft::Event& event) {
  if (const auto* changed = std::get_if<raft::RoleChanged>(&event)) {
    if (changed->to == raft::RoleName::kLeader) return Counted::kLeaders;
    if (changed->to == raft::RoleName::kCandidate) return Counted::kElections;
    if (changed->from == raft::RoleName::kLeader) return Counted::kStepsDown;
    return std::nullopt;
  }
  if (std::holds_alternative<raft::LogTruncated>(event)) return Counted::kTruncations;
  if (std::holds_alternative<raft::SnapshotNeeded>(event)) return Counted::kSnapshots;
  if (std::holds_alternative<raft::RecoveryEnded>(event)) return Counted::kRecoveries;
  if (std::holds_alternative<raft::ProposalDropped>(event)) return Counted::kDropped;
  if (std::holds_alternative<raft::ReadFailed>(event)) return Counted::kFailedReads;
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Counted kind) {
  return kNames.at(static_cast<std::size_t>(kind));
}

std::optional<Counted> counted_of(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Counted>(found - kNames.begin());
}

void Tally::count_in(RunOptions& options) {
  options.watcher = this;
  options.on_happening = [this](VirtualTime, const std::string& who, const std::string& what) {
    if (!who.starts_with("c")) return;
    if (what.starts_with("is refused")) add(Counted::kRefused, 0);
    if (what.starts_with("doesn't learn")) add(Counted::kUnknown, 0);
  };
}

std::uint64_t Tally::count(Counted kind, std::uint32_t node) const {
  if (node > kTallyNodesMax) return 0;
  return (*counts_).at(node).at(static_cast<std::size_t>(kind));
}

void Tally::add(Counted kind, std::uint32_t node) {
  if (ended_) return;
  const auto at = static_cast<std::size_t>(kind);
  ++(*counts_)[0].at(at);
  if (node > 0 && node <= kTallyNodesMax) ++(*counts_).at(node).at(at);
}

void Tally::on_death(std::uint32_t node, Death death) {
  add(death == Death::kCrash ? Counted::kCrashes : Counted::kPowerLosses, node);
}

void Tally::on_fault(const FaultEntry&, std::uint32_t, bool done) {
  add(done ? Counted::kFaults : Counted::kMissed, 0);
}

void Tally::on_raft_event(std::uint32_t node, const raft::Event& event) {
  const std::optional<Counted> kind = counted_in(event);
  if (kind) add(*kind, node);
}

}  // namespace detcd::sim
