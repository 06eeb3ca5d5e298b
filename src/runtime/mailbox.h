// Mailbox<T>: the only way from one scheduler to another. Many senders on any thread, one receiver
// on its own scheduler; messages of one sender keep their order; closing wakes the receiver. What
// is sent is moved or immutable. Sending never blocks and never runs the receiver inline: bounds
// are kept by whoever admits work, not here.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "base/units.h"
#include "runtime/scheduler.h"
#include "runtime/task.h"
#include "runtime/wait.h"

namespace detcd::runtime {

template <class T>
class Mailbox {
  struct Link {
    Link* next = nullptr;
  };
  struct Letter : Link {
    explicit Letter(T content) : value(std::move(content)) {}
    T value;
  };
  // Shared by the receiver and all senders. The receiver clears `signal` when it goes; `signal` is
  // touched only on the receiver's scheduler, where the wake is delivered.
  struct Core {
    explicit Core(Scheduler& owner) : scheduler(&owner) {}
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;
    ~Core() {
      Link* link = inbox.load(std::memory_order_acquire);
      while (link != nullptr && link != &closed_mark) {
        delete static_cast<Letter*>(std::exchange(link, link->next));
      }
    }
    [[nodiscard]] bool closed() const {
      return inbox.load(std::memory_order_acquire) == &closed_mark;
    }
    Scheduler* scheduler;
    // Newest first. Holds `closed_mark`, and nothing else from then on, once the receiver closed:
    // so a letter is either refused by send or reaches the receiver, whatever the threads do.
    std::atomic<Link*> inbox{nullptr};
    Link closed_mark;
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
    collect(&core_->closed_mark);
    core_->signal = nullptr;
  }

  class Sender {
   public:
    Sender() = default;
    // True: the receiver gets it, unless it goes before it looks. False when the receiver closed or
    // is gone; the value is then dropped. A sender must not be used after the receiver's scheduler
    // has ended, unless the mailbox was closed before.
    bool send(T value) const {
      if (core_ == nullptr || core_->closed()) return false;
      auto letter = std::make_unique<Letter>(std::move(value));
      Link* newest = core_->inbox.load(std::memory_order_relaxed);
      do {
        if (newest == &core_->closed_mark) return false;
        letter->next = newest;
      } while (!core_->inbox.compare_exchange_weak(newest, letter.get(), std::memory_order_release,
                                                   std::memory_order_relaxed));
      static_cast<void>(letter.release());
      // Only the letter that finds the box empty wakes the receiver: it takes all of them.
      if (newest == nullptr) wake(core_);
      return true;
    }
    [[nodiscard]] bool connected() const { return core_ != nullptr && !core_->closed(); }
    // Senders are equal when they reach the same mailbox.
    friend bool operator==(const Sender&, const Sender&) = default;
    // For lookups only: the same for equal senders, and no other mailbox's while one of them lives.
    [[nodiscard]] const void* identity() const { return core_.get(); }

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
      if (message || closed()) co_return std::move(message);
      const bool woken = co_await signal_.wait();
      static_cast<void>(woken);
    }
  }
  // As receive, but also returns, with nothing, once `deadline` has passed.
  Task<std::optional<T>> receive_until(TimePoint deadline) {
    for (;;) {
      std::optional<T> message = try_receive();
      if (message || closed()) co_return std::move(message);
      const bool woken = co_await signal_.wait_until(deadline);
      if (!woken) co_return try_receive();
    }
  }
  std::optional<T> try_receive() {
    if (ready_.empty() && !closed()) collect(nullptr);
    if (ready_.empty()) return std::nullopt;
    std::optional<T> message(std::move(ready_.front()));
    ready_.pop_front();
    return message;
  }
  // Later sends fail; what was sent before can still be received. Called on the receiver's
  // scheduler.
  void close() {
    collect(&core_->closed_mark);
    signal_.wake_all();
  }
  [[nodiscard]] bool closed() const { return core_->closed(); }

 private:
  // Takes all letters out of the inbox, leaving `rest` there.
  void collect(Link* rest) {
    Link* newest = core_->inbox.exchange(rest, std::memory_order_acq_rel);
    if (newest == &core_->closed_mark) return;
    Link* oldest = nullptr;
    while (newest != nullptr) {
      Link* const next = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = next;
    }
    while (oldest != nullptr) {
      const std::unique_ptr<Letter> letter(static_cast<Letter*>(oldest));
      oldest = oldest->next;
      ready_.push_back(std::move(letter->value));
    }
  }

  Signal signal_;
  std::shared_ptr<Core> core_;
  std::deque<T> ready_;
};

}  // namespace detcd::runtime
