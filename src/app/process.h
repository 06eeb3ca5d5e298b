// What a process is to the system: how it was called, how it is asked to end, and how it ends. Used
// by main alone.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "bootstrap/config.h"

namespace detcd::app {

// The command line and the environment as values, with the address of the default route.
[[nodiscard]] bootstrap::Invocation invocation(int argc, char** argv);

// The IPv4 address of the interface that the default route goes through, if there is one.
[[nodiscard]] std::optional<std::string> default_host();

// As Go's programs do at their start: the soft limit of descriptors, which is low for the sake of
// programs that use select(), becomes the hard one. A file at its limit of size, the log's above
// all, fails the write rather than ends the process.
void set_limits();

// Tells the service manager that started us, if one listens ($NOTIFY_SOCKET; sd_notify(3)).
void tell_supervisor(std::string_view state);

// Prints what an Exit says, logs its records to standard error, and returns its code.
[[nodiscard]] int carry_out(const bootstrap::Exit& exit);

// SIGINT and SIGTERM as a call. Made before any other thread: threads inherit that both are
// blocked. SIGPIPE is ignored from then on.
class Signals {
 public:
  // `asked` is called once, with the signal's number, on a thread of its own. A second signal ends
  // the process at once.
  explicit Signals(std::function<void(int signal)> asked);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

 private:
  void wait();

  std::function<void(int)> asked_;
  int wake_ = -1;  // An eventfd: tells the thread that the destructor waits for it.
  std::thread thread_;
};

// Ends the process by this signal's default action, as etcd does after an orderly stop, so that a
// shell sees 130 or 143 and a supervisor sees the signal.
[[noreturn]] void end_by_signal(int signal);

}  // namespace detcd::app
