#include "sim/run/states.h"

#include <algorithm>
#include <memory>
#include <variant>

#include "base/hash.h"
#include "sim/faults/registry.h"

namespace detcd::sim {
namespace {

// What made somebody look. Raft's events and the kinds of faults follow with their number.
constexpr std::uint64_t kDeath = 1;
constexpr std::uint64_t kStart = 2;
constexpr std::uint64_t kCalm = 3;
constexpr std::uint64_t kInstalled = 4;
constexpr std::uint64_t kEvents = 100;
constexpr std::uint64_t kFaults = 200;
// What grows with every write says nothing new.
constexpr std::uint64_t kLittle = 20;

// 0: as far as the foremost, 1: a little behind, 2: far behind.
std::uint64_t behind(std::uint64_t mine, std::uint64_t foremost) {
  if (mine >= foremost) return 0;
  return foremost - mine <= kLittle ? 1 : 2;
}

bool tells_little(const raft::Event& event) {
  return std::holds_alternative<raft::CommitAdvanced>(event) ||
         std::holds_alternative<raft::ProposalAppended>(event) ||
         std::holds_alternative<raft::ReadFailed>(event) ||
         std::holds_alternative<raft::ProposalDropped>(event);
}

}  // namespace

States::Standing& States::standing(std::uint32_t node) {
  return standings_.at(node - 1);
}

void States::on_begin(const Kernel& kernel, const History&) {
  kernel_ = &kernel;
  standings_.assign(nodes_, Standing{});
}

void States::on_death(std::uint32_t node, Death death) {
  if (kernel_ == nullptr) return;
  Standing& member = standing(node);
  member.life = death == Death::kPowerLoss ? Standing::Life::kLostPower : Standing::Life::kKilled;
  look(kDeath, node);
}

void States::on_start(std::uint32_t node) {
  if (kernel_ == nullptr) return;
  Standing fresh;
  fresh.lives = standing(node).lives + 1;
  fresh.term = standing(node).term;
  standing(node) = fresh;
  look(kStart, node);
}

void States::on_fault(const FaultEntry& entry, std::uint32_t leader, bool done) {
  if (kernel_ == nullptr || !done) return;
  const Family* family = family_of(entry.fault);
  const std::unique_ptr<Fault> fault = read_fault(entry.fault);
  if (family == nullptr || fault == nullptr) return;
  FieldsLook numbers;
  fault->fields(numbers);
  const VirtualTime until = kernel_->now() + numbers.lasts;
  if (family->name() == "partition") cut_until_ = std::max(cut_until_, until);
  if (family->name() == "pause") paused_until_ = std::max(paused_until_, until);
  look(kFaults + family->key(), leader);
}

void States::on_calm() {
  if (kernel_ == nullptr) return;
  calm_ = true;
  look(kCalm, 0);
}

void States::on_installed(std::uint32_t node, const apply::Position&) {
  if (kernel_ == nullptr) return;
  standing(node).installed = true;
  look(kInstalled, node);
}

// The event is told in the middle of a step: how things stand is seen after it.
void States::on_raft_event(std::uint32_t node, const raft::Event& event) {
  if (kernel_ == nullptr || tells_little(event)) return;
  standing(node).event = kEvents + event.index();
}

void States::on_step(std::uint32_t node, const raft::Raft& core) {
  if (kernel_ == nullptr) return;
  Standing& member = standing(node);
  member.stepped = true;
  member.role = core.role();
  member.term = core.term().value();
  member.commit = core.commit().value();
  member.synced = core.persisted().value();
  member.led = core.leader().has_value();
  if (member.event == 0) return;
  const std::uint64_t event = member.event;
  member.event = 0;
  look(event, node);
}

std::uint64_t States::digest(const Standing& member) const {
  std::uint64_t term = 0;
  std::uint64_t commit = 0;
  std::uint64_t synced = 0;
  for (const Standing& each : standings_) {
    term = std::max(term, each.term);
    commit = std::max(commit, each.commit);
    synced = std::max(synced, each.synced);
  }
  const std::uint64_t terms = std::min<std::uint64_t>(term - member.term, 2);
  std::uint64_t word = static_cast<std::uint64_t>(member.life);
  word = word * 2 + (member.stepped ? 1 : 0);
  word = word * 8 + static_cast<std::uint64_t>(member.role);
  word = word * 3 + terms;
  word = word * 3 + behind(member.commit, commit);
  word = word * 3 + behind(member.synced, synced);
  word = word * 2 + (member.led ? 1 : 0);
  word = word * 2 + (member.installed ? 1 : 0);
  return word;
}

void States::look(std::uint64_t what, std::uint32_t node) {
  std::vector<std::uint64_t> members;
  for (const Standing& member : standings_) members.push_back(digest(member));
  const std::uint64_t subject = node == 0 || node > members.size() ? 0 : members[node - 1];
  std::ranges::sort(members);
  std::uint64_t links = calm_ ? 4 : 0;
  if (kernel_->now() < cut_until_) links += 1;
  if (kernel_->now() < paused_until_) links += 2;
  std::uint64_t hash = mix64(mix64(what, subject), links);
  for (const std::uint64_t member : members) hash = mix64(hash, member);
  seen_.insert(static_cast<std::uint32_t>(hash >> 32));
}

}  // namespace detcd::sim
