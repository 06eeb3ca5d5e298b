// The disk of one machine, which outlives the lives of the node that uses it: an image, queues of
// operations under way (one per file and one for names), and faults. Every operation takes virtual
// time, and takes effect in one event on the kernel's queue. NodeDisk (node_disk.h) is a node's
// door.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/disk/image.h"
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

// A crash point: just before an operation takes effect, or just after, before its caller hears of
// it.
struct Boundary {
  DiskCall call = DiskCall::kRead;
  bool after = false;
  std::uint64_t number = 0;  // Counts the boundaries of this disk from 0.
  std::string path;
};

// What a failed sync leaves in the page cache.
enum class SyncFailure : std::uint8_t {
  kDropDirty,  // Marked clean though it never arrived: the next sync succeeds and proves nothing.
  kKeepDirty,  // Still to be written: the next sync may really succeed.
  kSticky,     // Every later sync of the file fails as well.
};

struct DiskFaults {
  std::uint32_t read_error_ppm = 0;
  std::uint32_t write_error_ppm = 0;
  std::uint32_t sync_error_ppm = 0;
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

// One operation under way. Implementations hold its arguments and hand over its result.
class DiskOperation {
 public:
  virtual ~DiskOperation() = default;
  virtual void take_effect() = 0;
  // The process died while the operation was at the device; `word` decides how much of it happened.
  virtual void take_effect_partly(std::uint64_t word) = 0;
  virtual void finish() = 0;  // Tells the waiting task, when there still is one.
  virtual void forget() = 0;  // The waiting task won't be told.

  DiskCall call = DiskCall::kRead;
  std::optional<FileNumber> file;  // None: an operation on names.
  std::string path;
  std::uint64_t bytes = 0;    // Transferred, for the time it takes.
  std::uint64_t payload = 0;  // A hash of its arguments.
};

class SimDisk {
 public:
  SimDisk(Kernel& kernel, const DiskOptions& options);
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;
  ~SimDisk();

  [[nodiscard]] DiskImage& image() { return image_; }
  [[nodiscard]] const DiskImage& image() const { return image_; }
  // Wiped, swapped, restored from a backup: while no node runs on it.
  void replace_image(DiskImage image);
  [[nodiscard]] DiskFaults& faults() { return faults_; }
  [[nodiscard]] DiskOptions& options() { return options_; }
  void set_capacity(std::uint64_t bytes) { options_.capacity_bytes = bytes; }

  // The node's process died: what was written stays; operations at the device may have happened,
  // those behind them didn't.
  void crash();
  // The machine lost power: in addition the page cache is gone, as the model says.
  void lose_power();

  // Nothing takes effect before `time`; kNeverVirtual: the device hangs until told otherwise.
  void stall_until(VirtualTime time);
  // The next operations of this kind, `count` of them, on paths that contain `part`, fail.
  void fail_next(DiskCall call, std::string_view part, std::uint32_t count);
  // Reads that touch these bytes fail until they are written again: a latent sector error.
  void spoil(std::string_view path, std::uint64_t offset, std::uint64_t length);
  // Bits decay. False when there is no such byte.
  bool rot(std::string_view path, std::uint64_t offset, unsigned char mask);
  [[nodiscard]] bool rotted() const { return rotted_; }  // Ever, or swapped.
  struct Spot {
    std::string path;
    std::uint64_t offset = 0;
    unsigned char mask = 0;
  };
  // A random bit of the files whose path contains `part`; whether it may rot is the caller's to
  // decide.
  [[nodiscard]] std::optional<Spot> choose_spot(std::string_view part, std::uint64_t word) const;

  // Called at every boundary; may kill the node from inside.
  void set_boundary_hook(std::function<void(const Boundary&)> hook) { hook_ = std::move(hook); }
  [[nodiscard]] std::uint64_t boundaries() const { return boundaries_; }
  [[nodiscard]] std::size_t under_way() const { return under_way_; }
  [[nodiscard]] bool writes_under_way() const;
  [[nodiscard]] Kernel& kernel() { return kernel_; }

  // For NodeDisk.
  void submit(std::unique_ptr<DiskOperation> operation);
  void run_when_drained(Action action);
  // The next draw of a kind for a file, keyed by the path it was made under.
  [[nodiscard]] std::uint64_t draw(runtime::Site site, std::uint64_t entity);
  // Effects, with their faults.
  [[nodiscard]] Result<std::string> read(FileNumber file, std::uint64_t offset, std::size_t length);
  [[nodiscard]] Result<void> write(FileNumber file, std::uint64_t offset, std::string_view bytes);
  [[nodiscard]] Result<void> sync(FileNumber file);
  [[nodiscard]] Result<void> allocate(FileNumber file, std::uint64_t size);
  [[nodiscard]] Result<void> truncate(FileNumber file, std::uint64_t size);
  [[nodiscard]] std::uint64_t space() const;
  // A sync that fails now, with the effect on the page cache that the faults say.
  [[nodiscard]] Error fail_sync(FileNumber file);
  // One of a planned failure for this call, if any.
  [[nodiscard]] std::optional<Error> planned_failure(DiskCall call, std::string_view path);
  bool take_lock(const std::string& directory) { return locks_.insert(directory).second; }
  void release_lock(const std::string& directory) { locks_.erase(directory); }

 private:
  struct Queue {
    std::deque<std::unique_ptr<DiskOperation>> waiting;  // The first is at the device.
    EventId event;
  };
  struct PlannedFailure {
    DiskCall call;
    std::string part;
    std::uint32_t count;
  };
  struct BadRange {
    FileNumber file;
    std::uint64_t begin;
    std::uint64_t end;
  };
  void start(std::uint64_t key, Queue& queue);
  void run_first(std::uint64_t key);
  // False when the hook ended the life that the operation belongs to.
  bool pass_boundary(const DiskOperation& operation, bool after);
  [[nodiscard]] Duration time_of(const DiskOperation& operation);
  [[nodiscard]] bool fails(runtime::Site site, FileNumber file, std::uint32_t ppm);
  // Whether a file may grow so much, without looking at all files; false: space() must tell.
  [[nodiscard]] bool surely_fits(std::uint64_t growth);

  Kernel& kernel_;
  DiskOptions options_;
  DiskFaults faults_;
  DiskImage image_;
  std::optional<std::uint64_t> used_at_most_;  // Bytes; nothing when that isn't known.
  std::map<std::uint64_t, Queue> queues_;      // By file; 0 for names.
  std::size_t under_way_ = 0;
  std::vector<Action> when_drained_;
  std::set<std::string> locks_;
  std::set<std::uint64_t> sync_broken_;  // Files whose syncs fail for good.
  std::vector<PlannedFailure> planned_;
  std::vector<BadRange> bad_ranges_;
  VirtualTime stalled_until_;
  std::function<void(const Boundary&)> hook_;
  std::uint64_t boundaries_ = 0;
  bool rotted_ = false;
  const DiskOperation* at_boundary_ = nullptr;  // Wholly done or not begun, should the hook kill.
  std::uint64_t crashes_ = 0;                   // Any kind: what was under way before is void.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> ordinals_;
};

}  // namespace detcd::sim
