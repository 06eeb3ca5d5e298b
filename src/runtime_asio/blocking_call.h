// Runs a call that blocks on a helper thread and waits for its result. A task destroyed meanwhile
// abandons the call, which goes on by itself.
#pragma once

#include <functional>
#include <memory>
#include <optional>
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

template <class T>
class BlockingCall final : public Job {
 public:
  using Cell = typename Completion<T>::Cell;
  BlockingCall(runtime::Scheduler& scheduler, std::shared_ptr<Cell> cell,
               std::move_only_function<T()> call)
      : scheduler_(scheduler), cell_(std::move(cell)), call_(std::move(call)) {}
  // What the call holds goes with it: a file whose last call this was is closed by then.
  void work() override { result_.emplace(std::exchange(call_, {})()); }
  void tell() override {
    scheduler_.post_from_anywhere(
        [cell = std::move(cell_), result = std::move(*result_)]() mutable {
          cell->complete(std::move(result));
        });
  }

 private:
  runtime::Scheduler& scheduler_;
  std::shared_ptr<Cell> cell_;
  std::move_only_function<T()> call_;
  std::optional<T> result_;
};

// T must own all it holds: it is dropped unseen when nobody waits any more. `call` runs once the
// lane's earlier calls are done, also when the task is destroyed before.
template <class T>
runtime::Task<T> blocking_call(CallQueue queue, std::move_only_function<T()> call) {
  Completion<T> done(queue.scheduler);
  queue.helpers.run(
      queue.lane, std::make_unique<BlockingCall<T>>(queue.scheduler, done.cell(), std::move(call)));
  co_return co_await done;
}

}  // namespace detcd::runtime_asio
