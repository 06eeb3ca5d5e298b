#include "sim/kernel/scheduler.h"

#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "sim/kernel/distribution.h"

namespace detcd::sim {
namespace {

constexpr runtime::Site kOffloadSite{"scheduler offload"};

}  // namespace

NodeScheduler::NodeScheduler(Kernel& kernel, NodeClock& clock, const Fence& fence,
                             const Options& options)
    : kernel_(kernel), clock_(clock), fence_(fence), options_(options), owner_(kernel.new_owner()) {
  clock_.follow(*this);
}

NodeScheduler::~NodeScheduler() {
  kernel_.cancel_all(owner_);
  clock_.unfollow(*this);
  check(pending_ == 0, "no operation outlives the scheduler that holds it");
}

Label NodeScheduler::label(EventKind kind) const {
  return {options_.node, kind, owner_, owner_};
}

void NodeScheduler::post_from_anywhere(std::move_only_function<void()> work) {
  if (!fence_.admits("Scheduler::post_from_anywhere")) return;
  kernel_.schedule_in_turn(kernel_.now(), label(EventKind::kMessage), std::move(work));
}

void NodeScheduler::offload(std::move_only_function<void()> work,
                            std::move_only_function<void()> done) {
  fence_.require_open("Scheduler::offload");
  const std::uint64_t life = mix64(options_.node.value(), options_.incarnation.value());
  const std::uint64_t word = kernel_.draw(kOffloadSite, life, offloads_++);
  const Duration takes = log_uniform(word, options_.offload_shortest, options_.offload_longest);
  auto both = [this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    post_from_anywhere(std::move(done));
  };
  kernel_.schedule_after(takes, label(EventKind::kOffload), std::move(both));
}

void NodeScheduler::stop() {
  check(!fence_.open(), "a node is fenced before its scheduler stops");
  kernel_.cancel_all(owner_);
}

void NodeScheduler::enqueue(runtime::Operation& operation) {
  ++pending_;
  operation.place = 0;
  operation.next = operation.previous = nullptr;
  if (!fence_.admits("Scheduler::post")) return;
  const EventId id = kernel_.schedule_in_turn(kernel_.now(), label(EventKind::kTask),
                                              [this, &operation] { fire(operation); });
  operation.place = id.value();
}

void NodeScheduler::arm(runtime::Operation& operation, TimePoint deadline) {
  ++pending_;
  operation.place = 0;
  operation.previous = nullptr;
  operation.next = timers_;
  if (timers_ != nullptr) timers_->previous = &operation;
  timers_ = &operation;
  if (!fence_.admits("Scheduler::post_at")) return;
  const EventId id =
      kernel_.schedule_in_turn(clock_.virtual_time_of(deadline), label(EventKind::kTimer),
                               [this, &operation] { fire(operation); });
  operation.place = id.value();
}

void NodeScheduler::withdraw(runtime::Operation& operation) noexcept {
  --pending_;
  unlink(operation);
  kernel_.cancel(EventId(operation.place));
}

void NodeScheduler::unlink(runtime::Operation& operation) {
  if (operation.previous != nullptr) {
    operation.previous->next = operation.next;
  } else if (timers_ == &operation) {
    timers_ = operation.next;
  }
  if (operation.next != nullptr) operation.next->previous = operation.previous;
  operation.next = operation.previous = nullptr;
}

void NodeScheduler::fire(runtime::Operation& operation) {
  --pending_;
  unlink(operation);
  run(operation);
}

// Armed timers keep their deadlines on the boot clock, and so move in virtual time.
void NodeScheduler::boot_clock_changed(const ClockLine& before, const ClockLine& after) {
  for (runtime::Operation* timer = timers_; timer != nullptr; timer = timer->next) {
    const EventId id(timer->place);
    if (!kernel_.scheduled(id)) continue;
    const VirtualTime due = kernel_.time_of(id);
    if (due != kNeverVirtual) kernel_.move(id, after.reaches(before.at(due)));
  }
}

}  // namespace detcd::sim
