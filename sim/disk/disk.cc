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
constexpr runtime::Site kNameErrorSite{"disk name error"};
constexpr runtime::Site kCrashSite{"disk crash"};
constexpr runtime::Site kPowerLossSite{"disk power loss"};

constexpr std::uint64_t kNamesKey = 0;
constexpr std::size_t kWritesKept = 4096;

bool changes(DiskCall call) {
  return call != DiskCall::kRead && call != DiskCall::kSize && call != DiskCall::kList &&
         call != DiskCall::kSpace && call != DiskCall::kOpen;
}

bool is_of_names(DiskCall call) {
  return call == DiskCall::kCreate || call == DiskCall::kRename || call == DiskCall::kRemove ||
         call == DiskCall::kMakeDirectory || call == DiskCall::kSyncDirectory;
}

std::uint64_t& counter_of(DiskCall call, DiskCounts& counts) {
  if (call == DiskCall::kRead) return counts.read_errors;
  return is_of_names(call) || call == DiskCall::kOpen ? counts.name_errors : counts.write_errors;
}

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
      ++counts_.stalls;
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
  const VirtualTime usual = kernel_.now() + time_of(operation);
  const VirtualTime due = std::max(usual, stalled_until_);
  if (due > usual) ++counts_.stalls;
  const std::uint64_t what =
      mix64(hash64(operation.path), static_cast<std::uint64_t>(operation.call));
  const Label label{options_.node, EventKind::kDisk, mix64(what, operation.payload)};
  queue.event = kernel_.schedule(due, label, [this, key] { run_first(key); });
  if (start_hook_ && changes(operation.call)) start_hook_(operation, due);
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
      if (changes(operation->call)) return true;
    }
  }
  return false;
}

void SimDisk::end_at_device(DiskOperation& operation) {
  const std::uint64_t word = draw(kCrashSite, hash64(operation.path));
  if (!changes(operation.call)) return;
  if (may_tear()) {
    torn_ = torn_ || operation.call == DiskCall::kWrite;
    operation.take_effect_partly(word);
  } else if (word % 2 == 0) {
    operation.take_effect();
  }
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
    if (&first != at_boundary_) end_at_device(first);
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
  counts_.lost_sectors += image_.lost().size();
  rotted_ = rotted_ || !image_.harmed().empty();
}

void SimDisk::stall_until(VirtualTime time) {
  stalled_until_ = time;
  for (auto& [key, queue] : queues_) {
    const VirtualTime due = kernel_.time_of(queue.event);
    if (due < time || due == kNeverVirtual) {
      if (time > kernel_.now()) ++counts_.stalls;
      kernel_.move(queue.event, std::max(time, kernel_.now()));
    }
  }
}

void SimDisk::fail_next(DiskCall call, std::string_view part, std::uint32_t count) {
  planned_.push_back({call, std::string(part), count});
}

std::optional<Error> SimDisk::failure_of(DiskCall call, std::string_view path) {
  const auto io_error = [&] {
    // A sync counts where it fails.
    if (call != DiskCall::kSync) ++counter_of(call, counts_);
    return Error{Errc::kIo,
                 std::string(path) + ": input/output error of " + std::string(name_of(call))};
  };
  for (auto planned = planned_.begin(); planned != planned_.end(); ++planned) {
    if (planned->call != call || path.find(planned->part) == std::string_view::npos) continue;
    if (--planned->count == 0) planned_.erase(planned);
    return io_error();
  }
  if (lacks_room(call)) return no_space();
  if (is_of_names(call) && faults_.name_error_ppm > 0 &&
      chance(draw(kNameErrorSite, hash64(path)), faults_.name_error_ppm)) {
    return io_error();
  }
  return std::nullopt;
}

// Growing is refused where it is known how much it is.
bool SimDisk::lacks_room(DiskCall call) const {
  const bool makes = call == DiskCall::kCreate || call == DiskCall::kMakeDirectory;
  const bool replaces =
      call == DiskCall::kWrite || call == DiskCall::kRename || call == DiskCall::kAllocate;
  return (faults_.room != Room::kPlenty && makes) || (faults_.room == Room::kNone && replaces);
}

