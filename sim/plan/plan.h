// What will happen in a run, as plain data, drawn up front from the seed: faults and operations. A
// plan can be printed, edited, shrunk and replayed; taking one entry out changes no other, because
// every micro-choice of the run is keyed by stable names, never by position in the plan.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "apply/command.h"
#include "base/result.h"
#include "base/units.h"

namespace detcd::sim {

// Members are 1..nodes, as in "n1"; a link is directed. kLeader: whoever leads when the fault
// happens; without a leader there is no fault.
inline constexpr std::uint32_t kLeader = 0;

// A death strikes at once, or (boundary > 0) at that boundary of the victim's disk from then on:
// just before or just after an operation on its way to the disk takes effect.
struct Crash {  // kill -9: the page cache stays.
  std::uint32_t node = 1;
  Duration down{};
  std::uint64_t boundary = 0;
  friend bool operator==(const Crash&, const Crash&) = default;
};
struct PowerLoss {  // Unsynced sectors are kept, lost or torn; so are unsynced names.
  std::uint32_t node = 1;
  Duration down{};
  std::uint64_t boundary = 0;
  friend bool operator==(const PowerLoss&, const PowerLoss&) = default;
};
struct Rot {  // A power loss after which a synced sector of the log has a flipped bit.
  std::uint32_t node = 1;
  Duration down{};
  std::uint64_t where = 0;  // Which file and sector: taken modulo what is there.
  bool snapshot = false;    // Of the snapshot instead or, once in a while, of the identity file.
  friend bool operator==(const Rot&, const Rot&) = default;
};
// The directory is put back to an earlier copy of itself: the copy is taken now, and `after` later
// the member is killed, its directory replaced, and started again after `down`.
struct PutBack {
  std::uint32_t node = 1;
  Duration after{};
  Duration down{};
  friend bool operator==(const PutBack&, const PutBack&) = default;
};
struct Pause {
  std::uint32_t node = 1;
  Duration length{};
  friend bool operator==(const Pause&, const Pause&) = default;
};
struct Partition {  // Cuts every link between `side` and the rest; one way: only from `side`.
  std::vector<std::uint32_t> side;
  bool one_way = false;
  Duration length{};
  friend bool operator==(const Partition&, const Partition&) = default;
};
struct Delay {  // More latency on one link.
  std::uint32_t from = 1;
  std::uint32_t to = 2;
  Duration extra{};
  Duration length{};
  friend bool operator==(const Delay&, const Delay&) = default;
};
struct Reset {  // Tears down all connections between two members, or of a member's clients (to 0).
  std::uint32_t from = 1;
  std::uint32_t to = 0;
  friend bool operator==(const Reset&, const Reset&) = default;
};
struct ClockSkew {  // The boot clock drifts, the wall clock steps.
  std::uint32_t node = 1;
  std::int64_t boot_drift_ppm = 0;
  Duration wall_step{};
  friend bool operator==(const ClockSkew&, const ClockSkew&) = default;
};

struct Echo {  // Some messages between members arrive once more, later.
  Duration length{};
  friend bool operator==(const Echo&, const Echo&) = default;
};

using Fault =
    std::variant<Crash, PowerLoss, Rot, Pause, Partition, Delay, Reset, ClockSkew, PutBack, Echo>;

struct FaultEntry {
  Duration at{};
  Fault fault;
  friend bool operator==(const FaultEntry&, const FaultEntry&) = default;
};

using Operation = std::variant<apply::RangeRequest, apply::PutRequest, apply::DeleteRangeRequest,
                               apply::TxnRequest, apply::CompactionRequest>;

// A number below zero where a revision is asked for (in a Range, a Compaction, a Compare) counts
// back from the newest revision that the client has seen when it calls, -1 being that one: so the
// same plan asks for what is there, however the run goes.

// A client does its operations in order; one starts at `at`, or when the one before has ended,
// and is left out when that is much later.
struct OperationEntry {
  Duration at{};
  std::uint32_t client = 1;
  std::uint64_t id = 0;  // Stable name, unique in the run: the call's trace id.
  Operation operation;
  friend bool operator==(const OperationEntry&, const OperationEntry&) = default;
};

// Where clients enter: over connections, with all their bytes, or as values at the seam behind
// them.
enum class Entrance : std::uint8_t { kWire, kApi };

// What a run is configured with; every field has a line in a trace file.
struct Settings {
  std::string profile = "lite";
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
  Entrance clients_enter = Entrance::kWire;
  bool pre_vote = true;
  Duration link_latency = 500us;     // Base, one way.
  Duration sync_latency = 1ms;       // Mean.
  std::uint64_t torn_ppm = 250'000;  // Of unsynced sectors at a power loss.
  std::uint64_t garbage_ppm = 100'000;
  friend bool operator==(const Settings&, const Settings&) = default;
};

struct Plan {
  std::vector<FaultEntry> faults;
  std::vector<OperationEntry> operations;
  [[nodiscard]] std::size_t size() const { return faults.size() + operations.size(); }
  friend bool operator==(const Plan&, const Plan&) = default;
};

// One line each, and back; kInvalid names what is wrong.
[[nodiscard]] std::string print(const FaultEntry& entry);
[[nodiscard]] std::string print(const OperationEntry& entry);
[[nodiscard]] std::string print(const Settings& settings);  // "key value" lines.
[[nodiscard]] Result<FaultEntry> parse_fault(std::string_view line);
[[nodiscard]] Result<OperationEntry> parse_operation(std::string_view line);
// Sets one field from "key value".
[[nodiscard]] Result<void> parse_setting(std::string_view line, Settings& settings);

}  // namespace detcd::sim
