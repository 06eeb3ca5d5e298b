#include "sim/disk/disk.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::sim {
namespace {

constexpr runtime::Site kLatencySite{"disk latency"};
constexpr runtime::Site kStallSite{"disk stall"};
constexpr runtime::Site kReadErrorSite{"disk read error"};
constexpr runtime::Site kWriteErrorSite{"disk write error"};
constexpr runtime::Site kWritePartSite{"disk write part"};
constexpr runtime::Site kSyncErrorSite{"disk sync error"};
constexpr runtime::Site kSyncPartSite{"disk sync part"};
constexpr runtime::Site kSyncLieSite{"disk sync lie"};
constexpr runtime::Site kCrashSite{"disk crash"};
constexpr runtime::Site kPowerLossSite{"disk power loss"};

constexpr std::uint64_t kNamesKey = 0;

}  // namespace

std::string_view name_of(DiskCall call) {
  switch (call) {
    case DiskCall::kOpen:
      return "open";
    case DiskCall::kCreate:
      return "create";
    case DiskCall::kRead:
      return "read";
    case DiskCall::kWrite:
      return "write";
    case DiskCall::kSync:
      return "sync";
    case DiskCall::kAllocate:
      return "allocate";
    case DiskCall::kTruncate:
      return "truncate";
    case DiskCall::kSize:
      return "size";
    case DiskCall::kRename:
      return "rename";
    case DiskCall::kRemove:
      return "remove";
    case DiskCall::kMakeDirectory:
      return "make_directory";
    case DiskCall::kList:
      return "list";
    case DiskCall::kSyncDirectory:
      return "sync_directory";
    case DiskCall::kLock:
      return "lock";
    case DiskCall::kSpace:
      return "space";
  }
  return "unknown";
}

SimDisk::SimDisk(Kernel& kernel, const DiskOptions& options) : kernel_(kernel), options_(options) {}

SimDisk::~SimDisk() {
  for (auto& [key, queue] : queues_) {
    kernel_.cancel(queue.event);
    for (auto& operation : queue.waiting) operation->forget();
  }
}

void SimDisk::replace_image(DiskImage image) {
  check(under_way_ == 0, "a disk is swapped only while nobody uses it");
  image_ = std::move(image);
  used_at_most_.reset();
  rotted_ = true;
  image_.let_all_go();
  sync_broken_.clear();
  bad_ranges_.clear();
}

std::uint64_t SimDisk::draw(runtime::Site site, std::uint64_t entity) {
  const std::uint64_t key = mix64(options_.node.value(), entity);
  return kernel_.draw(site, key, ordinals_[{site.key, key}]++);
}

Duration SimDisk::time_of(const DiskOperation& operation) {
  const Latency* latency = &options_.names;
  if (operation.call == DiskCall::kRead) latency = &options_.read;
  if (operation.call == DiskCall::kWrite || operation.call == DiskCall::kAllocate) {
    latency = &options_.write;
  }
  if (operation.call == DiskCall::kSync || operation.call == DiskCall::kSyncDirectory) {
    latency = &options_.sync;
  }
  const std::uint64_t entity = hash64(operation.path);
  Duration total = latency->sample(draw(kLatencySite, entity));
  total +=
      Duration(static_cast<std::int64_t>(operation.bytes * options_.nanoseconds_per_kib / kKiB));
  total *= faults_.slowness;
  if (faults_.stall_ppm > 0) {
    const std::uint64_t word = draw(kStallSite, entity);
    if (chance(word, faults_.stall_ppm)) {
      total += log_uniform(mix64(word, 1), faults_.stall_low, faults_.stall_high);
    }
  }
  return total;
}

void SimDisk::submit(std::unique_ptr<DiskOperation> operation) {
  const std::uint64_t key = operation->file ? operation->file->value() : kNamesKey;
  if (operation->file) image_.hold(*operation->file);
  Queue& queue = queues_[key];
  queue.waiting.push_back(std::move(operation));
  ++under_way_;
  if (queue.waiting.size() == 1) start(key, queue);
}

void SimDisk::start(std::uint64_t key, Queue& queue) {
  const DiskOperation& operation = *queue.waiting.front();
  const VirtualTime due = std::max(kernel_.now() + time_of(operation), stalled_until_);
  const std::uint64_t what =
      mix64(hash64(operation.path), static_cast<std::uint64_t>(operation.call));
  const Label label{options_.node, EventKind::kDisk, mix64(what, operation.payload)};
  queue.event = kernel_.schedule(due, label, [this, key] { run_first(key); });
}

