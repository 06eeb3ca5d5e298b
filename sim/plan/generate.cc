#include "sim/plan/generate.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/hash.h"
#include "runtime/random.h"
#include "sim/kernel/distribution.h"
#include "sim/plan/draw.h"
#include "sim/plan/operations.h"

namespace detcd::sim {
namespace {

using runtime::Site;

constexpr Site kSettings{"plan: settings"};
constexpr Site kMask{"plan: families"};
constexpr Site kGap{"plan: time between faults of a family"};
constexpr Site kLength{"plan: length of a fault"};
constexpr Site kVictim{"plan: victim of a fault"};
constexpr Site kDetail{"plan: detail of a fault"};
constexpr Site kTarget{"plan: aim of a fault"};

enum class Family : std::uint64_t {
  kCrash,
  kPowerLoss,
  kRot,
  kPause,
  kPartition,
  kDelay,
  kReset,
  kClock,
  kRotSnapshot,
  kPutBack,
  kEcho,
};
constexpr std::uint64_t kFamilies = 11;
constexpr std::uint64_t kFamilyEntities = 100;

// The draws of another family.
Draw draws_of(Family family, const Draw& draw) {
  return draw.of(kFamilyEntities + static_cast<std::uint64_t>(family));
}

std::uint32_t victim(const Draw& draw, std::uint64_t ordinal, std::uint32_t nodes) {
  return static_cast<std::uint32_t>(draw.pick(kVictim, ordinal, nodes)) + 1;
}

// A third of these faults aim at the leader: it is where a broken promise does harm.
bool at_leader(const Draw& draw, std::uint64_t ordinal) {
  return draw.pick(kTarget, 2 * ordinal, 3) == 0;
}

// A quarter of the deaths strike at a boundary of the disk, so mostly with writes in flight.
std::uint64_t draw_boundary(const Draw& draw, std::uint64_t ordinal) {
  constexpr std::uint64_t kFarthest = 24;
  const std::uint64_t word = draw.word(kTarget, 2 * ordinal + 1);
  return below(word, 4) == 0 ? 1 + below(mix64(word), kFarthest) : 0;
}

Partition draw_partition(const Draw& draw, std::uint64_t ordinal, const Settings& settings,
                         Duration length) {
  Partition partition;
  partition.length = length;
  partition.one_way = draw.pick(kDetail, ordinal, 3) == 0;
  // The leader alone, or a drawn subset, neither empty nor everything.
  if (at_leader(draw, ordinal)) {
    partition.side.push_back(kLeader);
    return partition;
  }
  const std::uint64_t subsets = (std::uint64_t{1} << settings.nodes) - 2;
  const std::uint64_t mask = draw.pick(kVictim, ordinal, subsets) + 1;
  for (std::uint32_t node = 1; node <= settings.nodes; ++node) {
    if ((mask >> (node - 1)) & 1) partition.side.push_back(node);
  }
  return partition;
}

// Rot stays on a drawn minority of the members for the whole run, the same for the log and for the
// snapshot: no record is lost everywhere.
Rot draw_rot(const Draw& draw, std::uint64_t ordinal, const Settings& settings) {
  const std::uint32_t minority = std::max(1U, (settings.nodes - 1) / 2);
  Rot rot;
  rot.node =
      static_cast<std::uint32_t>(draws_of(Family::kRot, draw).pick(kVictim, 0, settings.nodes) +
                                 draw.pick(kDetail, ordinal, minority)) %
          settings.nodes +
      1;
  rot.where = draw.word(kDetail, ordinal) >> 16;
  return rot;
}

Fault draw_fault(Family family, const Draw& draw, std::uint64_t ordinal, const Settings& settings) {
  const Duration election = settings.election;
  const std::uint64_t word = draw.word(kLength, ordinal);
  const std::uint32_t who = victim(draw, ordinal, settings.nodes);
  const bool aims = at_leader(draw, ordinal);
  const Duration down = log_uniform(word, election / 10, election * 10);
  switch (family) {
    case Family::kCrash:
      return Crash{aims ? kLeader : who, down, draw_boundary(draw, ordinal)};
    case Family::kPowerLoss:
      return PowerLoss{aims ? kLeader : who, down, draw_boundary(draw, ordinal)};
    case Family::kRot:
    case Family::kRotSnapshot: {
      Rot rot = draw_rot(draw, ordinal, settings);
      rot.down = down;
      rot.snapshot = family == Family::kRotSnapshot;
      return rot;
    }
    case Family::kPutBack:
      return PutBack{who, log_uniform(mix64(word), election / 2, election * 8),
                     log_uniform(word, election / 10, election)};
    case Family::kPause:
      return Pause{aims ? kLeader : who, log_uniform(word, election / 4, election * 5)};
    case Family::kPartition: {
      const Duration length = log_uniform(word, election / 5, election * 15);
      return draw_partition(draw, ordinal, settings, length);
    }
    case Family::kDelay: {
      const auto other = static_cast<std::uint32_t>(
          (who + draw.pick(kDetail, ordinal, settings.nodes - 1)) % settings.nodes + 1);
      return Delay{who, other, log_uniform(mix64(word), 1ms, election),
                   log_uniform(word, election / 5, election * 15)};
    }
    case Family::kReset: {
      const auto other =
          static_cast<std::uint32_t>(draw.pick(kDetail, ordinal, settings.nodes + 1));
      return Reset{who, other == who ? 0 : other};
    }
    case Family::kClock: {
      const auto drift = static_cast<std::int64_t>(draw.pick(kDetail, ordinal, 401)) - 200;
      const Duration step = log_uniform(word, 1ms, 600s);
      return ClockSkew{who, drift, (word & 1) != 0 ? step : -step};
    }
    case Family::kEcho:
      return Echo{log_uniform(word, election, election * 15)};
  }
  return Crash{who, down};
}

bool possible(Family family, const Settings& settings) {
  if (settings.nodes > 1) return true;
  return family == Family::kCrash || family == Family::kPowerLoss || family == Family::kPause ||
         family == Family::kReset || family == Family::kClock;
}

bool enabled(Family family, const Draw& draw, const Settings& settings) {
  if (!possible(family, settings)) return false;
  if (settings.profile == "lite") {
    return family == Family::kCrash || family == Family::kPartition;
  }
  return draw.pick(kMask, static_cast<std::uint64_t>(family), 2) == 0;
}

}  // namespace

Result<Settings> draw_settings(std::uint64_t seed, std::string_view profile) {
  Settings settings;
  settings.profile = profile;
  const Draw draw(seed, 1);
  if (profile == "lite") return settings;
  if (profile != "swarm") {
    return Error{Errc::kInvalid, "unknown profile \"" + std::string(profile) + "\": lite, swarm"};
  }
  constexpr std::uint32_t kSizes[] = {1, 3, 3, 3, 3, 3, 3, 5, 5, 5};
  settings.nodes = kSizes[draw.pick(kSettings, 0, 10)];
  settings.clients = static_cast<std::uint32_t>(1 + draw.pick(kSettings, 1, 6));
  settings.heartbeat = log_uniform(draw.word(kSettings, 2), 10ms, 100ms);
  settings.election =
      settings.heartbeat * static_cast<std::int64_t>(5 + draw.pick(kSettings, 3, 10));
  settings.length = settings.election * static_cast<std::int64_t>(20 + draw.pick(kSettings, 4, 20));
  constexpr std::uint64_t kCounts[] = {10, 50, 100, 1000};
  settings.snapshot_count = kCounts[draw.pick(kSettings, 5, 4)];
  settings.catch_up_entries = kCounts[draw.pick(kSettings, 6, 3)];
  settings.wal_segment_bytes = log_uniform(draw.word(kSettings, 7), 4 << 10, 1 << 20) & ~0xfffULL;
  settings.pre_vote = draw.pick(kSettings, 8, 5) != 0;
  constexpr std::uint64_t kAppends[] = {100, 1000, 10'000, 1 << 20};
  settings.append_bytes_max = kAppends[draw.pick(kSettings, 11, 4)];
  constexpr std::uint64_t kWindows[] = {1, 2, 8, 512};
  settings.inflight_messages_max = kWindows[draw.pick(kSettings, 12, 4)];
  constexpr std::uint64_t kChunks[] = {300, 2000, 20'000, 1 << 20};
  settings.chunk_bytes = kChunks[draw.pick(kSettings, 13, 4)];
  constexpr std::uint64_t kSteps[] = {10, 50, 500, 10'000};
  settings.step_units = kSteps[draw.pick(kSettings, 14, 4)];
  constexpr std::uint64_t kKeys[] = {3, 8, 8, 150};
  settings.keys = kKeys[draw.pick(kSettings, 15, 4)];
  settings.clients_enter = draw.pick(kSettings, 16, 4) == 0 ? Entrance::kApi : Entrance::kWire;
  settings.link_latency = log_uniform(draw.word(kSettings, 9), 50us, settings.heartbeat / 5);
  settings.sync_latency = log_uniform(draw.word(kSettings, 10), 50us, settings.heartbeat / 5);
  if (settings.nodes == 1) {
    // Alone, a member can't tell a half-written sector from damage, and refuses to start.
    settings.torn_ppm = 0;
    settings.garbage_ppm = 0;
  }
  return settings;
}

Plan draw_plan(std::uint64_t seed, const Settings& settings) {
  Plan plan;
  const Draw mask(seed, 2);
  for (std::uint64_t f = 0; f < kFamilies; ++f) {
    const auto family = static_cast<Family>(f);
    if (!enabled(family, mask, settings)) continue;
    const Draw draw(seed, kFamilyEntities + f);
    Duration at = settings.election;
    for (std::uint64_t n = 0;; ++n) {
      at += exponential(draw.word(kGap, n), settings.election * 8);
      if (at >= settings.length) break;
      plan.faults.push_back({at, draw_fault(family, draw, n, settings)});
    }
  }
  std::ranges::stable_sort(plan.faults, {}, &FaultEntry::at);
  plan.operations = draw_operations(seed, settings);
  return plan;
}

Minimum minimum_of(const Settings& settings) {
  // A run without a fault is as good as none, except where the draw left no family on.
  const auto seconds = static_cast<std::uint64_t>(settings.length / 1s);
  return {std::max<std::uint64_t>(5, seconds / 2), 0, 1};
}

}  // namespace detcd::sim
