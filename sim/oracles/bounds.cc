#include "sim/oracles/bounds.h"

#include <variant>

namespace detcd::sim {

// A snapshot may wait for a slow disk while the log grows; it may not be forgotten. Members that
// vary have up to four times as much of everything.
Bounds Bounds::of(const Settings& settings) {
  constexpr std::uint64_t kSlack = 4'000;
  const std::uint64_t times = settings.members_vary ? 4 : 1;
  Bounds bounds;
  bounds.append_bytes = times * settings.append_bytes_max;
  bounds.log_entries = 4 * times * (settings.snapshot_count + settings.catch_up_entries) + kSlack;
  return bounds;
}

void BoundsOracle::require(std::uint64_t found, std::uint64_t most, std::uint32_t node,
                           const char* what) {
  if (found <= most) return;
  fail_("bounds", "a member goes beyond a bound of " + std::string(what) + ": n" +
                      std::to_string(node) + " with " + std::to_string(found) + " instead of " +
                      std::to_string(most));
}

void BoundsOracle::sent(std::uint32_t node, const raft::Message& message) {
  const auto* append = std::get_if<raft::AppendRequest>(&message.body);
  if (append == nullptr || append->entries.size() < 2) return;
  std::uint64_t bytes = 0;
  for (const raft::Entry& entry : append->entries) bytes += entry.data.size();
  require(bytes, bounds_.append_bytes, node, "bytes in one append");
}

void BoundsOracle::applied(std::uint32_t node, std::uint64_t event) {
  Work& work = work_[node];
  if (work.event != event) work = {event, 0};
  require(++work.entries, bounds_.applied_per_event, node, "entries applied in one step");
}

void BoundsOracle::looked(std::uint32_t node, const Usage& usage) {
  require(usage.disk_operations, bounds_.disk_operations, node, "operations of its disk");
  require(usage.log_entries, bounds_.log_entries, node, "entries in memory");
  require(usage.unapplied_entries, bounds_.unapplied_entries, node, "entries to be applied");
}

}  // namespace detcd::sim
