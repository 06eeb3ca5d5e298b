#include "runtime/task_group.h"

#include <exception>
#include <utility>

namespace detcd::runtime {

// The frame that owns one spawned task: it takes itself off the group's list and destroys itself at
// the end; cancel() destroys it, and with it the task, from outside.
struct TaskGroup::Root {
  struct promise_type {
    promise_type(TaskGroup& owner, Task<void>&) : group(owner) {}
    promise_type(const promise_type&) = delete;
    promise_type& operator=(const promise_type&) = delete;
    ~promise_type() { group.remove(links); }
    Root get_return_object() {
      links.frame = std::coroutine_handle<promise_type>::from_promise(*this);
      links.start.handle = links.frame;
      group.add(links);
      return {};
    }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
    TaskGroup& group;
    Links links;
  };
};

TaskGroup::Root TaskGroup::run(TaskGroup&, Task<void> task) {
  co_await std::move(task);
}

void TaskGroup::spawn(Task<void> task) {
  run(*this, std::move(task));
}

void TaskGroup::add(Links& links) {
  links.next = newest_;
  if (newest_ != nullptr) newest_->previous = &links;
  newest_ = &links;
  ++size_;
  scheduler_.post(links.start);
}

void TaskGroup::remove(Links& links) {
  (links.previous != nullptr ? links.previous->next : newest_) = links.next;
  if (links.next != nullptr) links.next->previous = links.previous;
  if (--size_ == 0) empty_.wake_all();
}

void TaskGroup::cancel() {
  while (newest_ != nullptr) newest_->frame.destroy();
}

Task<void> TaskGroup::join() {
  while (size_ != 0) {
    const bool woken = co_await empty_.wait();
    static_cast<void>(woken);
  }
}

}  // namespace detcd::runtime
