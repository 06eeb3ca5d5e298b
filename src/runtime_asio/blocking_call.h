// Runs a call that blocks on a helper thread and waits for its result. A task destroyed meanwhile
// abandons the call, which goes on by itself.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "runtime/task.h"
#include "runtime_asio/completion.h"
#include "runtime_asio/helper_pool.h"
#include "runtime_asio/scheduler.h"

namespace detcd::runtime_asio {

// Where calls are run and from where they are awaited.
struct CallQueue {
  AsioScheduler& scheduler;
  HelperPool& helpers;
  std::shared_ptr<Lane> lane;
};

// T must own all it holds: it is dropped unseen when nobody waits any more. `call` runs once the lane's
// earlier calls are done, also when the task is destroyed before.
template <class T>
runtime::Task<T> blocking_call(CallQueue queue, std::move_only_function<T()> call) {
  AsioScheduler& scheduler = queue.scheduler;
  Completion<T> done(scheduler);
  queue.helpers.run(queue.lane,
                    [&scheduler, cell = done.cell(), call = std::move(call)]() mutable {
                      scheduler.post_from_anywhere([cell = std::move(cell), result = call()]() mutable {
                        cell->complete(std::move(result));
                      });
                    });
  co_return co_await done;
}

}  // namespace detcd::runtime_asio
