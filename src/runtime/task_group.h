// Owns running tasks. Spawned tasks start in turn, end on their own, and are cancelled when the
// group is destroyed or cancel() is called, newest first. A task never destroys or cancels the
// group it runs in.
#pragma once

#include <coroutine>
#include <cstddef>
#include <string_view>

#include "runtime/scheduler.h"
#include "runtime/task.h"
#include "runtime/wait.h"

namespace detcd::runtime {

class TaskGroup {
 public:
  explicit TaskGroup(Scheduler& scheduler) : scheduler_(scheduler), empty_(scheduler) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { cancel(); }

  void spawn(Task<void> task);
  void cancel();
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Scheduler& scheduler() const { return scheduler_; }
  // Waits until no task is left.
  Task<void> join();

 private:
  struct Root;
  struct Links {
    Links* next = nullptr;
    Links* previous = nullptr;
    std::coroutine_handle<> frame{};
    Resumption start;
  };
  static Root run(TaskGroup& group, Task<void> task);
  void add(Links& links);
  void remove(Links& links);

  Scheduler& scheduler_;
  Signal empty_;
  Links* newest_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace detcd::runtime
