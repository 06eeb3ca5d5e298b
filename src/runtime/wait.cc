#include "runtime/wait.h"

namespace detcd::runtime {

void Signal::Awaiter::await_suspend(std::coroutine_handle<> caller) {
  turn_.handle = caller;
  previous_ = signal_.last_;
  (signal_.last_ != nullptr ? signal_.last_->next_ : signal_.first_) = this;
  signal_.last_ = this;
  linked_ = true;
  if (deadline_ != kNever) signal_.scheduler_.post_at(timer_, deadline_);
}

void Signal::Awaiter::unlink() noexcept {
  if (!linked_) return;
  linked_ = false;
  (previous_ != nullptr ? previous_->next_ : signal_.first_) = next_;
  (next_ != nullptr ? next_->previous_ : signal_.last_) = previous_;
}

void Signal::Awaiter::Timer::run(Operation& operation) {
  Awaiter& waiter = *static_cast<Timer&>(operation).waiter;
  waiter.unlink();
  resume(waiter.turn_.handle);
}

void Signal::wake_one() {
  Awaiter* waiter = first_;
  if (waiter == nullptr) return;
  waiter->unlink();
  waiter->timer_.cancel();
  waiter->woken_ = true;
  scheduler_.post(waiter->turn_);
}

void Signal::wake_all() {
  // Who begins to wait meanwhile can't: nobody runs before this returns.
  while (first_ != nullptr) wake_one();
}

}  // namespace detcd::runtime
