// What the tests of the virtual disk and network share: running one task to its end.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "runtime/task_group.h"
#include "sim/kernel/kernel.h"

namespace detcd::sim {

template <class T>
runtime::Task<void> keep(runtime::Task<T> task, std::optional<T>& kept) {
  T value = co_await std::move(task);
  kept.emplace(std::move(value));
}

// Runs the kernel until `task` ends; it must end.
template <class T>
T run(Kernel& kernel, runtime::Scheduler& scheduler, runtime::Task<T> task) {
  std::optional<T> kept;
  runtime::TaskGroup group(scheduler);
  group.spawn(keep(std::move(task), kept));
  const bool ended = kernel.run_until([&] { return kept.has_value(); }, kNeverVirtual);
  if (!ended) ADD_FAILURE() << "the task doesn't end";
  return std::move(*kept);
}

}  // namespace detcd::sim
