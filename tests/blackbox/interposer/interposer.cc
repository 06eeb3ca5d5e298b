// A preloaded library that writes down, in order, what a process does to files below one directory
// and what it sends to sockets: tests/blackbox/interposer_test.py reads it after the process was
// killed. It promises that a record is in the log file before the call returns, also to a process
// that dies then; that is why the log is a shared mapping. It relies on the C library's functions
// being called through the dynamic linker, which holds for every libc call of the server.
//
//   DETCD_INTERPOSER_LOG   the file to write to; without it nothing is recorded
//   DETCD_INTERPOSER_DIR   files below this directory are recorded, with what they held before
//   DETCD_INTERPOSER_SKIP_SYNC=1   a sync returns success and does nothing: the checks must notice
//   DETCD_INTERPOSER_SYNC_MILLISECONDS   how much longer a sync takes, as on a slow device
//
// A record: u32 length of all of it, u32 kind, u64 file (an inode; of a send: the local port), u64
// offset, u64 number of this record's begin, then u32 length + bytes, twice. All little endian.
// Records stand in order of their ends; `begin` counts the records before the call. Bytes that are
// all zero are written as their length with the top bit set, without the bytes.
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>

namespace {

enum class Kind : std::uint32_t {
  kWrite = 1,     // What is there now, what was there before.
  kSync = 2,      // `begin`: everything written to the file before is covered.
  kSend = 3,      // What was sent.
  kTruncate = 4,  // `offset`: the new length. First: u64 former length. Second: what was cut off.
  kCreate = 5,    // The path.
  kRename = 6,    // From, to.
  kSyncDirectory = 7,  // The path.
  kWritten = 8,        // A write returned; `begin`: the number of its record.
};

constexpr std::size_t kLogBytes = std::size_t{1} << 30;  // Sparse: only what is used takes room.
constexpr std::uint32_t kZeros = 0x8000'0000;
constexpr std::size_t kPathMax = 4096;
constexpr int kMicrosecondsPerMillisecond = 1000;

struct Record {
  Kind kind = Kind::kWrite;
  std::uint64_t file = 0;
  std::uint64_t offset = 0;
  std::uint64_t begin = 0;
  std::string_view first;
  std::string_view second;
};

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "interposer: %s: %s\n", why, std::strerror(errno));
  std::abort();
}

template <class Function>
Function* next_of(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) give_up(name);
  return reinterpret_cast<Function*>(found);
}

bool all_zero(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char byte) { return byte == 0; });
}

class Log {
 public:
  Log() {
    const char* path = std::getenv("DETCD_INTERPOSER_LOG");
    const char* directory = std::getenv("DETCD_INTERPOSER_DIR");
    const char* skip = std::getenv("DETCD_INTERPOSER_SKIP_SYNC");
    skip_sync_ = skip != nullptr && std::string_view(skip) == "1";
    const char* delay = std::getenv("DETCD_INTERPOSER_SYNC_MILLISECONDS");
    if (delay != nullptr) sync_delay_ = std::atoi(delay) * kMicrosecondsPerMillisecond;
    if (path == nullptr || directory == nullptr) return;
    directory_ = directory;
    const int fd = next_of<int(const char*, int, ...)>("open")(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0) give_up(path);
    if (next_of<int(int, off_t)>("ftruncate")(fd, kLogBytes) != 0) give_up("ftruncate");
    void* mapped = mmap(nullptr, kLogBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) give_up("mmap");
    next_of<int(int)>("close")(fd);
    data_ = static_cast<char*>(mapped);
  }

  [[nodiscard]] bool skips_sync() const { return skip_sync_; }
  void delay_sync() const {
    if (sync_delay_ > 0) usleep(static_cast<useconds_t>(sync_delay_));
  }
  [[nodiscard]] std::uint64_t count() const { return count_.load(); }

  // Whether calls about this path are recorded.
  [[nodiscard]] bool watches(std::string_view path) const {
    if (data_ == nullptr || !path.starts_with(directory_)) return false;
    return path.size() == directory_.size() || path[directory_.size()] == '/';
  }
  [[nodiscard]] bool active() const { return data_ != nullptr; }

  // The number of the record.
  std::uint64_t append(const Record& record) {
    const std::lock_guard lock(guard_);
    const std::uint32_t first = length_of(record.first);
    const std::uint32_t second = length_of(record.second);
    const std::size_t size = 40 + bytes_of(first) + bytes_of(second);
    if (used_ + size + 4 > kLogBytes) give_up("the log is full");
    std::size_t at = used_ + 4;
    put(at, static_cast<std::uint32_t>(record.kind));
    put(at, record.file);
    put(at, record.offset);
    put(at, record.begin);
    put(at, first);
    if (bytes_of(first) != 0) put(at, record.first);
    put(at, second);
    if (bytes_of(second) != 0) put(at, record.second);
    // The length last: a record without it isn't there yet.
    std::atomic_thread_fence(std::memory_order_release);
    std::size_t start = used_;
    put(start, static_cast<std::uint32_t>(size));
    used_ += size;
    return count_.fetch_add(1);
  }

