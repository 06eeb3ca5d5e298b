// What joins a call into the system with the task that waits for it. The handler of the call holds
// the cell, not the awaiter, and there is one cell per call: so a handler whose awaiter is gone
// completes nobody, and never the next call. Cells are touched on their scheduler only.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "runtime/scheduler.h"
#include "runtime/wait.h"

namespace detcd::runtime_asio {

template <class T>
class Completion {
 public:
  class Cell {
   public:
    explicit Cell(runtime::Scheduler& scheduler) : scheduler_(scheduler) {}
    // Resumes the waiting task through the scheduler's queue; drops `value` when nobody waits any
    // more.
    void complete(T value) {
      if (abandoned_) return;
      value_.emplace(std::move(value));
      if (turn_ != nullptr) scheduler_.post(*std::exchange(turn_, nullptr));
    }
    [[nodiscard]] bool abandoned() const { return abandoned_; }
    [[nodiscard]] runtime::Scheduler& scheduler() const { return scheduler_; }

   private:
    friend class Completion;
    runtime::Scheduler& scheduler_;
    runtime::Operation* turn_ = nullptr;
    std::optional<T> value_;
    bool abandoned_ = false;
  };

  explicit Completion(runtime::Scheduler& scheduler) : cell_(std::make_shared<Cell>(scheduler)) {}
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;
  ~Completion() {
    cell_->abandoned_ = true;
    cell_->turn_ = nullptr;
  }

  // For the handler of the one call that this waits for.
  [[nodiscard]] std::shared_ptr<Cell> cell() const { return cell_; }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    turn_.handle = caller;
    if (cell_->value_) {
      cell_->scheduler().post(turn_);
    } else {
      cell_->turn_ = &turn_;
    }
  }
  T await_resume() {
    check(cell_->value_.has_value(), "a task resumes when its operation is complete");
    return std::move(*cell_->value_);
  }

 private:
  std::shared_ptr<Cell> cell_;
  runtime::Resumption turn_;
};

}  // namespace detcd::runtime_asio
