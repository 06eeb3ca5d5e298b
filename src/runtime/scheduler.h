// Who runs next. A Scheduler runs Operations one at a time, never inside the call that posts them,
// in both worlds: the order of resumption is the scheduling decision that a seed controls. All that
// a task touches lives on one Scheduler; other threads reach it only through post_from_anywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/units.h"
#include "runtime/clock.h"

namespace detcd::runtime {

class Scheduler;

// A completion or a timer, embedded in whoever waits for it. Destroying it takes it out of its
// queue: that is what makes "destroying a task cancels what it waits for" true everywhere.
class Operation {
 public:
  explicit Operation(void (*run)(Operation&)) : run_(run) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  // Queued or armed, and not yet run.
  [[nodiscard]] bool pending() const { return scheduler_ != nullptr; }
  // Takes it out of the queue. Nothing happens when it isn't pending.
  void cancel() noexcept;

 protected:
  ~Operation() { cancel(); }

 private:
  friend class Scheduler;
  void (*run_)(Operation&);
  Scheduler* scheduler_ = nullptr;  // The scheduler that will run it; null when not pending.

 public:
  // For the scheduler that holds it: links of its ready list, or its place among the timers.
  Operation* next = nullptr;
  Operation* previous = nullptr;
  std::uint64_t place = 0;
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // Runs `operation` later, in turn. It must not be pending.
  void post(Operation& operation);
  // Runs `operation` once everybody has had a turn who is ready now, those included for whom the
  // system had something at the last look: for work that is cheaper the more of it there is. It
  // must not be pending.
  void post_last(Operation& operation);
  // Runs `operation` at `deadline` or as soon after it as its turn comes; a deadline in the past
  // still waits for its turn. It must not be pending.
  void post_at(Operation& operation, TimePoint deadline);

  // Runs `work` in turn on this scheduler; callable from any thread, and never inline. What is
  // still queued when the scheduler ends is destroyed without being run.
  virtual void post_from_anywhere(std::move_only_function<void()> work) = 0;
  // Runs `work` where it may take long (bcrypt, compression), then `done` in turn on this
  // scheduler. Neither is run after the scheduler has ended. `work` touches only what it owns.
  virtual void offload(std::move_only_function<void()> work,
                       std::move_only_function<void()> done) = 0;

  [[nodiscard]] virtual const Clock& clock() const = 0;

 protected:
  virtual void enqueue(Operation& operation) = 0;
  virtual void enqueue_last(Operation& operation) { enqueue(operation); }
  virtual void arm(Operation& operation, TimePoint deadline) = 0;
  virtual void withdraw(Operation& operation) noexcept = 0;
  // For implementations: marks the operation as no longer pending, then runs it.
  static void run(Operation& operation);
  // For implementations that end with operations left: they will never run, and may be destroyed
  // later.
  static void forget(Operation& operation) { operation.scheduler_ = nullptr; }

 private:
  friend class Operation;
};

}  // namespace detcd::runtime
