// Directories and files. A write is visible at once and durable only after sync; a name is durable
// only after sync_dir of its directory; a process crash keeps what was written, a power loss does
// not. A failed sync is never retried: the file is then good for nothing but closing. No memory
// mapping.
//
// Disk operations are abandoned, not cancelled: destroying a task that waits for one leaves the
// operation to finish on its own, in its file's order. Paths are absolute or relative to the
// directory the world was made for; "/" separates.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/task.h"

namespace detcd::runtime {

enum class OpenMode : std::uint8_t {
  kRead,       // Must exist.
  kReadWrite,  // Must exist.
  kCreate,     // Read and write; made when missing (0600).
  kCreateNew,  // Read and write; kExists when it is there.
};

class File {
 public:
  virtual ~File() = default;  // Closes, after operations under way have finished.

  // Up to `length` bytes from `offset`; fewer only at the end of the file. Errors: kIo.
  virtual Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) = 0;
  // The same when it can be answered without waiting for the device, else kWouldBlock.
  virtual Result<std::string> try_read(std::uint64_t offset, std::size_t length) = 0;
  // Writes all of `bytes` at `offset`. Errors: kNoSpace, kIo.
  virtual Task<Result<void>> write(std::uint64_t offset, std::string bytes) = 0;
  // All that was written before this call, and the size, is durable. Errors: kIo, after which the
  // state of what was unsynced is unknown.
  virtual Task<Result<void>> sync() = 0;
  // write, then sync, as one operation: worlds in which an operation costs a hop to another thread
  // pay for one. Errors: as the two; nothing is known of what an error left behind.
  virtual Task<Result<void>> write_and_sync(std::uint64_t offset, std::string bytes);
  // Makes the file at least `size` long and its new bytes really written zeros (not a hole), so
  // that later writes inside need no metadata. Not durable before sync. Errors: kNoSpace, kIo.
  virtual Task<Result<void>> allocate(std::uint64_t size) = 0;
  virtual Task<Result<void>> truncate(std::uint64_t size) = 0;
  virtual Task<Result<std::uint64_t>> size() = 0;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  std::uint64_t size = 0;
  friend bool operator==(const DirectoryEntry&, const DirectoryEntry&) = default;
};

// Held by one process (or simulated node) at a time; given back when destroyed, after the drain of
// the operations of its owner.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

class Disk {
 public:
  virtual ~Disk() = default;
  // Errors: kNotFound, kExists, kPermission, kNoSpace, kIo.
  virtual Task<Result<std::unique_ptr<File>>> open(std::string path, OpenMode mode) = 0;
  // Atomic; replaces `to`. Durable after sync_dir of both directories.
  virtual Task<Result<void>> rename(std::string from, std::string to) = 0;
  virtual Task<Result<void>> remove(std::string path) = 0;
  // Makes the directory and its missing parents, mode 0700. Fine when it exists.
  virtual Task<Result<void>> make_directory(std::string path) = 0;
  // Sorted by name. kNotFound when there is no such directory.
  virtual Task<Result<std::vector<DirectoryEntry>>> list(std::string path) = 0;
  virtual Task<Result<void>> sync_directory(std::string path) = 0;
  // kBusy when another holder has it. Makes a file LOCK in the directory, which must exist.
  virtual Task<Result<std::unique_ptr<DirectoryLock>>> lock(std::string path) = 0;
  // Bytes that can still be written below `path`.
  virtual Task<Result<std::uint64_t>> space(std::string path) = 0;
};

}  // namespace detcd::runtime
