#include "sim/faults/fault.h"

#include <algorithm>

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
std::uint64_t FaultDraw::boundary() const {
  constexpr std::uint64_t kFarthest = 24;
  const std::uint64_t word = draw_.word(kTarget, 2 * ordinal_ + 1);
  return below(word, 4) == 0 ? 1 + below(mix64(word), kFarthest) : 0;
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
  return available() && (settings.nodes > 1 || info_.alone);
}
Duration Family::gap(const Settings& settings) const {
  return settings.election * static_cast<std::int64_t>(settings.fault_gap);
}

}  // namespace detcd::sim