Error SimDisk::no_space() {
  ++counts_.no_space;
  return {Errc::kNoSpace, "no space is left on the device"};
}

void SimDisk::record(const Target& target, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t number = writes_.empty() ? 1 : writes_.back().number + 1;
  if (writes_.size() == kWritesKept) writes_.pop_front();
  writes_.push_back({number, kernel_.now(), target.path, offset, length});
}

const WriteRecord* SimDisk::write_of(std::uint64_t number) const {
  if (writes_.empty() || number < writes_.front().number || number > writes_.back().number) {
    return nullptr;
  }
  return &writes_[static_cast<std::size_t>(number - writes_.front().number)];
}

void SimDisk::spoil(std::string_view path, std::uint64_t offset, std::uint64_t length) {
  const Result<FileNumber> file = image_.find_file(path);
  if (!file) return;
  bad_ranges_.push_back({*file, offset, offset + length});
  rotted_ = true;
}

bool SimDisk::is_harmed(Matters matters) const {
  const std::vector<DiskImage::HarmedPlace> harmed = image_.harmed();
  const auto in_use = [&](const DiskImage::HarmedPlace& place) { return matters(place.path); };
  if (std::ranges::any_of(harmed, in_use)) return true;
  const std::vector<std::string> files = image_.files();
  return !bad_ranges_.empty() && std::ranges::any_of(files, [&](const std::string& path) {
    const auto here = [file = *image_.find_file(path)](const BadRange& bad) {
      return bad.file == file;
    };
    return matters(path) && std::ranges::any_of(bad_ranges_, here);
  });
}

void SimDisk::exchange(SimDisk& other) {
  check(under_way_ == 0 && other.under_way_ == 0, "disks are swapped only while nobody uses them");
  std::swap(image_, other.image_);
  std::swap(bad_ranges_, other.bad_ranges_);
  std::swap(rotted_, other.rotted_);
  std::swap(torn_, other.torn_);
  std::swap(writes_, other.writes_);
  used_at_most_.reset();
  other.used_at_most_.reset();
}

bool SimDisk::rot(std::string_view path, std::uint64_t offset, unsigned char mask) {
  const bool flipped = image_.flip(path, offset, mask);
  rotted_ = rotted_ || flipped;
  if (flipped) ++counts_.rotted;
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
      ++counts_.read_errors;
      return Error{Errc::kIo, "a sector of the file can't be read"};
    }
  }
  if (fails(kReadErrorSite, file, faults_.read_error_ppm)) {
    ++counts_.read_errors;
    return Error{Errc::kIo, "the device failed a read"};
  }
  return image_.content(file).read(offset, length);
}

Result<void> SimDisk::write(const Target& target, std::uint64_t offset, std::string_view bytes) {
  FileContent& content = image_.content(target.file);
  const auto overwritten = [&](const BadRange& bad) {
    return bad.file == target.file && offset <= bad.begin && bad.end <= offset + bytes.size();
  };
  record(target, offset, bytes.size());
  const std::uint64_t by = writes_.back().number;
  if (fails(kWriteErrorSite, target.file, faults_.write_error_ppm)) {
    // The kernel copies page by page.
    const std::uint64_t word = draw(kWritePartSite, image_.key_of(target.file));
    const std::uint64_t stop =
        (offset + below(word, bytes.size() + 1)) / kSectorBytes * kSectorBytes;
    if (stop > offset && may_tear()) {
      content.write(offset, bytes.substr(0, stop - offset), by);
      torn_ = true;
    }
    used_at_most_.reset();
    ++counts_.write_errors;
    return Error{Errc::kIo, "the device failed a write"};
  }
  const std::uint64_t end = offset + bytes.size();
  const bool grows = end > content.size();
  const bool may_grow = faults_.room == Room::kPlenty && grows;
  if (grows && !(may_grow && surely_fits(end - content.size()))) {
    // The part that finds room is written, as the system call does it.
    const std::uint64_t room = content.size() + (may_grow ? space() : 0);
    if (end > room) {
      if (room > offset) content.write(offset, bytes.substr(0, room - offset), by);
      return no_space();
    }
  }
  content.write(offset, bytes, by);
  std::erase_if(bad_ranges_, overwritten);
  return {};
}