void SimDisk::run_first(std::uint64_t key) {
  Queue& queue = queues_.at(key);
  DiskOperation& operation = *queue.waiting.front();
  if (!pass_boundary(operation, false)) return;
  operation.take_effect();
  if (!pass_boundary(operation, true)) return;
  // Telling the task only posts it: nobody changes the queue meanwhile.
  operation.finish();
  const std::optional<FileNumber> file = operation.file;
  queue.waiting.pop_front();
  --under_way_;
  if (queue.waiting.empty()) {
    queues_.erase(key);
  } else {
    start(key, queue);
  }
  if (file) image_.let_go(*file);
  while (under_way_ == 0 && !when_drained_.empty()) {
    std::vector<Action> actions = std::exchange(when_drained_, {});
    for (Action& action : actions) action();
  }
}

bool SimDisk::pass_boundary(const DiskOperation& operation, bool after) {
  const std::uint64_t number = boundaries_++;
  if (!hook_) return true;
  const std::uint64_t before = crashes_;
  at_boundary_ = &operation;
  hook_({operation.call, after, number, operation.path});
  at_boundary_ = nullptr;
  return before == crashes_;
}

void SimDisk::run_when_drained(Action action) {
  if (under_way_ == 0) {
    action();
  } else {
    when_drained_.push_back(std::move(action));
  }
}

bool SimDisk::writes_under_way() const {
  for (const auto& [key, queue] : queues_) {
    for (const auto& operation : queue.waiting) {
      const DiskCall call = operation->call;
      if (call != DiskCall::kRead && call != DiskCall::kSize && call != DiskCall::kList &&
          call != DiskCall::kSpace && call != DiskCall::kOpen) {
        return true;
      }
    }
  }
  return false;
}

void SimDisk::crash() {
  ++crashes_;
  used_at_most_.reset();
  std::map<std::uint64_t, Queue> queues = std::exchange(queues_, {});
  under_way_ = 0;
  when_drained_.clear();
  for (auto& [key, queue] : queues) {
    kernel_.cancel(queue.event);
    DiskOperation& first = *queue.waiting.front();
    if (&first != at_boundary_) {
      first.take_effect_partly(draw(kCrashSite, hash64(first.path)));
    }
    for (auto& operation : queue.waiting) operation->forget();
  }
  locks_.clear();
  sync_broken_.clear();
  image_.let_all_go();
}

void SimDisk::lose_power() {
  crash();
  const std::uint64_t word = draw(kPowerLossSite, 0);
  const std::uint64_t entity = mix64(options_.node.value(), word);
  image_.lose_power(options_.power_loss,
                    [&](std::uint64_t key) { return kernel_.draw(kPowerLossSite, entity, key); });
}

void SimDisk::stall_until(VirtualTime time) {
  stalled_until_ = time;
  for (auto& [key, queue] : queues_) {
    const VirtualTime due = kernel_.time_of(queue.event);
    if (due < time || due == kNeverVirtual) {
      kernel_.move(queue.event, std::max(time, kernel_.now()));
    }
  }
}

void SimDisk::fail_next(DiskCall call, std::string_view part, std::uint32_t count) {
  planned_.push_back({call, std::string(part), count});
}

std::optional<Error> SimDisk::planned_failure(DiskCall call, std::string_view path) {
  for (auto planned = planned_.begin(); planned != planned_.end(); ++planned) {
    if (planned->call != call || path.find(planned->part) == std::string_view::npos) continue;
    if (--planned->count == 0) planned_.erase(planned);
    return Error{Errc::kIo,
                 std::string(path) + ": input/output error of " + std::string(name_of(call))};
  }
  return std::nullopt;
}

void SimDisk::spoil(std::string_view path, std::uint64_t offset, std::uint64_t length) {
  const Result<FileNumber> file = image_.find_file(path);
  if (file) bad_ranges_.push_back({*file, offset, offset + length});
}

bool SimDisk::rot(std::string_view path, std::uint64_t offset, unsigned char mask) {
  const bool flipped = image_.flip(path, offset, mask);
  rotted_ = rotted_ || flipped;
  return flipped;
}

