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
#include "sim/disk/options.h"
#include "sim/kernel/kernel.h"

namespace detcd::sim {

// A crash point: just before an operation takes effect, or just after, before its caller hears of
// it.
struct Boundary {
  DiskCall call = DiskCall::kRead;
  bool after = false;
  std::uint64_t number = 0;  // Counts the boundaries of this disk from 0.
  std::string path;
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

  // Asked when an operation may take effect in part: false makes it happen as a whole or not at
  // all. For who must not leave more members in doubt than can be told what they lack.
  void set_may_tear(std::function<bool()> may_tear) { may_tear_ = std::move(may_tear); }
  // Something took effect in part since this was last forgotten.
  [[nodiscard]] bool torn() const { return torn_; }
  void forget_torn() { torn_ = false; }

  // Nothing takes effect before `time`; kNeverVirtual: the device hangs until told otherwise.
  void stall_until(VirtualTime time);
  [[nodiscard]] VirtualTime stalled_until() const { return stalled_until_; }
  // The next operations of this kind, `count` of them, on paths that contain `part`, fail.
  void fail_next(DiskCall call, std::string_view part, std::uint32_t count);
  void forget_planned() { planned_.clear(); }
  void betray_next_sync(Betrayal betrayal) { betrayals_.push_back(std::move(betrayal)); }
  void forget_betrayals() { betrayals_.clear(); }
  // Files in use hold something else than what was acknowledged, or can't be read: `matters` says
  // which paths are in use.
  using Matters = bool (*)(std::string_view path);
  [[nodiscard]] bool is_harmed(Matters matters) const;
  // The two disks change places, while nobody uses them.
  void exchange(SimDisk& other);
  // Reads that touch these bytes fail until they are written again: a latent sector error.
  void spoil(std::string_view path, std::uint64_t offset, std::uint64_t length);
  // Bits decay. False when there is no such byte.
  bool rot(std::string_view path, std::uint64_t offset, unsigned char mask);
  [[nodiscard]] bool rotted() const { return rotted_; }  // Ever, or put back.
  [[nodiscard]] const DiskCounts& counts() const { return counts_; }
  // Null for 0, which stands for nobody's bytes.
  [[nodiscard]] const WriteRecord* write_of(std::uint64_t number) const;
  // What it holds instead of what it acknowledged, and what the latest power loss took, in words.
  [[nodiscard]] std::string describe_harm() const;
  [[nodiscard]] std::string describe_losses() const;
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
  // Called when an operation that changes something gets to the device, with the time when it will
  // take effect.
  using StartHook = std::function<void(const DiskOperation&, VirtualTime due)>;
  void set_start_hook(StartHook hook) { start_hook_ = std::move(hook); }
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
  struct Target {
    FileNumber file;
    const std::string& path;
  };
  [[nodiscard]] Result<void> write(const Target& target, std::uint64_t offset,
                                   std::string_view bytes);
  [[nodiscard]] Result<void> sync(const Target& target);
  [[nodiscard]] Result<void> allocate(FileNumber file, std::uint64_t size);
  [[nodiscard]] Result<void> truncate(FileNumber file, std::uint64_t size);
  [[nodiscard]] std::uint64_t space() const;
  // A sync that fails now, with the effect on the page cache that the faults say.
  [[nodiscard]] Error fail_sync(FileNumber file);
  // Why this call fails instead of taking effect, if it does.
  [[nodiscard]] std::optional<Error> failure_of(DiskCall call, std::string_view path);
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
  // Its process died while it was at the device.
  void end_at_device(DiskOperation& operation);
  void run_first(std::uint64_t key);
  // False when the hook ended the life that the operation belongs to.
  bool pass_boundary(const DiskOperation& operation, bool after);
  [[nodiscard]] Duration time_of(const DiskOperation& operation);
  [[nodiscard]] bool fails(runtime::Site site, FileNumber file, std::uint32_t ppm);
  // Whether a file may grow so much, without looking at all files; false: space() must tell.
  [[nodiscard]] bool surely_fits(std::uint64_t growth);
  [[nodiscard]] bool may_tear() const { return !may_tear_ || may_tear_(); }
  [[nodiscard]] bool lacks_room(DiskCall call) const;
  [[nodiscard]] Error no_space();
  void record(const Target& target, std::uint64_t offset, std::uint64_t length);
  void betray(const Betrayal& betrayal, FileContent& content);

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
  std::vector<Betrayal> betrayals_;
  DiskCounts counts_;
  std::deque<WriteRecord> writes_;  // The newest ones; their numbers have no gaps.
  StartHook start_hook_;
  std::function<bool()> may_tear_;
  bool torn_ = false;
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
