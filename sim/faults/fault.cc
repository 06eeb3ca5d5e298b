#include "sim/faults/fault.h"

#include <algorithm>
#include <iterator>

#include "base/hash.h"
#include "runtime/random.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {
namespace {

using runtime::Site;

constexpr Site kLength{"plan: length of a fault"};
constexpr Site kVictim{"plan: victim of a fault"};
constexpr Site kDetail{"plan: detail of a fault"};
constexpr Site kTarget{"plan: aim of a fault"};
constexpr Site kExtra{"plan: what else a fault needs"};
// Faults to data at rest share their minority: no record is lost everywhere.
constexpr Site kMinority{"plan: victim of a fault"};
constexpr std::uint64_t kMinorityEntity = 102;

}  // namespace

std::uint64_t FaultDraw::length_word() const {
  return draw_.word(kLength, ordinal_);
}
std::uint64_t FaultDraw::detail_word() const {
  return draw_.word(kDetail, ordinal_);
}
std::uint64_t FaultDraw::extra_word() const {
  return draw_.word(kExtra, ordinal_);
}
std::uint64_t FaultDraw::detail(std::uint64_t bound) const {
  return draw_.pick(kDetail, ordinal_, bound);
}
std::uint64_t FaultDraw::choose(std::uint64_t bound) const {
  return draw_.pick(kVictim, ordinal_, bound);
}
std::uint32_t FaultDraw::victim() const {
  return static_cast<std::uint32_t>(choose(settings_.nodes)) + 1;
}
bool FaultDraw::at_leader() const {
  return draw_.pick(kTarget, 2 * ordinal_, 3) == 0;
}
Duration FaultDraw::down() const {
  return log_uniform(length_word(), election() / 10, election() * 10);
}
Moment FaultDraw::moment() const {
  constexpr std::uint64_t kFarthest = 24;
  constexpr std::uint64_t kFarthestNamed = 6;
  constexpr DiskCall kNamed[] = {DiskCall::kWrite,    DiskCall::kSync,         DiskCall::kSync,
                                 DiskCall::kAllocate, DiskCall::kCreate,       DiskCall::kRename,
                                 DiskCall::kRemove,   DiskCall::kSyncDirectory};
  constexpr std::uint64_t kParts = 1000;
  const std::uint64_t word = draw_.word(kTarget, 2 * ordinal_ + 1);
  Moment moment;
  if (below(word, 4) != 0) {
    if (below(mix64(word, 1), 11) != 0) moment.in_flight = 1 + below(mix64(word, 2), kParts - 1);
    return moment;
  }
  moment.boundary = 1 + below(mix64(word), kFarthest);
  if (below(mix64(word, 3), 5) == 0) return moment;
  moment.boundary = 1 + below(mix64(word), kFarthestNamed);
  moment.call = kNamed[below(mix64(word, 4), std::size(kNamed))];
  return moment;
}
std::uint32_t FaultDraw::of_minority() const {
  const std::uint32_t minority =
      settings_.beyond_budget ? settings_.nodes : std::max(1U, (settings_.nodes - 1) / 2);
  const std::uint64_t first = draw_.of(kMinorityEntity).pick(kMinority, 0, settings_.nodes);
  return static_cast<std::uint32_t>((first + detail(minority)) % settings_.nodes) + 1;
}

std::uint64_t Family::key() const {
  return info_.key ? *info_.key : hash64(info_.name);
}
bool Family::possible(const Settings& settings) const {
  if (info_.beyond_budget && !settings.beyond_budget) return false;
  return available() && (settings.nodes >= info_.nodes_least || info_.alone);
}
Duration Family::gap(const Settings& settings) const {
  const auto gap = static_cast<std::int64_t>(settings.fault_gap);
  return settings.election * gap * info_.gap_times;
}

}  // namespace detcd::sim
