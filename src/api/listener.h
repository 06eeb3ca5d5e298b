// Accepts clients on one address and owns their connections. Accepting goes on whatever happens to
// single connections, waits when there are too many, and backs off when the system has no more
// descriptors.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "api/environment.h"
#include "runtime/network.h"
#include "runtime/task.h"
#include "runtime/task_group.h"
#include "runtime/wait.h"

namespace detcd::api {

class Listener {
 public:
  Listener(Environment environment, std::unique_ptr<runtime::Listener> listener);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // Resets the connections that are left.
  ~Listener();

  // Begins to accept.
  void start();
  // Accepts no more, lets the connections finish as GrpcConnection says, and resets those that take
  // longer than the settings allow.
  runtime::Task<void> shutdown();
  [[nodiscard]] std::size_t connections() const { return count_; }
  // With the port that was really taken.
  [[nodiscard]] std::string address() const { return listener_->address(); }

 private:
  runtime::Task<void> accept();
  runtime::Task<void> connection(std::unique_ptr<runtime::Stream> stream);

  Environment environment_;
  std::unique_ptr<runtime::Listener> listener_;
  Drain drain_;
  std::size_t count_ = 0;
  runtime::Signal ended_;           // A connection is over.
  runtime::TaskGroup connections_;  // Before `accepting_`: no connection comes after it is gone.
  runtime::TaskGroup accepting_;
};

}  // namespace detcd::api
