#include "sim/disk/node_disk.h"

#include <coroutine>
#include <functional>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "runtime/wait.h"

namespace detcd::sim {
namespace {

using runtime::DirectoryEntry;
using runtime::DirectoryLock;
using runtime::File;
using runtime::OpenMode;
using runtime::Task;

constexpr runtime::Site kColdSite{"disk cold"};

template <class T>
class DiskAwaiter;

// An operation with its effect, and who waits for it.
template <class T>
class WaitedOperation final : public DiskOperation {
 public:
  using Effect = std::move_only_function<Result<T>()>;
  explicit WaitedOperation(Effect effect) : effect_(std::move(effect)) {}

  void take_effect() override { result_.emplace(effect_()); }
  void take_effect_partly(std::uint64_t word) override {
    if (partial_) {
      partial_(word);
    } else if (word % 2 == 0) {
      take_effect();
    }
  }
  void finish() override {
    if (waiter_ != nullptr) std::exchange(waiter_, nullptr)->complete(std::move(*result_));
  }
  void forget() override {
    if (waiter_ != nullptr) std::exchange(waiter_, nullptr)->abandoned();
  }
  void set_partial(std::move_only_function<void(std::uint64_t)> partial) {
    partial_ = std::move(partial);
  }

 private:
  friend class DiskAwaiter<T>;
  Effect effect_;
  std::move_only_function<void(std::uint64_t)> partial_;
  std::optional<Result<T>> result_;
  DiskAwaiter<T>* waiter_ = nullptr;
};

// Submits when awaited; destroyed before the end it leaves the operation to itself.
template <class T>
class [[nodiscard]] DiskAwaiter {
 public:
  DiskAwaiter(SimDisk& disk, runtime::Scheduler& scheduler,
              std::unique_ptr<WaitedOperation<T>> operation)
      : disk_(disk), scheduler_(scheduler), unsent_(std::move(operation)) {}
  DiskAwaiter(const DiskAwaiter&) = delete;
  DiskAwaiter& operator=(const DiskAwaiter&) = delete;
  ~DiskAwaiter() {
    if (operation_ != nullptr) operation_->waiter_ = nullptr;
  }
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    turn_.handle = caller;
    operation_ = unsent_.get();
    operation_->waiter_ = this;
    disk_.submit(std::move(unsent_));
  }
  Result<T> await_resume() { return std::move(*result_); }

  void complete(Result<T> result) {
    operation_ = nullptr;
    result_.emplace(std::move(result));
    scheduler_.post(turn_);
  }
  void abandoned() { operation_ = nullptr; }

 private:
  SimDisk& disk_;
  runtime::Scheduler& scheduler_;
  std::unique_ptr<WaitedOperation<T>> unsent_;
  WaitedOperation<T>* operation_ = nullptr;  // While the disk has it.
  std::optional<Result<T>> result_;
  runtime::Resumption turn_;
};

// What a node's files and directories have in common.
struct Door {
  SimDisk& disk;
  runtime::Scheduler& scheduler;
  const Fence& fence;
};

template <class T>
std::unique_ptr<WaitedOperation<T>> make_operation(DiskCall call, std::string path,
                                                   typename WaitedOperation<T>::Effect effect) {
  auto operation = std::make_unique<WaitedOperation<T>>(std::move(effect));
  operation->call = call;
  operation->path = std::move(path);
  return operation;
}

class NodeFile final : public File {
 public:
  NodeFile(const Door& door, FileNumber file, std::string path, bool writable)
      : door_(door), file_(file), path_(std::move(path)), writable_(writable) {
    door_.disk.image().hold(file_);
  }
  ~NodeFile() override { door_.disk.image().let_go(file_); }

  Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) override {
    door_.fence.require_open("File::read");
    auto operation = make<std::string>(DiskCall::kRead, [this_file = self(), offset, length] {
      return this_file.disk.read(this_file.number, offset, length);
    });
    operation->bytes = length;
    operation->payload = mix64(offset, length);
    co_return co_await DiskAwaiter<std::string>(door_.disk, door_.scheduler, std::move(operation));
  }

  Result<std::string> try_read(std::uint64_t offset, std::size_t length) override {
    door_.fence.require_open("File::try_read");
    SimDisk& disk = door_.disk;
    const std::uint64_t word = disk.draw(kColdSite, hash64(path_));
    if (chance(word, disk.faults().cold_ppm)) {
      return Error{Errc::kWouldBlock, path_ + ": the bytes aren't in memory"};
    }
    return disk.read(file_, offset, length);
  }

