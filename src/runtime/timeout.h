// with_timeout: a task with a deadline. When the deadline passes first, the task is destroyed
// (which cancels what it waits for) and the answer is empty.
#pragma once

#include <optional>
#include <utility>

#include "runtime/task_group.h"
#include "runtime/wait.h"

namespace detcd::runtime {

namespace detail {
template <class T>
Task<void> store_and_wake(Task<T> task, std::optional<T>& value, Signal& done) {
  T result = co_await std::move(task);
  value.emplace(std::move(result));
  done.wake_all();
}
}  // namespace detail

template <class T>
Task<std::optional<T>> with_timeout(Scheduler& scheduler, TimePoint deadline, Task<T> task) {
  std::optional<T> value;
  Signal done(scheduler);
  TaskGroup group(scheduler);
  group.spawn(detail::store_and_wake(std::move(task), value, done));
  const bool woken = co_await done.wait_until(deadline);
  static_cast<void>(woken);
  co_return std::move(value);
}

}  // namespace detcd::runtime
