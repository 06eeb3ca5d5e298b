#include "runtime/wait.h"

#include "base/check.h"

namespace detcd::runtime {

void Signal::List::append(Awaiter& waiter) noexcept {
  waiter.list_ = this;
  waiter.next_ = nullptr;
  waiter.previous_ = last;
  (last != nullptr ? last->next_ : first) = &waiter;
  last = &waiter;
}

void Signal::List::remove(Awaiter& waiter) noexcept {
  waiter.list_ = nullptr;
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : first) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : last) = waiter.previous_;
}

Signal::~Signal() {
  check(waiting_.first == nullptr, "nobody waits on a signal that is destroyed");
  while (woken_.first != nullptr) {
    woken_.first->signal_ = nullptr;
    woken_.remove(*woken_.first);
  }
}

Signal::Awaiter::~Awaiter() {
  if (list_ != nullptr) list_->remove(*this);
  // Only a frame destroyed between its wake and its turn still has the turn before it.
  if (signal_ != nullptr && woken_ && turn_.pending()) signal_->wake_one();
}

void Signal::Awaiter::await_suspend(std::coroutine_handle<> caller) {
  turn_.handle = caller;
  signal_->waiting_.append(*this);
  if (deadline_ != kNever) signal_->scheduler_.post_at(timer_, deadline_);
}

bool Signal::Awaiter::await_resume() noexcept {
  if (list_ != nullptr) list_->remove(*this);
  return woken_;
}

void Signal::Awaiter::Timer::run(Operation& operation) {
  Awaiter& waiter = *static_cast<Timer&>(operation).waiter;
  waiter.list_->remove(waiter);
  resume(waiter.turn_.handle);
}

void Signal::wake_one() {
  Awaiter* waiter = waiting_.first;
  if (waiter == nullptr) return;
  waiting_.remove(*waiter);
  woken_.append(*waiter);
  waiter->timer_.cancel();
  waiter->woken_ = true;
  scheduler_.post(waiter->turn_);
}

void Signal::wake_all() {
  // Who begins to wait meanwhile can't: nobody runs before this returns.
  while (waiting_.first != nullptr) wake_one();
}

}  // namespace detcd::runtime