  Task<Result<void>> write(std::uint64_t offset, std::string bytes) override {
    door_.fence.require_open("File::write");
    if (!writable_) co_return read_only();
    const std::size_t size = bytes.size();
    const std::uint64_t payload = mix64(offset, hash64(bytes));
    auto shared = std::make_unique<std::string>(std::move(bytes));
    const std::string& text = *shared;
    auto operation =
        make<void>(DiskCall::kWrite, [this_file = self(), offset, kept = std::move(shared)] {
          return this_file.disk.write({this_file.number, this_file.path}, offset, *kept);
        });
    // A killed process leaves the sectors that were copied by then.
    operation->set_partial([this_file = self(), offset, &text](std::uint64_t word) {
      const std::uint64_t whole = (text.size() + kSectorBytes - 1) / kSectorBytes;
      const std::uint64_t sectors = below(word, whole + 1);
      const std::string_view part = std::string_view(text).substr(0, sectors * kSectorBytes);
      const Result<void> ignored =
          this_file.disk.write({this_file.number, this_file.path}, offset, part);
      static_cast<void>(ignored);
    });
    operation->bytes = size;
    operation->payload = payload;
    co_return co_await DiskAwaiter<void>(door_.disk, door_.scheduler, std::move(operation));
  }

  Task<Result<void>> sync() override {
    door_.fence.require_open("File::sync");
    auto operation = make<void>(DiskCall::kSync, [this_file = self()] {
      return this_file.disk.sync({this_file.number, this_file.path});
    });
    co_return co_await DiskAwaiter<void>(door_.disk, door_.scheduler, std::move(operation));
  }

  Task<Result<void>> allocate(std::uint64_t size) override {
    door_.fence.require_open("File::allocate");
    if (!writable_) co_return read_only();
    const std::uint64_t present = door_.disk.image().content(file_).size();
    auto operation = make<void>(DiskCall::kAllocate, [this_file = self(), size] {
      return this_file.disk.allocate(this_file.number, size);
    });
    operation->bytes = size > present ? size - present : 0;
    operation->payload = size;
    co_return co_await DiskAwaiter<void>(door_.disk, door_.scheduler, std::move(operation));
  }

  Task<Result<void>> truncate(std::uint64_t size) override {
    door_.fence.require_open("File::truncate");
    if (!writable_) co_return read_only();
    auto operation = make<void>(DiskCall::kTruncate, [this_file = self(), size] {
      return this_file.disk.truncate(this_file.number, size);
    });
    operation->payload = size;
    co_return co_await DiskAwaiter<void>(door_.disk, door_.scheduler, std::move(operation));
  }

  Task<Result<std::uint64_t>> size() override {
    door_.fence.require_open("File::size");
    auto operation = make<std::uint64_t>(DiskCall::kSize, [this_file = self()] {
      return Result<std::uint64_t>(this_file.disk.image().content(this_file.number).size());
    });
    co_return co_await DiskAwaiter<std::uint64_t>(door_.disk, door_.scheduler,
                                                  std::move(operation));
  }

 private:
  // What an operation needs that outlives the File.
  struct Self {
    SimDisk& disk;
    FileNumber number;
    std::string path;
  };
  [[nodiscard]] Self self() const { return {door_.disk, file_, path_}; }
  [[nodiscard]] Error read_only() const {
    return {Errc::kPermission, path_ + ": opened for reading only"};
  }
  template <class T>
  std::unique_ptr<WaitedOperation<T>> make(DiskCall call,
                                           typename WaitedOperation<T>::Effect effect) const {
    // A planned failure strikes instead of the effect.
    auto guarded = [&disk = door_.disk, call, path = path_, file = file_,
                    effect = std::move(effect)]() mutable -> Result<T> {
      std::optional<Error> failure = disk.failure_of(call, path);
      if (failure && call == DiskCall::kSync) return disk.fail_sync(file);
      if (failure) return std::move(*failure);
      return effect();
    };
    auto operation = make_operation<T>(call, path_, std::move(guarded));
    operation->file = file_;
    return operation;
  }

  Door door_;
  FileNumber file_;
  std::string path_;
  bool writable_;
};

// Given back when the last operation that was under way at its end is done.
class NodeLock final : public DirectoryLock {
 public:
  NodeLock(const Door& door, std::string directory)
      : door_(door), directory_(std::move(directory)) {}
  ~NodeLock() override {
    // A crash gave it back already, and it may be somebody else's now.
    if (!door_.fence.open()) return;
    SimDisk& disk = door_.disk;
    disk.run_when_drained(
        [&disk, directory = std::move(directory_)] { disk.release_lock(directory); });
  }

 private:
  Door door_;
  std::string directory_;
};

Result<std::unique_ptr<File>> open_file(const Door& door, const std::string& path, OpenMode mode) {
  DiskImage& image = door.disk.image();
  const Result<FileNumber> file = image.open(path, mode);
  if (!file) return file.error();
  const bool writable = mode != OpenMode::kRead;
  return std::unique_ptr<File>(std::make_unique<NodeFile>(door, *file, path, writable));
}

Result<std::unique_ptr<DirectoryLock>> take_lock(const Door& door, const std::string& directory) {
  DiskImage& image = door.disk.image();
  if (!image.is_directory(directory)) {
    return Error{Errc::kNotFound, directory + ": no such directory"};
  }
  const Result<FileNumber> file = image.open(directory + "/LOCK", OpenMode::kCreate);
  if (!file) return file.error();
  if (!door.disk.take_lock(directory)) {
    return Error{Errc::kBusy, directory + ": somebody else holds the lock"};
  }
  return std::unique_ptr<DirectoryLock>(std::make_unique<NodeLock>(door, directory));
}

}  // namespace

