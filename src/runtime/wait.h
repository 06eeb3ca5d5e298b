// The awaiters everything else is made of: a place in the scheduler's queue, a sleep, and Signal,
// on which tasks wait until somebody wakes them.
#pragma once

#include <coroutine>

#include "runtime/scheduler.h"
#include "runtime/task.h"

namespace detcd::runtime {

// Resumes one suspended coroutine when its turn comes.
class Resumption : public Operation {
 public:
  Resumption() : Operation(&Resumption::run) {}
  std::coroutine_handle<> handle{};

 private:
  static void run(Operation& operation) { resume(static_cast<Resumption&>(operation).handle); }
};

// `co_await yield(scheduler);`: lets everybody else who is ready go first.
class [[nodiscard]] YieldAwaiter {
 public:
  explicit YieldAwaiter(Scheduler& scheduler) : scheduler_(scheduler) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    turn_.handle = caller;
    scheduler_.post(turn_);
  }
  void await_resume() const noexcept {}

 private:
  Scheduler& scheduler_;
  Resumption turn_;
};
inline YieldAwaiter yield(Scheduler& scheduler) {
  return YieldAwaiter(scheduler);
}

// `co_await yield_last(scheduler);`: lets everybody go first who is ready or whom the system has
// news for.
class [[nodiscard]] YieldLastAwaiter {
 public:
  explicit YieldLastAwaiter(Scheduler& scheduler) : scheduler_(scheduler) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    turn_.handle = caller;
    scheduler_.post_last(turn_);
  }
  void await_resume() const noexcept {}

 private:
  Scheduler& scheduler_;
  Resumption turn_;
};
inline YieldLastAwaiter yield_last(Scheduler& scheduler) {
  return YieldLastAwaiter(scheduler);
}

class [[nodiscard]] SleepAwaiter {
 public:
  SleepAwaiter(Scheduler& scheduler, TimePoint deadline)
      : scheduler_(scheduler), deadline_(deadline) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    turn_.handle = caller;
    scheduler_.post_at(turn_, deadline_);
  }
  void await_resume() const noexcept {}

 private:
  Scheduler& scheduler_;
  TimePoint deadline_;
  Resumption turn_;
};
inline SleepAwaiter sleep_until(Scheduler& scheduler, TimePoint deadline) {
  return {scheduler, deadline};
}
inline SleepAwaiter sleep_for(Scheduler& scheduler, Duration duration) {
  return {scheduler, scheduler.clock().boot() + duration};
}

// Tasks wait; wake_one and wake_all let them go, in the order in which they came. A wake without a
// waiter is not remembered: the condition itself lives with the caller, who looks again after
// waking. The waiters go through the scheduler's queue. A wake whose waiter is destroyed before its
// turn goes to the next one, so that cancelling a task never loses it. Destroying a Signal with
// waiters is a mistake.
class Signal {
 public:
  explicit Signal(Scheduler& scheduler) : scheduler_(scheduler) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal();

  class Awaiter;
  struct List {
    Awaiter* first = nullptr;
    Awaiter* last = nullptr;
    void append(Awaiter& waiter) noexcept;
    void remove(Awaiter& waiter) noexcept;
  };

  class [[nodiscard]] Awaiter {
   public:
    // With a deadline other than kNever the wait also ends when it passes.
    Awaiter(Signal& signal, TimePoint deadline) : signal_(&signal), deadline_(deadline) {
      timer_.waiter = this;
    }
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;
    ~Awaiter();
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller);
    // True when woken, false when the deadline passed first.
    [[nodiscard]] bool await_resume() noexcept;

   private:
    friend class Signal;
    class Timer : public Operation {
     public:
      Timer() : Operation(&Timer::run) {}
      Awaiter* waiter = nullptr;

     private:
      static void run(Operation& operation);
    };
    Signal* signal_;  // Null once the signal is gone.
    TimePoint deadline_;
    Timer timer_;
    Resumption turn_;
    Awaiter* next_ = nullptr;
    Awaiter* previous_ = nullptr;
    List* list_ = nullptr;  // Where it is linked: among the waiting or the woken.
    bool woken_ = false;
  };

  [[nodiscard]] Awaiter wait() { return {*this, kNever}; }
  [[nodiscard]] Awaiter wait_until(TimePoint deadline) { return {*this, deadline}; }
  void wake_one();
  void wake_all();
  [[nodiscard]] bool has_waiters() const { return waiting_.first != nullptr; }
  [[nodiscard]] Scheduler& scheduler() const { return scheduler_; }

 private:
  Scheduler& scheduler_;
  List waiting_;
  List woken_;  // Woken, but their turn hasn't come.
};

}  // namespace detcd::runtime