std::optional<SimDisk::Spot> SimDisk::choose_spot(std::string_view part, std::uint64_t word) const {
  std::uint64_t total = 0;
  std::vector<std::pair<std::string, std::uint64_t>> sizes;
  for (std::string& path : image_.files()) {
    if (path.find(part) == std::string::npos) continue;
    const Result<FileNumber> file = image_.find_file(path);
    const std::uint64_t size = image_.content(*file).durable_size();
    total += size;
    sizes.emplace_back(std::move(path), size);
  }
  if (total == 0) return std::nullopt;
  std::uint64_t offset = below(word, total);
  const auto mask = static_cast<unsigned char>(1U << (mix64(word, 1) % 8));
  for (auto& [path, size] : sizes) {
    if (offset < size) return Spot{std::move(path), offset, mask};
    offset -= size;
  }
  return std::nullopt;
}

bool SimDisk::fails(runtime::Site site, FileNumber file, std::uint32_t ppm) {
  return ppm > 0 && chance(draw(site, image_.key_of(file)), ppm);
}

Result<std::string> SimDisk::read(FileNumber file, std::uint64_t offset, std::size_t length) {
  for (const BadRange& bad : bad_ranges_) {
    if (bad.file == file && offset < bad.end && bad.begin < offset + length) {
      return Error{Errc::kIo, "a sector of the file can't be read"};
    }
  }
  if (fails(kReadErrorSite, file, faults_.read_error_ppm)) {
    return Error{Errc::kIo, "the device failed a read"};
  }
  return image_.content(file).read(offset, length);
}

Result<void> SimDisk::write(FileNumber file, std::uint64_t offset, std::string_view bytes) {
  FileContent& content = image_.content(file);
  const auto overwritten = [&](const BadRange& bad) {
    return bad.file == file && offset <= bad.begin && bad.end <= offset + bytes.size();
  };
  if (fails(kWriteErrorSite, file, faults_.write_error_ppm)) {
    const std::uint64_t part = below(draw(kWritePartSite, image_.key_of(file)), bytes.size() + 1);
    content.write(offset, bytes.substr(0, part));
    used_at_most_.reset();
    return Error{Errc::kIo, "the device failed a write"};
  }
  const std::uint64_t end = offset + bytes.size();
  if (end > content.size() && !surely_fits(end - content.size())) {
    // The part that finds room is written, as the system call does it.
    const std::uint64_t room = content.size() + space();
    if (end > room) {
      if (room > offset) content.write(offset, bytes.substr(0, room - offset));
      return Error{Errc::kNoSpace, "no space is left on the device"};
    }
  }
  content.write(offset, bytes);
  std::erase_if(bad_ranges_, overwritten);
  return {};
}

Error SimDisk::fail_sync(FileNumber file) {
  FileContent& content = image_.content(file);
  const std::uint64_t word = draw(kSyncPartSite, image_.key_of(file));
  content.sync_some([&](std::uint64_t sector) { return mix64(word, sector) % 2 == 0; });
  switch (faults_.sync_failure) {
    case SyncFailure::kDropDirty:
      content.forget_dirt();
      break;
    case SyncFailure::kKeepDirty:
      break;
    case SyncFailure::kSticky:
      sync_broken_.insert(file.value());
      break;
  }
  return {Errc::kIo, "the device failed a sync"};
}

Result<void> SimDisk::sync(FileNumber file) {
  if (sync_broken_.contains(file.value())) {
    return Error{Errc::kIo, "an earlier sync of the file failed"};
  }
  if (fails(kSyncErrorSite, file, faults_.sync_error_ppm)) return fail_sync(file);
  if (!fails(kSyncLieSite, file, faults_.lying_sync_ppm)) image_.content(file).sync();
  return {};
}

Result<void> SimDisk::allocate(FileNumber file, std::uint64_t size) {
  FileContent& content = image_.content(file);
  const std::uint64_t growth = size - std::min(size, content.size());
  if (growth > 0 && !surely_fits(growth) && growth > space()) {
    return Error{Errc::kNoSpace, "no space is left on the device"};
  }
  content.allocate(size);
  return {};
}

Result<void> SimDisk::truncate(FileNumber file, std::uint64_t size) {
  FileContent& content = image_.content(file);
  if (size > content.size()) used_at_most_.reset();
  content.truncate(size);
  return {};
}

bool SimDisk::surely_fits(std::uint64_t growth) {
  if (!used_at_most_) used_at_most_ = image_.used_bytes();
  const std::uint64_t used = std::min(*used_at_most_, options_.capacity_bytes);
  if (growth > options_.capacity_bytes - used) {
    used_at_most_.reset();
    return false;
  }
  *used_at_most_ += growth;
  return true;
}

std::uint64_t SimDisk::space() const {
  const std::uint64_t used = image_.used_bytes();
  return used >= options_.capacity_bytes ? 0 : options_.capacity_bytes - used;
}

}  // namespace detcd::sim
