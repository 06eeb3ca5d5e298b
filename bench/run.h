// One task to its end, on a world of its own.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "runtime/task.h"
#include "runtime/task_group.h"
#include "runtime/world.h"
#include "runtime_asio/asio_world.h"

namespace detcd::bench {

namespace detail {
template <class T>
runtime::Task<void> finish(runtime::Task<T> task, std::optional<T>& into,
                           runtime_asio::AsioScheduler& scheduler) {
  T result = co_await std::move(task);
  into.emplace(std::move(result));
  scheduler.stop();
}
}  // namespace detail

template <class T>
T run(const std::function<runtime::Task<T>(runtime::World)>& make) {
  runtime_asio::AsioWorld world("/");
  std::optional<T> result;
  runtime::TaskGroup tasks(world.scheduler);
  tasks.spawn(detail::finish(make(world.world()), result, world.scheduler));
  world.scheduler.run();
  return std::move(*result);
}

}  // namespace detcd::bench
