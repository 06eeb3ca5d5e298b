// The scheduler of the real world: one io_context on epoll, run by exactly one thread, which is one
// strand. Operations run first come, first served, in bounded batches, so that sockets are looked
// at between them; timers lie in a heap behind one timer of the context.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/units.h"
#include "runtime/clock.h"
#include "runtime/scheduler.h"
#include "runtime_asio/helper_pool.h"
#include "runtime_asio/os_clock.h"
#include "runtime_asio/timer_heap.h"

namespace boost::asio {
class io_context;
}  // namespace boost::asio

namespace detcd::runtime_asio {

class AsioScheduler final : public runtime::Scheduler {
 public:
  AsioScheduler();
  AsioScheduler(const AsioScheduler&) = delete;
  AsioScheduler& operator=(const AsioScheduler&) = delete;
  // Operations that are left will never run. Offloaded work that runs is waited for.
  ~AsioScheduler() override;

  // Runs operations on the calling thread until stop(). May be called again, also from another
  // thread.
  void run();
  // Makes run() return soon; a run() that has yet to begin returns as soon. From any thread.
  void stop();

  void post_from_anywhere(std::move_only_function<void()> work) override;
  void offload(std::move_only_function<void()> work, std::move_only_function<void()> done) override;
  [[nodiscard]] const runtime::Clock& clock() const override { return clock_; }

  // For the other parts of this module.
  [[nodiscard]] boost::asio::io_context& context();

 private:
  struct Core;
  // Runs what was posted on the scheduler's own thread: that needs neither a lock nor a wake.
  struct LocalTurn : runtime::Operation {
    explicit LocalTurn(AsioScheduler& owner) : Operation(&LocalTurn::run), owner(owner) {}
    static void run(runtime::Operation& operation);
    AsioScheduler& owner;
  };
  void enqueue(runtime::Operation& operation) override;
  void enqueue_last(runtime::Operation& operation) override;
  void arm(runtime::Operation& operation, TimePoint deadline) override;
  void withdraw(runtime::Operation& operation) noexcept override;
  struct List {
    runtime::Operation* first = nullptr;
    runtime::Operation* last = nullptr;
    void append(runtime::Operation& operation);
    void unlink(runtime::Operation& operation) noexcept;
  };
  void run_batch();
  void set_timer();
  void run_timers();

  OsClock clock_;
  List ready_;
  List last_;  // Run after the handlers that wait in the context.
  bool look_posted_ = false;
  std::vector<std::move_only_function<void()>> local_work_;
  LocalTurn local_turn_{*this};
  TimerHeap timers_;
  TimePoint timer_set_for_ = kNever;  // When the context's timer goes off; kNever: unset.
  std::unique_ptr<Core> core_;
  HelperPool helpers_;
};

}  // namespace detcd::runtime_asio
