#include "runtime_asio/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <utility>

#include "runtime_asio/blocking_call.h"
#include "runtime_asio/file.h"
#include "runtime_asio/system_error.h"
#include "runtime_asio/unique_fd.h"

namespace detcd::runtime_asio {

namespace {

using runtime::DirectoryEntry;
using runtime::OpenMode;
using runtime::Task;

// Several files' syncs, and the filling of the next segment, run beside each other.
constexpr std::size_t kDiskThreadsMax = 4;

Error failure(std::string_view verb, const std::string& path) {
  return system_error(errno, std::string(verb) + " " + path);
}

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  check(false, "an open mode is one of the listed ones");
  return O_RDONLY;
}

Result<OpenedFile> open_file(const std::string& path, OpenMode mode) {
  UniqueFd fd(::open(path.c_str(), flags_of(mode) | O_CLOEXEC, 0600));
  if (!fd.valid()) return failure("open", path);
  return OpenedFile{std::move(fd), path};
}

Result<void> rename_file(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failure("rename to " + to + " from", from);
  return {};
}

Result<void> remove_file(const std::string& path) {
  if (::remove(path.c_str()) != 0) return failure("remove", path);
  return {};
}

bool is_directory(const std::string& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

Result<void> make_directories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string parent = path.substr(0, end);
    if (::mkdir(parent.c_str(), 0700) != 0) {
      Error error = failure("make directory", parent);
      if (!is_directory(parent)) return error;
    }
    if (end == std::string::npos) return {};
  }
}

Result<std::vector<DirectoryEntry>> list_directory(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
  if (directory == nullptr) return failure("list", path);
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* found = ::readdir(directory.get());
    if (found == nullptr && errno != 0) return failure("list", path);
    if (found == nullptr) break;
    DirectoryEntry entry{.name = found->d_name};
    if (entry.name == "." || entry.name == "..") continue;
    struct stat about{};
    if (::fstatat(::dirfd(directory.get()), found->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // Removed meanwhile.
      return failure("stat", path + "/" + entry.name);
    }
    entry.is_directory = S_ISDIR(about.st_mode);
    // The size of a directory says something about its file system only.
    entry.size = entry.is_directory ? 0 : static_cast<std::uint64_t>(about.st_size);
    entries.push_back(std::move(entry));
  }
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

Result<void> sync_names(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return failure("open directory", path);
  if (::fsync(fd.get()) == 0) return {};
  Error error = failure("sync directory", path);
  error.code = Errc::kIo;
  return error;
}

Result<UniqueFd> lock_directory(const std::string& path) {
  const std::string name = path + "/LOCK";
  UniqueFd fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return failure("open", name);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return Error{Errc::kBusy, "lock " + name + ": somebody else holds it"};
  return failure("lock", name);
}

Result<std::uint64_t> space_below(const std::string& path) {
  struct statvfs about{};
  if (::statvfs(path.c_str(), &about) != 0) return failure("ask the space of", path);
  return static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
}

// Given back after the drain: while an abandoned write may still land, nobody else gets the
// directory.
class AsioDirectoryLock final : public runtime::DirectoryLock {
 public:
  AsioDirectoryLock(std::weak_ptr<HelperPool> helpers, UniqueFd fd)
      : helpers_(std::move(helpers)), fd_(std::move(fd)) {}
  ~AsioDirectoryLock() override {
    const std::shared_ptr<HelperPool> helpers = helpers_.lock();
    if (helpers != nullptr) helpers->when_idle([fd = std::move(fd_)] {});
  }

 private:
  std::weak_ptr<HelperPool> helpers_;
  UniqueFd fd_;
};

}  // namespace

AsioDisk::AsioDisk(AsioScheduler& scheduler, std::string directory)
    : scheduler_(scheduler),
      directory_(std::move(directory)),
      names_(std::make_shared<Lane>()),
      helpers_(std::make_shared<HelperPool>(kDiskThreadsMax, AtEnd::kFinish)) {}

std::string AsioDisk::full_path(const std::string& path) const {
  if (path.starts_with('/') || directory_.empty()) return path;
  if (path.empty()) return directory_;
  return directory_ + "/" + path;
}

Task<Result<std::unique_ptr<runtime::File>>> AsioDisk::open(std::string path, OpenMode mode) {
  std::move_only_function<Result<OpenedFile>()> call = [full = full_path(path), mode] {
    return open_file(full, mode);
  };
  Result<OpenedFile> opened = co_await blocking_call<Result<OpenedFile>>(
      CallQueue(scheduler_, *helpers_, names_), std::move(call));
  if (!opened) co_return opened.error();
  co_return make_file(scheduler_, *helpers_, std::move(*opened));
}

Task<Result<void>> AsioDisk::rename(std::string from, std::string to) {
  return blocking_call<Result<void>>(
      {scheduler_, *helpers_, names_},
      [from = full_path(from), to = full_path(to)] { return rename_file(from, to); });
}

Task<Result<void>> AsioDisk::remove(std::string path) {
  return blocking_call<Result<void>>({scheduler_, *helpers_, names_},
                                     [full = full_path(path)] { return remove_file(full); });
}

Task<Result<void>> AsioDisk::make_directory(std::string path) {
  return blocking_call<Result<void>>({scheduler_, *helpers_, names_},
                                     [full = full_path(path)] { return make_directories(full); });
}

Task<Result<std::vector<DirectoryEntry>>> AsioDisk::list(std::string path) {
  return blocking_call<Result<std::vector<DirectoryEntry>>>(
      {scheduler_, *helpers_, names_}, [full = full_path(path)] { return list_directory(full); });
}

Task<Result<void>> AsioDisk::sync_directory(std::string path) {
  return blocking_call<Result<void>>({scheduler_, *helpers_, names_},
                                     [full = full_path(path)] { return sync_names(full); });
}

Task<Result<std::unique_ptr<runtime::DirectoryLock>>> AsioDisk::lock(std::string path) {
  std::move_only_function<Result<UniqueFd>()> call = [full = full_path(path)] {
    return lock_directory(full);
  };
  Result<UniqueFd> fd = co_await blocking_call<Result<UniqueFd>>(
      CallQueue(scheduler_, *helpers_, names_), std::move(call));
  if (!fd) co_return fd.error();
  co_return std::unique_ptr<runtime::DirectoryLock>(
      std::make_unique<AsioDirectoryLock>(helpers_, std::move(*fd)));
}

Task<Result<std::uint64_t>> AsioDisk::space(std::string path) {
  return blocking_call<Result<std::uint64_t>>(
      {scheduler_, *helpers_, names_}, [full = full_path(path)] { return space_below(full); });
}

}  // namespace detcd::runtime_asio
