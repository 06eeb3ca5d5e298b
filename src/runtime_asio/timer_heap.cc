#include "runtime_asio/timer_heap.h"

#include <utility>

#include "base/check.h"

namespace detcd::runtime_asio {

// Operation::place is the position plus one: zero says that the operation is no timer.
void TimerHeap::put(std::size_t at, Timer timer) {
  timers_[at] = timer;
  timer.operation->place = at + 1;
}

void TimerHeap::rise(std::size_t at) {
  const Timer timer = timers_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (!timer.before(timers_[parent])) break;
    put(at, timers_[parent]);
    at = parent;
  }
  put(at, timer);
}

void TimerHeap::sink(std::size_t at) {
  const Timer timer = timers_[at];
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= timers_.size()) break;
    if (child + 1 < timers_.size() && timers_[child + 1].before(timers_[child])) ++child;
    if (!timers_[child].before(timer)) break;
    put(at, timers_[child]);
    at = child;
  }
  put(at, timer);
}

void TimerHeap::add(runtime::Operation& operation, TimePoint deadline) {
  timers_.push_back({deadline, next_ordinal_++, &operation});
  rise(timers_.size() - 1);
}

void TimerHeap::remove(runtime::Operation& operation) noexcept {
  check(operation.place != 0 && operation.place <= timers_.size() &&
            timers_[operation.place - 1].operation == &operation,
        "a timer lies where its place says");
  const std::size_t at = std::exchange(operation.place, 0) - 1;
  const Timer last = timers_.back();
  timers_.pop_back();
  if (at == timers_.size()) return;
  timers_[at] = last;
  rise(at);
  sink(last.operation->place - 1);
}

runtime::Operation& TimerHeap::pop() {
  runtime::Operation& first = *timers_.front().operation;
  remove(first);
  return first;
}

}  // namespace detcd::runtime_asio
