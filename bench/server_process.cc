#include "bench/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace detcd::bench {
namespace {

Result<pid_t> spawn(const std::vector<std::string>& arguments, const std::string& log) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t process = 0;
  const int failed = posix_spawn(&process, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return Error{Errc::kNotFound, "can't start " + arguments[0]};
  return process;
}

bool ended(pid_t process) {
  return waitpid(process, nullptr, WNOHANG) == process;
}

void end(pid_t process) {
  kill(process, SIGTERM);
  for (int i = 0; i < 1000; ++i) {
    if (ended(process)) return;
    usleep(10'000);
  }
  kill(process, SIGKILL);
  waitpid(process, nullptr, 0);
}

std::string url(std::uint16_t port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

}  // namespace

Result<Cluster> Cluster::start(const Server& server, std::size_t size, std::string directory,
                               std::uint16_t base_port) {
  Cluster cluster;
  cluster.directory_ = directory;
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  const auto client_port = [&](std::size_t i) {
    return static_cast<std::uint16_t>(base_port + 2 * i);
  };
  const auto peer_port = [&](std::size_t i) {
    return static_cast<std::uint16_t>(base_port + 2 * i + 1);
  };
  std::string members;
  for (std::size_t i = 0; i < size; ++i) {
    members += (i == 0 ? "" : ",") + ("m" + std::to_string(i)) + "=" + url(peer_port(i));
  }
  for (std::size_t i = 0; i < size; ++i) {
    const std::vector<std::string> arguments{server.binary,
                                             "--name=m" + std::to_string(i),
                                             "--data-dir=" + directory + "/m" + std::to_string(i),
                                             "--listen-client-urls=" + url(client_port(i)),
                                             "--advertise-client-urls=" + url(client_port(i)),
                                             "--listen-peer-urls=" + url(peer_port(i)),
                                             "--initial-advertise-peer-urls=" + url(peer_port(i)),
                                             "--initial-cluster=" + members,
                                             "--log-level=warn"};
    cluster.arguments_.push_back(arguments);
    cluster.endpoints_.push_back("127.0.0.1:" + std::to_string(client_port(i)));
  }
  const Result<void> started = cluster.start_again();
  if (!started) return started.error();
  return cluster;
}

Result<void> Cluster::start_again() {
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const Result<pid_t> process = spawn(arguments_[i], log_path(i));
    if (!process) return process.error();
    processes_.push_back(*process);
  }
  return {};
}

void Cluster::stop() {
  for (const pid_t process : std::exchange(processes_, {})) end(process);
}

Cluster::Cluster(Cluster&& other) noexcept
    : directory_(std::exchange(other.directory_, {})),
      endpoints_(std::move(other.endpoints_)),
      arguments_(std::move(other.arguments_)),
      processes_(std::exchange(other.processes_, {})) {}

Cluster::~Cluster() {
  stop();
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

std::string Cluster::log_path(std::size_t member) const {
  return directory_ + "/m" + std::to_string(member) + ".log";
}

std::uint64_t Cluster::cpu_microseconds() const {
  std::uint64_t ticks = 0;
  for (const pid_t process : processes_) {
    std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
    std::string line;
    std::getline(stat, line);
    // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    std::uint64_t user = 0;
    std::uint64_t system = 0;
    fields >> user >> system;
    ticks += user + system;
  }
  return ticks * 1'000'000 / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
}

Memory Cluster::memory() const {
  Memory memory;
  for (const pid_t process : processes_) {
    std::ifstream rollup("/proc/" + std::to_string(process) + "/smaps_rollup");
    for (std::string line; std::getline(rollup, line);) {
      std::istringstream fields(line);
      std::string name;
      std::uint64_t kibibytes = 0;
      fields >> name >> kibibytes;
      if (name == "Rss:") memory.resident_bytes += kibibytes << 10;
      if (name == "Pss:") memory.proportional_bytes += kibibytes << 10;
      if (name == "Anonymous:") memory.anonymous_bytes += kibibytes << 10;
    }
  }
  return memory;
}

Result<Server> identify(const std::string& binary) {
  std::array<char, 4096> text{};
  FILE* pipe = popen(("'" + binary + "' --version 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return Error{Errc::kNotFound, "can't run " + binary};
  const std::size_t length = fread(text.data(), 1, text.size() - 1, pipe);
  const int status = pclose(pipe);
  const std::string out(text.data(), length);
  if (status != 0 || length == 0) return Error{Errc::kNotFound, "can't run " + binary};
  const auto after = [&](std::string_view key) -> std::string {
    const auto at = out.find(key);
    if (at == std::string::npos) return {};
    const auto begin = at + key.size();
    return out.substr(begin, out.find('\n', begin) - begin);
  };
  const std::string own = after("detcd Version: ");
  return Server{own.empty() ? "etcd " + after("etcd Version: ") : "detcd " + own, binary};
}

Result<std::string> filesystem_of(const std::string& directory) {
  struct statfs info{};
  if (statfs(directory.c_str(), &info) != 0) return Error{Errc::kNotFound, directory};
  constexpr auto kTmpfs = 0x01021994;
  constexpr auto kRamfs = static_cast<decltype(info.f_type)>(0x858458f6);
  if (info.f_type == kTmpfs || info.f_type == kRamfs) {
    return Error{Errc::kInvalid, directory +
                                     " is in memory (tmpfs): syncs mean nothing there; "
                                     "choose a directory on a disk with --directory"};
  }
  switch (info.f_type) {
    case 0xef53:
      return std::string("ext4");
    case 0x58465342:
      return std::string("xfs");
    case 0x9123683e:
      return std::string("btrfs");
    case 0x794c7630:
      return std::string("overlayfs");
    default:
      return std::string("filesystem type ") + std::to_string(info.f_type);
  }
}

std::uint64_t device_flushes(const std::string& directory) {
  struct stat info{};
  if (stat(directory.c_str(), &info) != 0) return 0;
  std::ifstream stats("/sys/dev/block/" + std::to_string(major(info.st_dev)) + ":" +
                      std::to_string(minor(info.st_dev)) + "/stat");
  std::uint64_t value = 0;
  // Field 16: flush requests completed (Linux 5.5 and newer).
  for (int field = 1; field <= 16 && stats >> value; ++field) {
    if (field == 16) return value;
  }
  return 0;
}

}  // namespace detcd::bench
