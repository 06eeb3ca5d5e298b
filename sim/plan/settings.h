// What a run is configured with, as plain data: every field has a line in a trace file. A new field
// is one line here and one in settings.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "base/units.h"

namespace detcd::sim {

// Where clients enter: over connections, with all their bytes, or as values at the seam behind
// them.
enum class Entrance : std::uint8_t { kWire, kApi };

struct Settings {
  std::string profile = "lite";
  // Which families of faults are on: "all", "all -rot -echo" or "none crash pause".
  std::string families = "all";
  std::uint32_t nodes = 3;
  std::uint32_t clients = 4;
  Duration length = 30s;  // Of the phase with faults.
  Duration heartbeat = 100ms;
  Duration election = 1000ms;
  std::uint64_t snapshot_count = 1000;
  std::uint64_t catch_up_entries = 50;
  std::uint64_t wal_segment_bytes = 256 << 10;
  std::uint64_t append_bytes_max = 1 << 20;
  std::uint64_t inflight_messages_max = 512;
  std::uint64_t chunk_bytes = 1 << 20;
  std::uint64_t step_units = 10'000;  // Of applying and reading in one step.
  std::uint64_t keys = 8;
  std::uint64_t leases = 0;  // That clients share; 0: they use none.
  bool users = false;        // Clients are users, the first one root: then they share no leases.
  Entrance clients_enter = Entrance::kWire;
  bool pre_vote = true;
  Duration link_latency = 500us;           // Base, one way.
  std::uint64_t link_spread = 1;           // Links have a base of up to so many times as much.
  std::uint64_t link_sigma = 0;            // Permille: delays are lognormal; 0: exponential.
  std::uint64_t link_tail_ppm = 0;         // Of segments that are late, by up to two seconds.
  std::uint64_t window_bytes = 256 << 10;  // Received but not read; sent but not received.
  Duration wall_offset{};                  // Wall clocks are wrong by up to so much.
  Duration sync_latency = 1ms;             // Mean.
  std::uint64_t torn_ppm = 250'000;        // Of unsynced sectors at a power loss.
  std::uint64_t garbage_ppm = 100'000;
  Duration read_retry = 500ms;
  std::uint64_t unapplied_max = 5'000;
  std::uint64_t pending_bytes_max = 512 << 20;
  std::uint64_t quota_bytes = 0;  // 0: none.
  bool members_vary = false;      // Members draw knobs of their own around these.
  std::uint64_t fault_gap = 8;    // Mean, between faults of a family: election timeouts.
  std::uint64_t paces = 4;        // Of the four paces that a client may have; 1: all the same.
  std::uint64_t bias = 0;         // Of scheduling: 0 none, 1 priorities, 2 adversarial.
  bool core = false;          // After the faults a majority must recover without the rest first.
  std::uint64_t watches = 0;  // Of a client, at most.
  Duration watch_notify = 600s;
  std::uint64_t watch_credit_bytes = 32 << 10;
  std::uint64_t watch_batch_revisions = 1000;
  std::uint64_t watch_part_bytes = 2 << 20;
  std::uint64_t watch_window_bytes = 4 << 20;  // Of the stream, at the client.
  // More faults than any cluster survives: only lies are forbidden.
  bool beyond_budget = false;
  // Below this much a run proves nothing: it is VOID.
  std::uint64_t minimum_acked = 5;
  std::uint64_t minimum_acked_per_minute = 30;
  std::uint64_t minimum_faults = 0;
  std::uint64_t minimum_leaders = 1;
  friend bool operator==(const Settings&, const Settings&) = default;
};

// How a field is called in a trace file, and where it is.
struct SettingField {
  using Text = std::string Settings::*;
  using Small = std::uint32_t Settings::*;
  using Number = std::uint64_t Settings::*;
  using Time = Duration Settings::*;
  using Flag = bool Settings::*;
  using Way = Entrance Settings::*;
  std::string_view name;
  std::variant<Text, Small, Number, Time, Flag, Way> where;
  // Its draws are keyed by its name; the oldest settings have a number.
  std::optional<std::uint64_t> key = std::nullopt;
};
// In the order of a trace file.
[[nodiscard]] std::span<const SettingField> setting_fields();

[[nodiscard]] std::string print(const Settings& settings);  // "key value" lines.
// Sets one field from "key value"; kInvalid names what is wrong.
[[nodiscard]] Result<void> parse_setting(std::string_view line, Settings& settings);

}  // namespace detcd::sim
