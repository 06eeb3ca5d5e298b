// Mailbox<T>: the only way from one scheduler to another. Many senders on any thread, one receiver on
// its own scheduler; messages of one sender keep their order; closing wakes the receiver. What is
// sent is moved or immutable. Sending never blocks and never runs the receiver inline: bounds are
// kept by whoever admits work, not here.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "runtime/wait.h"

namespace detcd::runtime {

template <class T>
class Mailbox {
  struct Letter {
    T value;
    Letter* next = nullptr;
  };
  // Shared by the receiver and all senders. The receiver clears `signal` when it goes; `signal` is
  // touched only on the receiver's scheduler, where the wake is delivered.
  struct Core {
    explicit Core(Scheduler& owner) : scheduler(&owner) {}
    ~Core() {
      for (Letter* letter = inbox.load(); letter != nullptr;) {
        delete std::exchange(letter, letter->next);
      }
    }
    Scheduler* scheduler;
    std::atomic<Letter*> inbox{nullptr};  // Newest first.
    std::atomic<bool> closed{false};
    Signal* signal = nullptr;
  };

  static void wake(const std::shared_ptr<Core>& core) {
    core->scheduler->post_from_anywhere([core] {
      if (core->signal != nullptr) core->signal->wake_one();
    });
  }

 public:
  explicit Mailbox(Scheduler& scheduler)
      : signal_(scheduler), core_(std::make_shared<Core>(scheduler)) {
    core_->signal = &signal_;
  }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() {
    core_->closed.store(true);
    core_->signal = nullptr;
  }

  class Sender {
   public:
    Sender() = default;
    // False when the receiver closed or is gone; the value is then dropped. A sender must not be
    // used after the receiver's scheduler has ended, unless the mailbox was closed before.
    bool send(T value) const {
      if (core_ == nullptr || core_->closed.load(std::memory_order_acquire)) return false;
      auto* letter = new Letter{std::move(value)};
      Letter* newest = core_->inbox.load(std::memory_order_relaxed);
      do {
        letter->next = newest;
      } while (!core_->inbox.compare_exchange_weak(newest, letter, std::memory_order_release,
                                                   std::memory_order_relaxed));
      // Only the letter that finds the box empty wakes the receiver: it takes all of them.
      if (newest == nullptr) wake(core_);
      return true;
    }
    [[nodiscard]] bool connected() const { return core_ != nullptr && !core_->closed.load(); }
    // Senders are equal when they reach the same mailbox.
    friend bool operator==(const Sender&, const Sender&) = default;

   private:
    friend class Mailbox;
    explicit Sender(std::shared_ptr<Core> core) : core_(std::move(core)) {}
    std::shared_ptr<Core> core_;
  };

  [[nodiscard]] Sender sender() const { return Sender(core_); }

  // The next message; empty when the mailbox is closed and drained. One task receives.
  Task<std::optional<T>> receive() {
    for (;;) {
      std::optional<T> message = try_receive();
      if (message || core_->closed.load()) co_return std::move(message);
      const bool woken = co_await signal_.wait();
      static_cast<void>(woken);
    }
  }
  // As receive, but also returns, with nothing, once `deadline` has passed.
  Task<std::optional<T>> receive_until(TimePoint deadline) {
    for (;;) {
      std::optional<T> message = try_receive();
      if (message || core_->closed.load()) co_return std::move(message);
      const bool woken = co_await signal_.wait_until(deadline);
      if (!woken) co_return try_receive();
    }
  }
  std::optional<T> try_receive() {
    if (ready_.empty()) collect();
    if (ready_.empty()) return std::nullopt;
    std::optional<T> message(std::move(ready_.front()));
    ready_.pop_front();
    return message;
  }
  // Later sends fail; what was sent before can still be received. Called on the receiver's scheduler.
  void close() {
    core_->closed.store(true);
    signal_.wake_all();
  }
  [[nodiscard]] bool closed() const { return core_->closed.load(); }

 private:
  void collect() {
    Letter* newest = core_->inbox.exchange(nullptr, std::memory_order_acquire);
    Letter* oldest = nullptr;
    while (newest != nullptr) {
      Letter* const next = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = next;
    }
    while (oldest != nullptr) {
      ready_.push_back(std::move(oldest->value));
      delete std::exchange(oldest, oldest->next);
    }
  }

  Signal signal_;
  std::shared_ptr<Core> core_;
  std::deque<T> ready_;
};

}  // namespace detcd::runtime
