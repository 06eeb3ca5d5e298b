#include "app/process.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <utility>

#include "app/log_sink.h"
#include "base/check.h"

namespace detcd::app {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

// The interface of the default route with the lowest metric, from the kernel's table.
std::string default_interface() {
  std::ifstream routes("/proc/net/route");
  std::string line;
  std::getline(routes, line);  // The heading.
  std::string best;
  std::uint64_t best_metric = std::numeric_limits<std::uint64_t>::max();
  while (std::getline(routes, line)) {
    std::istringstream columns(line);
    std::string interface;
    std::string destination;
    std::string gateway;
    std::string flags;
    std::uint64_t references = 0;
    std::uint64_t uses = 0;
    std::uint64_t metric = 0;
    if (!(columns >> interface >> destination >> gateway >> flags >> references >> uses >>
          metric)) {
      continue;
    }
    if (destination != "00000000" || metric >= best_metric) continue;
    best = interface;
    best_metric = metric;
  }
  return best;
}

}  // namespace

std::optional<std::string> default_host() {
  const std::string wanted = default_interface();
  ifaddrs* raw = nullptr;
  if (wanted.empty() || getifaddrs(&raw) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(raw, &freeifaddrs);
  for (const ifaddrs* entry = raw; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || wanted != entry->ifa_name) continue;
    if (entry->ifa_addr->sa_family != AF_INET) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
    if (inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr) {
      return std::string(text.data());
    }
  }
  return std::nullopt;
}

bootstrap::Invocation invocation(int argc, char** argv) {
  bootstrap::Invocation called;
  if (argc > 0) {
    const std::string program = argv[0];
    called.program = program.substr(program.rfind('/') + 1);
  }
  for (int i = 1; i < argc; ++i) called.arguments.emplace_back(argv[i]);
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    called.environment.emplace_back(*entry);
  }
  called.default_host = default_host();
  return called;
}

void set_limits() {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  // Without it the server serves fewer clients: connections_max is taken from what is in force.
  static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
}

void tell_supervisor(std::string_view state) {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr) return;
  const std::string_view path = name;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return;
  std::copy(path.begin(), path.end(), address.sun_path);
  if (path.front() == '@') address.sun_path[0] = '\0';  // A name outside the file system.
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  // A manager that doesn't hear it decides for itself what that means.
  static_cast<void>(::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), length));
  ::close(socket);
}

int carry_out(const bootstrap::Exit& exit) {
  std::fwrite(exit.out.data(), 1, exit.out.size(), stdout);
  std::fwrite(exit.err.data(), 1, exit.err.size(), stderr);
  const Result<std::unique_ptr<LogSink>> sink =
      LogSink::open({"stderr"}, bootstrap::LogFormat::kJson);
  if (sink) {
    for (const telemetry::Record& record : exit.records) (*sink)->write(record);
  }
  // A full or closed standard output must not look like success.
  const bool printed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  return exit.code == bootstrap::kExitOk && !printed ? bootstrap::kExitFailure : exit.code;
}

Signals::Signals(std::function<void(int signal)> asked) : asked_(std::move(asked)) {
  const sigset_t signals = ending_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  wake_ = eventfd(0, EFD_CLOEXEC);
  check(wake_ >= 0, "an eventfd can be had at the start of the process");
  thread_ = std::thread([this] { wait(); });
}

Signals::~Signals() {
  const std::uint64_t one = 1;
  const ssize_t written = ::write(wake_, &one, sizeof(one));
  check(written == sizeof(one), "an eventfd takes a first count");
  thread_.join();
  ::close(wake_);
}

void Signals::wait() {
  const sigset_t signals = ending_signals();
  const int arrived = signalfd(-1, &signals, SFD_CLOEXEC);
  check(arrived >= 0, "a signalfd can be had at the start of the process");
  bool asked = false;
  for (;;) {
    std::array<pollfd, 2> either = {{{arrived, POLLIN, 0}, {wake_, POLLIN, 0}}};
    if (::poll(either.data(), either.size(), -1) < 0) continue;
    if ((either[0].revents & POLLIN) != 0) {
      signalfd_siginfo info{};
      if (::read(arrived, &info, sizeof(info)) != sizeof(info)) continue;
      if (asked) end_by_signal(static_cast<int>(info.ssi_signo));
      asked = true;
      asked_(static_cast<int>(info.ssi_signo));
    }
    if ((either[1].revents & POLLIN) != 0) break;
  }
  ::close(arrived);
}

void end_by_signal(int signal) {
  std::fflush(nullptr);
  std::signal(signal, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(signal);
  std::_Exit(128 + signal);
}

}  // namespace detcd::app