 private:
  static std::uint32_t length_of(std::string_view bytes) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    return !bytes.empty() && all_zero(bytes) ? length | kZeros : length;
  }
  static std::size_t bytes_of(std::uint32_t length) { return (length & kZeros) != 0 ? 0 : length; }
  template <class Number>
    requires std::is_integral_v<Number>
  void put(std::size_t& at, Number number) {
    std::memcpy(data_ + at, &number, sizeof(number));
    at += sizeof(number);
  }
  void put(std::size_t& at, std::string_view bytes) {
    std::memcpy(data_ + at, bytes.data(), bytes.size());
    at += bytes.size();
  }

  std::mutex guard_;
  std::string directory_;
  char* data_ = nullptr;
  std::size_t used_ = 0;
  std::atomic<std::uint64_t> count_{0};
  bool skip_sync_ = false;
  int sync_delay_ = 0;
};

Log& log() {
  // Never destroyed: threads may write until the very end of the process.
  static Log& the_log = *new Log();
  return the_log;
}

// The path of an open descriptor, or nothing if it isn't a watched file or directory.
std::string watched_path(int fd) {
  if (!log().active()) return {};
  std::array<char, 32> link{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
  std::string path(kPathMax, '\0');
  const ssize_t length = readlink(link.data(), path.data(), path.size());
  path.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return log().watches(path) ? path : std::string();
}

std::uint64_t inode_of(int fd) {
  struct stat about{};
  return fstat(fd, &about) == 0 ? about.st_ino : 0;
}

std::string read_back(int fd, std::uint64_t offset, std::size_t length) {
  std::string bytes(length, '\0');
  const ssize_t got = pread(fd, bytes.data(), length, static_cast<off_t>(offset));
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

// The local port of a TCP socket, or zero.
std::uint64_t port_of(int fd) {
  sockaddr_in6 address{};
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  // The port stands at the same place in an IPv4 address.
  const bool internet = address.sin6_family == AF_INET || address.sin6_family == AF_INET6;
  return internet ? ntohs(address.sin6_port) : 0;
}

// `fd` tells connections of one port apart; a number may be used again after a close.
void record_send(int fd, std::uint64_t begin, std::string_view bytes) {
  const std::uint64_t port = port_of(fd);
  if (port == 0) return;
  log().append({Kind::kSend, port, static_cast<std::uint64_t>(fd), begin, bytes, {}});
}

// What was there is kept before the write, and the record made before it as well: after a kill
// between the two, undoing changes nothing.
template <class Call>
ssize_t written(int fd, std::string_view bytes, std::uint64_t offset, Call call) {
  if (watched_path(fd).empty()) return call();
  const std::uint64_t inode = inode_of(fd);
  struct stat about{};
  const bool known = fstat(fd, &about) == 0;
  // The former length goes along as a record of its own when the write makes the file longer.
  const auto size = known ? static_cast<std::uint64_t>(about.st_size) : 0;
  if (offset + bytes.size() > size) {
    const std::string former(reinterpret_cast<const char*>(&size), sizeof(size));
    log().append({Kind::kTruncate, inode, offset + bytes.size(), log().count(), former, {}});
  }
  const std::string before = read_back(fd, offset, bytes.size());
  const std::uint64_t number =
      log().append({Kind::kWrite, inode, offset, log().count(), bytes, before});
  const ssize_t put = call();
  if (put != static_cast<ssize_t>(bytes.size())) give_up("a write fell short");
  log().append({Kind::kWritten, inode, offset, number, {}, {}});
  return put;
}

template <class Call>
int synced(int fd, Call call) {
  const std::string path = watched_path(fd);
  if (path.empty()) return call();
  if (log().skips_sync()) return 0;
  const std::uint64_t begin = log().count();
  log().delay_sync();
  const int result = call();
  if (result != 0) return result;
  struct stat about{};
  const bool directory = fstat(fd, &about) == 0 && S_ISDIR(about.st_mode);
  const Kind kind = directory ? Kind::kSyncDirectory : Kind::kSync;
  log().append({kind, about.st_ino, 0, begin, path, {}});
  return result;
}

int truncated(int fd, off_t length) {
  static auto* const next = next_of<int(int, off_t)>("ftruncate");
  struct stat about{};
  if (watched_path(fd).empty() || fstat(fd, &about) != 0) return next(fd, length);
  const auto size = static_cast<std::uint64_t>(about.st_size);
  const auto wanted = static_cast<std::uint64_t>(length);
  const std::string former(reinterpret_cast<const char*>(&size), sizeof(size));
  const std::string cut = size > wanted ? read_back(fd, wanted, size - wanted) : std::string();
  log().append({Kind::kTruncate, about.st_ino, wanted, log().count(), former, cut});
  return next(fd, length);
}

template <class Call>
int opened(const char* path, int flags, Call call) {
  struct stat about{};
  const bool creates = (flags & O_CREAT) != 0 && log().watches(path) && stat(path, &about) != 0;
  const int fd = call();
  if (creates && fd >= 0) {
    log().append({Kind::kCreate, inode_of(fd), 0, log().count(), path, {}});
  }
  return fd;
}

template <class Call>
ssize_t sent(int fd, std::string_view bytes, Call call) {
  if (!log().active() || port_of(fd) == 0) return call();
  // Before the call: what it sends may have arrived when it returns.
  const std::uint64_t begin = log().count();
  const ssize_t put = call();
  if (put > 0) record_send(fd, begin, bytes.substr(0, static_cast<std::size_t>(put)));
  return put;
}

std::string gathered(const iovec* pieces, std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) {
    bytes.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  return bytes;
}

std::string_view view(const void* data, std::size_t length) {
  return {static_cast<const char*>(data), length};
}

}  // namespace

extern "C" {

ssize_t pwrite(int fd, const void* data, size_t length, off_t offset) {
  static auto* const next = next_of<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  return written(fd, view(data, length), static_cast<std::uint64_t>(offset),
                 [&] { return next(fd, data, length, offset); });
}

ssize_t pwrite64(int fd, const void* data, size_t length, off64_t offset) {
  return pwrite(fd, data, length, offset);
}

ssize_t pwritev(int fd, const iovec* pieces, int count, off_t offset) {
  static auto* const next = next_of<ssize_t(int, const iovec*, int, off_t)>("pwritev");
  const std::string bytes = gathered(pieces, static_cast<std::size_t>(count));
  return written(fd, bytes, static_cast<std::uint64_t>(offset),
                 [&] { return next(fd, pieces, count, offset); });
}

ssize_t pwritev64(int fd, const iovec* pieces, int count, off64_t offset) {
  return pwritev(fd, pieces, count, offset);
}

ssize_t write(int fd, const void* data, size_t length) {
  static auto* const next = next_of<ssize_t(int, const void*, size_t)>("write");
  if (!watched_path(fd).empty()) give_up("a write at the file's position isn't understood here");
  return sent(fd, view(data, length), [&] { return next(fd, data, length); });
}

ssize_t writev(int fd, const iovec* pieces, int count) {
  static auto* const next = next_of<ssize_t(int, const iovec*, int)>("writev");
  if (!watched_path(fd).empty()) give_up("a write at the file's position isn't understood here");
  const std::string bytes = gathered(pieces, static_cast<std::size_t>(count));
  return sent(fd, bytes, [&] { return next(fd, pieces, count); });
}

ssize_t send(int fd, const void* data, size_t length, int flags) {
  static auto* const next = next_of<ssize_t(int, const void*, size_t, int)>("send");
  return sent(fd, view(data, length), [&] { return next(fd, data, length, flags); });
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* const next = next_of<ssize_t(int, const msghdr*, int)>("sendmsg");
  const std::string bytes = gathered(message->msg_iov, message->msg_iovlen);
  return sent(fd, bytes, [&] { return next(fd, message, flags); });
}

int fdatasync(int fd) {
  static auto* const next = next_of<int(int)>("fdatasync");
  return synced(fd, [&] { return next(fd); });
}

int fsync(int fd) {
  static auto* const next = next_of<int(int)>("fsync");
  return synced(fd, [&] { return next(fd); });
}

int ftruncate(int fd, off_t length) noexcept {
  return truncated(fd, length);
}
int ftruncate64(int fd, off64_t length) noexcept {
  return truncated(fd, length);
}

int rename(const char* from, const char* to) noexcept {
  static auto* const next = next_of<int(const char*, const char*)>("rename");
  struct stat about{};
  const bool replaces = stat(to, &about) == 0;
  const int result = next(from, to);
  if (result == 0 && log().watches(to)) {
    log().append({Kind::kRename, 0, replaces ? 1U : 0U, log().count(), from, to});
  }
  return result;
}

int open(const char* path, int flags, ...) {
  static auto* const next = next_of<int(const char*, int, ...)>("open");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return opened(path, flags, [&] { return next(path, flags, mode); });
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open(path, flags, mode);
}

}  // extern "C"
