#include "runtime/scheduler.h"

#include <utility>

#include "base/check.h"

namespace detcd::runtime {

void Operation::cancel() noexcept {
  if (Scheduler* scheduler = std::exchange(scheduler_, nullptr)) scheduler->withdraw(*this);
}

void Scheduler::post(Operation& operation) {
  check(!operation.pending(), "an operation is posted once at a time");
  operation.scheduler_ = this;
  enqueue(operation);
}

void Scheduler::post_last(Operation& operation) {
  check(!operation.pending(), "an operation is posted once at a time");
  operation.scheduler_ = this;
  enqueue_last(operation);
}

void Scheduler::post_at(Operation& operation, TimePoint deadline) {
  check(!operation.pending(), "an operation is posted once at a time");
  operation.scheduler_ = this;
  arm(operation, deadline);
}

void Scheduler::run(Operation& operation) {
  operation.scheduler_ = nullptr;
  operation.run_(operation);
}

}  // namespace detcd::runtime
