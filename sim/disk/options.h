// What a simulated disk is like and what can go wrong with it: kinds of operations, latencies, the
// faults in force, and counts of what they really did.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/disk/file_content.h"
#include "sim/kernel/distribution.h"
#include "sim/kernel/kernel.h"

namespace detcd::sim {

enum class DiskCall : std::uint8_t {
  kOpen,
  kCreate,
  kRead,
  kWrite,
  kSync,
  kAllocate,
  kTruncate,
  kSize,
  kRename,
  kRemove,
  kMakeDirectory,
  kList,
  kSyncDirectory,
  kLock,
  kSpace,
};
[[nodiscard]] std::string_view name_of(DiskCall call);

// What a failed sync leaves in the page cache.
enum class SyncFailure : std::uint8_t {
  kDropDirty,  // Marked clean though it never arrived: the next sync succeeds and proves nothing.
  kKeepDirty,  // Still to be written: the next sync may really succeed.
  kSticky,     // Every later sync of the file fails as well.
};

// How full the disk is, whatever its capacity.
enum class Room : std::uint8_t {
  kPlenty,
  kNoGrowth,  // Files don't grow and no name is made; what is there can be overwritten.
  kNone,      // Copy on write: overwriting and renaming need room as well.
};

struct DiskFaults {
  std::uint32_t read_error_ppm = 0;
  std::uint32_t write_error_ppm = 0;
  std::uint32_t sync_error_ppm = 0;
  std::uint32_t name_error_ppm = 0;  // Of create, rename, remove and sync of a directory.
  Room room = Room::kPlenty;
  SyncFailure sync_failure = SyncFailure::kDropDirty;
  // The device says synced without having written: only beyond what a member must survive.
  std::uint32_t lying_sync_ppm = 0;
  std::uint32_t stall_ppm = 0;  // An operation takes much longer.
  Duration stall_low = 10ms;
  Duration stall_high = 30s;
  std::uint32_t slowness = 1;        // Every operation takes so many times as long.
  std::uint32_t cold_ppm = 100'000;  // try_read finds the bytes not in memory.
};

struct DiskOptions {
  NodeNumber node;
  std::uint64_t capacity_bytes = std::uint64_t{1} << 40;
  Latency read{.floor = 20us, .mean_extra = 60us};
  Latency write{.floor = 5us, .mean_extra = 15us};
  Latency sync{.floor = 100us, .mean_extra = 400us};
  Latency names{.floor = 10us, .mean_extra = 40us};
  std::uint32_t nanoseconds_per_kib = 500;  // Of reads and writes: 2 GB/s.
  PowerLossModel power_loss;
};

// What faults really did to operations and to the medium, for probes and judges.
struct DiskCounts {
  std::uint64_t read_errors = 0;
  std::uint64_t write_errors = 0;
  std::uint64_t sync_errors = 0;
  std::uint64_t name_errors = 0;
  std::uint64_t no_space = 0;
  std::uint64_t stalls = 0;
  std::uint64_t lies = 0;
  std::uint64_t lost_writes = 0;
  std::uint64_t misdirected_writes = 0;
  std::uint64_t rotted = 0;
  std::uint64_t lost_sectors = 0;  // By power losses: with what was there before, torn, garbage.
  // Calls that were told of a failure.
  [[nodiscard]] std::uint64_t failures() const {
    return read_errors + write_errors + sync_errors + name_errors + no_space;
  }
};

// One write that took effect, as provenance: what a sector's number stands for.
struct WriteRecord {
  std::uint64_t number = 0;  // From 1, per disk.
  VirtualTime time;
  std::string path;  // That the file was opened under.
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// The device betrays one of the next syncs of a file whose path contains `part`.
struct Betrayal {
  Harm harm = Harm::kLostWrite;  // Or kMisdirected.
  std::string part;
  std::uint64_t word = 0;  // Decides which sectors, and where misdirected bytes go.
};

}  // namespace detcd::sim
