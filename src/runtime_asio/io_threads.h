// Threads for connections, each with a scheduler and a world of its own. Connections are accepted
// on one scheduler, the node's, and dealt out to the threads in turn; between connection and node
// go only messages (runtime/mailbox.h). With no threads all connections live on the node's
// scheduler and this class isn't used.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/network.h"
#include "runtime/task.h"
#include "runtime/task_group.h"
#include "runtime/world.h"
#include "runtime_asio/network.h"

namespace detcd::runtime_asio {

class IoThreads {
 public:
  // Makes a task on the thread that will run it; what it makes lives and dies there.
  using TaskMaker = std::move_only_function<runtime::Task<void>(runtime::World)>;

  // Starts `count` threads. Their disks take relative paths below `directory`.
  IoThreads(std::size_t count, const std::string& directory);
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;
  // Cancels all tasks, each on its thread, and waits for the threads.
  ~IoThreads();

  [[nodiscard]] std::size_t size() const { return threads_.size(); }
  [[nodiscard]] runtime::World world(std::size_t thread);
  // Starts a task on that thread. From any thread.
  void spawn(std::size_t thread, TaskMaker make);

  // Listens at `address` on `network`, whose connections come out of the returned listeners in
  // turn: one for each thread, to be moved there and used and destroyed there. Accepting runs in
  // `tasks`, which lives on the scheduler of `network`, and ends when all of the listeners have
  // gone. Closing one of the listeners closes only that one.
  runtime::Task<Result<std::vector<std::unique_ptr<runtime::Listener>>>> listen(
      AsioNetwork& network, runtime::TaskGroup& tasks, std::string address);

 private:
  struct Thread;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace detcd::runtime_asio
