#include "runtime_asio/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.h"
#include "runtime/wait.h"
#include "runtime_asio/blocking_call.h"
#include "runtime_asio/system_error.h"

namespace detcd::runtime_asio {

namespace {

using runtime::Task;

// More than this isn't copied on the strand, not even from memory.
constexpr std::size_t kInlineReadMax = 256 * kKiB;
constexpr std::size_t kZerosBytes = kMiB;

// Shared by the file and its operations under way; the last of them closes it. All but `changes`
// and the descriptor is touched by the lane's jobs only, which run one after another.
struct OpenFile {
  explicit OpenFile(OpenedFile opened) : fd(std::move(opened.fd)), path(std::move(opened.path)) {}
  const UniqueFd fd;
  const std::string path;
  std::atomic<int> changes{0};  // Writes, allocations and truncations that aren't done yet.
  bool sync_failed = false;

  [[nodiscard]] Error failure(std::string_view verb) const {
    return system_error(errno, std::string(verb) + " " + path);
  }
};

Result<std::uint64_t> size_of(const OpenFile& file) {
  struct stat about{};
  if (::fstat(file.fd.get(), &about) != 0) return file.failure("stat");
  return static_cast<std::uint64_t>(about.st_size);
}

Result<std::string> read_bytes(const OpenFile& file, std::uint64_t offset, std::size_t length) {
  bool failed = false;
  std::string bytes;
  bytes.resize_and_overwrite(length, [&](char* to, std::size_t) {
    std::size_t done = 0;
    while (done < length) {
      const ssize_t got =
          ::pread(file.fd.get(), to + done, length - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      failed = got < 0;
      if (got <= 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  });
  if (failed) return file.failure("read");
  return bytes;
}

// Only what lies in the page cache: kWouldBlock for anything else.
Result<std::string> read_cached(const OpenFile& file, std::uint64_t offset, std::size_t length) {
  const Error would_block{Errc::kWouldBlock, "read " + file.path + ": not in memory"};
  if (length > kInlineReadMax || file.changes.load(std::memory_order_acquire) != 0) {
    return would_block;
  }
  ssize_t got = 0;
  std::string bytes;
  bytes.resize_and_overwrite(length, [&](char* to, std::size_t) {
    const iovec piece{to, length};
    got = ::preadv2(file.fd.get(), &piece, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    return static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  });
  if (got < 0) {
    const bool elsewhere = errno == EAGAIN || errno == EOPNOTSUPP || errno == EINTR;
    if (elsewhere) return would_block;
    return file.failure("read");
  }
  if (bytes.size() == length) return bytes;
  // Short: because the file ends there, or because the rest isn't cached.
  const Result<std::uint64_t> size = size_of(file);
  if (!size) return size.error();
  if (offset + bytes.size() < *size) return would_block;
  return bytes;
}

Result<void> write_bytes(const OpenFile& file, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put =
        ::pwrite(file.fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return file.failure("write");
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

// The kernel may have dropped the unsynced pages and forgotten the error, so a later sync that
// succeeds would promise what isn't there: the first failure is final.
Result<void> sync_data(OpenFile& file) {
  if (file.sync_failed) return Error{Errc::kIo, "sync " + file.path + ": an earlier sync failed"};
  if (::fdatasync(file.fd.get()) == 0) return {};
  file.sync_failed = true;
  Error error = file.failure("sync");
  // Also when the device was full: nothing of it may be tried again.
  error.code = Errc::kIo;
  return error;
}

Result<void> fill_with_zeros(const OpenFile& file, std::uint64_t end) {
  const Result<std::uint64_t> size = size_of(file);
  if (!size) return size.error();
  if (*size >= end) return {};
  const std::vector<char> zeros(std::min<std::uint64_t>(kZerosBytes, end - *size));
  for (std::uint64_t at = *size; at < end; at += zeros.size()) {
    const std::size_t length = std::min<std::uint64_t>(zeros.size(), end - at);
    Result<void> written = write_bytes(file, at, {zeros.data(), length});
    if (written) continue;
    // What was begun must not hold the space that somebody may need to get out of this.
    static_cast<void>(::ftruncate(file.fd.get(), static_cast<off_t>(*size)) == 0);
    return written;
  }
  return {};
}

class AsioFile final : public runtime::File {
 public:
  AsioFile(AsioScheduler& scheduler, HelperPool& helpers, OpenedFile opened)
      : queue_{scheduler, helpers, std::make_shared<Lane>()},
        file_(std::make_shared<OpenFile>(std::move(opened))) {}

  Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) override {
    return read_at(queue_, file_, offset, length);
  }
  Result<std::string> try_read(std::uint64_t offset, std::size_t length) override {
    return read_cached(*file_, offset, length);
  }
  Task<Result<void>> write(std::uint64_t offset, std::string bytes) override {
    return change([offset, bytes = std::move(bytes)](OpenFile& file) {
      return write_bytes(file, offset, bytes);
    });
  }
  Task<Result<void>> sync() override {
    return blocking_call<Result<void>>(queue_, [file = file_] { return sync_data(*file); });
  }
  // put-path 8/8: the log's bytes reach the device, in one visit to a helper thread.
  Task<Result<void>> write_and_sync(std::uint64_t offset, std::string bytes) override {
    return change([offset, bytes = std::move(bytes)](OpenFile& file) -> Result<void> {
      Result<void> written = write_bytes(file, offset, bytes);
      if (!written) return written;
      return sync_data(file);
    });
  }
  Task<Result<void>> allocate(std::uint64_t size) override {
    return change([size](OpenFile& file) { return fill_with_zeros(file, size); });
  }
  Task<Result<void>> truncate(std::uint64_t size) override {
    return change([size](OpenFile& file) -> Result<void> {
      if (::ftruncate(file.fd.get(), static_cast<off_t>(size)) == 0) return {};
      return file.failure("truncate");
    });
  }
  Task<Result<std::uint64_t>> size() override {
    return blocking_call<Result<std::uint64_t>>(queue_, [file = file_] { return size_of(*file); });
  }

 private:
  static Task<Result<std::string>> read_at(CallQueue queue, std::shared_ptr<OpenFile> file,
                                           std::uint64_t offset, std::size_t length) {
    Result<std::string> cached = read_cached(*file, offset, length);
    const bool answered = cached.ok() || cached.error().code != Errc::kWouldBlock;
    if (answered) {
      co_await runtime::yield(queue.scheduler);
      co_return std::move(cached);
    }
    std::move_only_function<Result<std::string>()> call = [file = std::move(file), offset, length] {
      return read_bytes(*file, offset, length);
    };
    co_return co_await blocking_call<Result<std::string>>(std::move(queue), std::move(call));
  }

  // Task-making, not a coroutine: nothing happens before the task is awaited, but what it will do
  // is captured here.
  template <class Action>
  Task<Result<void>> change(Action action) {
    return run_change(queue_, file_,
                      [file = file_, action = std::move(action)]() mutable -> Result<void> {
                        Result<void> result;
                        if (file->sync_failed) {
                          result = Error{Errc::kIo, "change " + file->path + ": a sync failed"};
                        } else {
                          result = action(*file);
                        }
                        file->changes.fetch_sub(1, std::memory_order_release);
                        return result;
                      });
  }

  static Task<Result<void>> run_change(CallQueue queue, std::shared_ptr<OpenFile> file,
                                       std::move_only_function<Result<void>()> call) {
    file->changes.fetch_add(1, std::memory_order_relaxed);
    co_return co_await blocking_call<Result<void>>(std::move(queue), std::move(call));
  }

  CallQueue queue_;
  std::shared_ptr<OpenFile> file_;
};

}  // namespace

std::unique_ptr<runtime::File> make_file(AsioScheduler& scheduler, HelperPool& helpers,
                                         OpenedFile opened) {
  return std::make_unique<AsioFile>(scheduler, helpers, std::move(opened));
}

}  // namespace detcd::runtime_asio