std::string NodeDisk::full(const std::string& path) const {
  std::string whole = path.starts_with("/") ? path : directory_ + "/" + path;
  std::string clean;
  for (const char c : whole) {
    if (c != '/' || !clean.ends_with('/')) clean += c;
  }
  while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  return clean;
}

Task<Result<std::unique_ptr<File>>> NodeDisk::open(std::string path, OpenMode mode) {
  fence_.require_open("Disk::open");
  const Door door{disk_, scheduler_, fence_};
  const std::string name = full(path);
  const bool makes = mode == OpenMode::kCreate || mode == OpenMode::kCreateNew;
  const DiskCall call = makes ? DiskCall::kCreate : DiskCall::kOpen;
  auto operation = make_operation<std::unique_ptr<File>>(
      call, name, [door, call, name, mode]() -> Result<std::unique_ptr<File>> {
        std::optional<Error> failure = door.disk.failure_of(call, name);
        if (failure) return std::move(*failure);
        return open_file(door, name, mode);
      });
  co_return co_await DiskAwaiter<std::unique_ptr<File>>(disk_, scheduler_, std::move(operation));
}

Task<Result<void>> NodeDisk::rename(std::string from, std::string to) {
  fence_.require_open("Disk::rename");
  const std::string source = full(from);
  const std::string target = full(to);
  auto operation = make_operation<void>(
      DiskCall::kRename, source, [&disk = disk_, source, target]() -> Result<void> {
        std::optional<Error> failure = disk.failure_of(DiskCall::kRename, source);
        if (failure) return std::move(*failure);
        return disk.image().rename(source, target);
      });
  operation->payload = hash64(target);
  co_return co_await DiskAwaiter<void>(disk_, scheduler_, std::move(operation));
}

Task<Result<void>> NodeDisk::remove(std::string path) {
  fence_.require_open("Disk::remove");
  const std::string name = full(path);
  auto operation =
      make_operation<void>(DiskCall::kRemove, name, [&disk = disk_, name]() -> Result<void> {
        std::optional<Error> failure = disk.failure_of(DiskCall::kRemove, name);
        if (failure) return std::move(*failure);
        return disk.image().remove(name);
      });
  co_return co_await DiskAwaiter<void>(disk_, scheduler_, std::move(operation));
}

Task<Result<void>> NodeDisk::make_directory(std::string path) {
  fence_.require_open("Disk::make_directory");
  const std::string name = full(path);
  auto operation =
      make_operation<void>(DiskCall::kMakeDirectory, name, [&disk = disk_, name]() -> Result<void> {
        std::optional<Error> failure = disk.failure_of(DiskCall::kMakeDirectory, name);
        if (failure) return std::move(*failure);
        return disk.image().make_directory(name);
      });
  co_return co_await DiskAwaiter<void>(disk_, scheduler_, std::move(operation));
}

Task<Result<std::vector<DirectoryEntry>>> NodeDisk::list(std::string path) {
  fence_.require_open("Disk::list");
  const std::string name = full(path);
  using Entries = std::vector<DirectoryEntry>;
  auto operation = make_operation<Entries>(
      DiskCall::kList, name, [&disk = disk_, name] { return disk.image().list(name); });
  co_return co_await DiskAwaiter<Entries>(disk_, scheduler_, std::move(operation));
}

Task<Result<void>> NodeDisk::sync_directory(std::string path) {
  fence_.require_open("Disk::sync_directory");
  const std::string name = full(path);
  auto operation =
      make_operation<void>(DiskCall::kSyncDirectory, name, [&disk = disk_, name]() -> Result<void> {
        std::optional<Error> failure = disk.failure_of(DiskCall::kSyncDirectory, name);
        if (failure) return std::move(*failure);
        return disk.image().sync_directory(name, disk.options().power_loss.ordered_journal);
      });
  co_return co_await DiskAwaiter<void>(disk_, scheduler_, std::move(operation));
}

Task<Result<std::unique_ptr<DirectoryLock>>> NodeDisk::lock(std::string path) {
  fence_.require_open("Disk::lock");
  const Door door{disk_, scheduler_, fence_};
  const std::string name = full(path);
  using Lock = std::unique_ptr<DirectoryLock>;
  auto operation =
      make_operation<Lock>(DiskCall::kLock, name, [door, name] { return take_lock(door, name); });
  co_return co_await DiskAwaiter<Lock>(disk_, scheduler_, std::move(operation));
}

Task<Result<std::uint64_t>> NodeDisk::space(std::string path) {
  fence_.require_open("Disk::space");
  const std::string name = full(path);
  auto operation = make_operation<std::uint64_t>(
      DiskCall::kSpace, name, [&disk = disk_] { return Result<std::uint64_t>(disk.space()); });
  co_return co_await DiskAwaiter<std::uint64_t>(disk_, scheduler_, std::move(operation));
}

}  // namespace detcd::sim
