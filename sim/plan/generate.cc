#include "sim/plan/generate.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/hash.h"
#include "runtime/random.h"
#include "sim/kernel/distribution.h"

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
constexpr Site kOperation{"plan: operation"};
constexpr Site kPace{"plan: pace of a client"};

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
};
constexpr std::uint64_t kFamilies = 10;
constexpr std::uint64_t kFamilyEntities = 100;

class Draw {
 public:
  Draw(std::uint64_t seed, std::uint64_t entity) : seed_(seed), entity_(entity) {}
  [[nodiscard]] std::uint64_t word(Site site, std::uint64_t ordinal) const {
    return keyed_draw(seed_, site.key, entity_, ordinal);
  }
  [[nodiscard]] std::uint64_t pick(Site site, std::uint64_t ordinal, std::uint64_t bound) const {
    return below(word(site, ordinal), bound);
  }
  // The draws of another family.
  [[nodiscard]] Draw of(Family family) const {
    return {seed_, kFamilyEntities + static_cast<std::uint64_t>(family)};
  }

 private:
  std::uint64_t seed_;
  std::uint64_t entity_;
};

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
  rot.node = static_cast<std::uint32_t>(draw.of(Family::kRot).pick(kVictim, 0, settings.nodes) +
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
      return Pause{aims ? kLeader : who, log_uniform(word, 10ms, election * 5)};
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

// ---- Operations ---------------------------------------------------------------------------------

constexpr std::uint64_t kKeys = 8;

std::string key(const Draw& draw, std::uint64_t ordinal) {
  return "k" + std::to_string(draw.pick(kOperation, ordinal, kKeys));
}

apply::RangeRequest draw_range(const Draw& draw, std::uint64_t base) {
  apply::RangeRequest range;
  range.key = key(draw, base);
  switch (draw.pick(kOperation, base + 1, 4)) {
    case 0:
      range.range_end = "l";
      break;
    case 1:
      range.range_end = key(draw, base + 2);
      break;
    default:
      break;
  }
  range.serializable = draw.pick(kOperation, base + 3, 5) == 0;
  if (draw.pick(kOperation, base + 4, 4) == 0) {
    range.limit = static_cast<std::int64_t>(draw.pick(kOperation, base + 5, 4));
    range.sort_order = static_cast<std::int32_t>(draw.pick(kOperation, base + 6, 3));
    range.sort_target = static_cast<std::int32_t>(draw.pick(kOperation, base + 7, 5));
    range.keys_only = draw.pick(kOperation, base + 8, 6) == 0;
    range.count_only = draw.pick(kOperation, base + 9, 6) == 0;
  }
  if (draw.pick(kOperation, base + 10, 6) == 0) {
    range.revision = static_cast<std::int64_t>(draw.pick(kOperation, base + 11, 200));
  }
  return range;
}

apply::PutRequest draw_put(const Draw& draw, std::uint64_t base, std::uint64_t id) {
  apply::PutRequest put;
  put.key = key(draw, base);
  put.value = "v" + std::to_string(id);
  // Some values are long enough to span disk sectors.
  if (draw.pick(kOperation, base + 1, 8) == 0) {
    put.value.resize(1 + draw.pick(kOperation, base + 2, 3000), 'x');
  }
  put.prev_kv = draw.pick(kOperation, base + 3, 3) == 0;
  return put;
}

apply::TxnRequest draw_txn(const Draw& draw, std::uint64_t base, std::uint64_t id) {
  apply::TxnRequest txn;
  apply::Compare compare;
  compare.key = key(draw, base + 20);
  compare.target = static_cast<std::int32_t>(draw.pick(kOperation, base + 21, 4));
  compare.result = static_cast<std::int32_t>(draw.pick(kOperation, base + 22, 4));
  compare.number = static_cast<std::int64_t>(draw.pick(kOperation, base + 23, 3));
  if (compare.target == 3) compare.value = "v" + std::to_string(id / 2);
  txn.compare.push_back(compare);
  txn.success.push_back({draw_put(draw, base, id)});
  txn.success.push_back({draw_range(draw, base + 30)});
  txn.failure.push_back({draw_range(draw, base + 30)});
  if (draw.pick(kOperation, base + 24, 2) == 0) {
    txn.failure.push_back({apply::DeleteRangeRequest{key(draw, base + 25), "", true}});
  }
  return txn;
}

// A client that waits for its write can't see that its member answers from the past: some only
// read.
Operation draw_operation(const Draw& draw, std::uint64_t base, std::uint64_t id) {
  const std::uint64_t kind = draw.pick(kOperation, base + 50, 100);
  const bool reader = draw.pick(kPace, ~std::uint64_t{0}, 3) == 0;
  if (reader && kind < 90) return draw_range(draw, base);
  if (kind < 40) return draw_put(draw, base, id);
  if (kind < 72) return draw_range(draw, base);
  if (kind < 90) return draw_txn(draw, base, id);
  if (kind < 97) {
    apply::DeleteRangeRequest erase{key(draw, base), "", draw.pick(kOperation, base + 1, 2) == 0};
    if (draw.pick(kOperation, base + 2, 4) == 0) erase.range_end = "k9";
    return erase;
  }
  return apply::CompactionRequest{
      static_cast<std::int64_t>(1 + draw.pick(kOperation, base + 1, 300)),
      draw.pick(kOperation, base + 2, 2) == 0};
}

void add_operations(std::uint64_t seed, const Settings& settings, Plan& plan) {
  constexpr std::uint64_t kDrawsPerOperation = 64;
  for (std::uint32_t client = 1; client <= settings.clients; ++client) {
    const Draw draw(seed, 1000 + client);
    Duration at = settings.election;
    for (std::uint64_t n = 0; at < settings.length; ++n) {
      const std::uint64_t id = client * 1'000'000ULL + n;
      plan.operations.push_back({at, client, id, draw_operation(draw, n * kDrawsPerOperation, id)});
      at += exponential(draw.word(kPace, n), settings.election / 10);
    }
  }
  std::ranges::stable_sort(plan.operations, {}, &OperationEntry::at);
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
  settings.wal_segment_bytes = log_uniform(draw.word(kSettings, 7), 16 << 10, 1 << 20) & ~0xfffULL;
  settings.pre_vote = draw.pick(kSettings, 8, 5) != 0;
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
  add_operations(seed, settings, plan);
  return plan;
}

Minimum minimum_of(const Settings& settings) {
  // A run without a fault is as good as none, except where the draw left no family on.
  const auto seconds = static_cast<std::uint64_t>(settings.length / 1s);
  return {std::max<std::uint64_t>(5, seconds / 2), 0, 1};
}

}  // namespace detcd::sim