Error SimDisk::fail_sync(FileNumber file) {
  FileContent& content = image_.content(file);
  const std::uint64_t word = draw(kSyncPartSite, image_.key_of(file));
  ++counts_.sync_errors;
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

Result<void> SimDisk::sync(const Target& target) {
  if (sync_broken_.contains(target.file.value())) {
    ++counts_.sync_errors;
    return Error{Errc::kIo, "an earlier sync of the file failed"};
  }
  if (fails(kSyncErrorSite, target.file, faults_.sync_error_ppm)) return fail_sync(target.file);
  FileContent& content = image_.content(target.file);
  if (fails(kSyncLieSite, target.file, faults_.lying_sync_ppm)) {
    if (content.dirty()) ++counts_.lies;
    content.pretend_sync();
    return {};
  }
  const auto betrayal = std::ranges::find_if(betrayals_, [&](const Betrayal& each) {
    return target.path.find(each.part) != std::string::npos && !content.dirty_sectors().empty();
  });
  if (betrayal == betrayals_.end()) {
    content.sync();
  } else {
    betray(*betrayal, content);
    betrayals_.erase(betrayal);
  }
  return {};
}

void SimDisk::betray(const Betrayal& betrayal, FileContent& content) {
  const std::vector<std::uint64_t> dirty = content.dirty_sectors();
  const std::uint64_t chosen = dirty[below(mix64(betrayal.word, 1), dirty.size())];
  const std::string bytes = content.read(chosen * kSectorBytes, kSectorBytes);
  if (betrayal.harm == Harm::kMisdirected) {
    ++counts_.misdirected_writes;
    content.sync_losing({chosen});
    const std::optional<Spot> spot = choose_spot(betrayal.part, mix64(betrayal.word, 2));
    if (!spot) return;
    image_.content(*image_.find_file(spot->path)).misdirect(spot->offset / kSectorBytes, bytes);
    return;
  }
  ++counts_.lost_writes;
  const bool whole = mix64(betrayal.word, 3) % 2 == 0;
  content.sync_losing(whole ? dirty : std::vector{chosen});
}

std::string SimDisk::describe_harm() const {
  std::string words;
  for (const DiskImage::HarmedPlace& place : image_.harmed()) {
    words += (words.empty() ? "" : ", ") + place.path + " sector " +
             std::to_string(place.what.sector) + ": " + std::string(name_of(place.what.harm)) +
             " took write " + std::to_string(place.what.write);
  }
  return words;
}

std::string SimDisk::describe_losses() const {
  std::string words;
  for (const DiskImage::LostPlace& place : image_.lost()) {
    const char* found = " (older bytes are there)";
    if (place.what.found == LostSector::Found::kTorn) found = " (torn)";
    if (place.what.found == LostSector::Found::kGarbage) found = " (garbage is there)";
    words += (words.empty() ? "" : ", ") + place.path + " sector " +
             std::to_string(place.what.sector) + ": write " + std::to_string(place.what.write) +
             found;
  }
  return words;
}

Result<void> SimDisk::allocate(FileNumber file, std::uint64_t size) {
  FileContent& content = image_.content(file);
  const std::uint64_t growth = size - std::min(size, content.size());
  if (growth > 0 && faults_.room != Room::kPlenty) return no_space();
  if (growth > 0 && !surely_fits(growth) && growth > space()) return no_space();
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
  if (faults_.room != Room::kPlenty) return 0;
  const std::uint64_t used = image_.used_bytes();
  return used >= options_.capacity_bytes ? 0 : options_.capacity_bytes - used;
}

}  // namespace detcd::sim
