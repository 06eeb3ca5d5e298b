// Coordination of tasks on one scheduler: Mutex (first come, first served) and Queue (bounded,
// closable). Between schedulers there is only the Mailbox.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "runtime/task.h"
#include "runtime/wait.h"

namespace detcd::runtime {

class Mutex {
 public:
  explicit Mutex(Scheduler& scheduler) : freed_(scheduler) {}

  class [[nodiscard]] Guard {
   public:
    explicit Guard(Mutex* mutex) : mutex_(mutex) {}
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (mutex_ != nullptr) mutex_->unlock();
    }

   private:
    Mutex* mutex_;
  };

  // Who waits longest gets it next.
  Task<Guard> lock() {
    const std::uint64_t ticket = next_ticket_++;
    waiting_.push_back(ticket);
    const Place place{*this, ticket};
    while (locked_ || waiting_.front() != ticket) {
      const bool woken = co_await freed_.wait();
      static_cast<void>(woken);
    }
    locked_ = true;
    co_return Guard(this);
  }

 private:
  // Leaves the line when the lock is taken or the waiting task is destroyed.
  struct Place {
    Mutex& mutex;
    std::uint64_t ticket;
    ~Place() {
      std::erase(mutex.waiting_, ticket);
      if (!mutex.locked_) mutex.freed_.wake_all();
    }
  };
  void unlock() {
    locked_ = false;
    freed_.wake_all();
  }
  Signal freed_;
  std::deque<std::uint64_t> waiting_;
  std::uint64_t next_ticket_ = 0;
  bool locked_ = false;
};

template <class T>
class Queue {
 public:
  Queue(Scheduler& scheduler, std::size_t capacity)
      : capacity_(capacity), filled_(scheduler), drained_(scheduler) {}

  // False when the queue is full or closed; `value` is then untouched.
  bool try_push(T& value) {
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(value));
    filled_.wake_one();
    return true;
  }
  // Waits for room. False when the queue was closed.
  Task<bool> push(T value) {
    while (!closed_ && items_.size() >= capacity_) {
      const bool woken = co_await drained_.wait();
      static_cast<void>(woken);
    }
    if (closed_) co_return false;
    items_.push_back(std::move(value));
    filled_.wake_one();
    co_return true;
  }
  // Empty when the queue is closed and nothing is left.
  Task<std::optional<T>> pop() {
    while (items_.empty() && !closed_) {
      const bool woken = co_await filled_.wait();
      static_cast<void>(woken);
    }
    co_return try_pop();
  }
  std::optional<T> try_pop() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    drained_.wake_one();
    if (!items_.empty()) filled_.wake_one();
    return item;
  }
  // What is inside can still be popped.
  void close() {
    closed_ = true;
    filled_.wake_all();
    drained_.wake_all();
  }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] std::size_t size() const { return items_.size(); }

 private:
  std::deque<T> items_;
  std::size_t capacity_;
  bool closed_ = false;
  Signal filled_;
  Signal drained_;
};

}  // namespace detcd::runtime
