#include "runtime_asio/scheduler.h"

#include <algorithm>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace detcd::runtime_asio {

namespace {

// Where an operation is that isn't among the timers, whose places are theirs.
constexpr std::uint64_t kReadyPlace = 0;
constexpr std::uint64_t kLastPlace = ~std::uint64_t{0};
// Operations between two looks at the sockets.
constexpr int kBatch = 128;
// The context's timer doesn't count suspends, our deadlines do: it never sleeps longer than this.
constexpr Duration kTimerMax = 1s;
constexpr std::size_t kOffloadThreadsMax = 4;

// The scheduler whose run() this thread is in.
thread_local const AsioScheduler* running = nullptr;

class OffloadedWork final : public Job {
 public:
  OffloadedWork(runtime::Scheduler& scheduler, std::move_only_function<void()> work,
                std::move_only_function<void()> done)
      : scheduler_(scheduler), work_(std::move(work)), done_(std::move(done)) {}
  void work() override { std::exchange(work_, {})(); }
  void tell() override { scheduler_.post_from_anywhere(std::move(done_)); }

 private:
  runtime::Scheduler& scheduler_;
  std::move_only_function<void()> work_;
  std::move_only_function<void()> done_;
};

}  // namespace

struct AsioScheduler::Core {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
      context.get_executor()};
  boost::asio::steady_timer timer{context};
};

AsioScheduler::AsioScheduler()
    : core_(std::make_unique<Core>()), helpers_(kOffloadThreadsMax, AtEnd::kDrop) {}

AsioScheduler::~AsioScheduler() {
  // The members go in this order: the helpers, whose threads may still post to the context; the
  // context, whose queue may own operations; the timers. Nothing may reach back to us from there.
  for (List* list : {&ready_, &last_}) {
    while (list->first != nullptr) {
      runtime::Operation& operation = *list->first;
      list->unlink(operation);
      forget(operation);
    }
  }
  while (!timers_.empty()) forget(timers_.pop());
  local_work_.clear();
}

boost::asio::io_context& AsioScheduler::context() {
  return core_->context;
}

void AsioScheduler::run() {
  const AsioScheduler* const outer = std::exchange(running, this);
  boost::asio::io_context& context = core_->context;
  context.restart();
  while (!context.stopped()) {
    run_batch();
    if (ready_.first != nullptr) {
      context.poll();
    } else {
      context.run_one();
    }
  }
  running = outer;
}

void AsioScheduler::stop() {
  // Through the queue, so that a stop before run() isn't undone by the restart there.
  boost::asio::post(core_->context, [this] { core_->context.stop(); });
}

void AsioScheduler::post_from_anywhere(std::move_only_function<void()> work) {
  if (running != this) {
    boost::asio::post(core_->context, std::move(work));
    return;
  }
  local_work_.push_back(std::move(work));
  if (!local_turn_.pending()) post(local_turn_);
}

void AsioScheduler::LocalTurn::run(runtime::Operation& operation) {
  AsioScheduler& owner = static_cast<LocalTurn&>(operation).owner;
  // What these post gets a turn of its own.
  std::vector<std::move_only_function<void()>> works = std::exchange(owner.local_work_, {});
  for (std::move_only_function<void()>& work : works) std::exchange(work, {})();
}

void AsioScheduler::offload(std::move_only_function<void()> work,
                            std::move_only_function<void()> done) {
  helpers_.run(std::make_shared<Lane>(),
               std::make_unique<OffloadedWork>(*this, std::move(work), std::move(done)));
}

void AsioScheduler::List::append(runtime::Operation& operation) {
  operation.next = nullptr;
  operation.previous = last;
  (last != nullptr ? last->next : first) = &operation;
  last = &operation;
}

void AsioScheduler::List::unlink(runtime::Operation& operation) noexcept {
  (operation.previous != nullptr ? operation.previous->next : first) = operation.next;
  (operation.next != nullptr ? operation.next->previous : last) = operation.previous;
}

void AsioScheduler::enqueue(runtime::Operation& operation) {
  operation.place = kReadyPlace;
  ready_.append(operation);
}

// The context runs what is posted to it after the handlers that it found ready before.
void AsioScheduler::enqueue_last(runtime::Operation& operation) {
  operation.place = kLastPlace;
  last_.append(operation);
  if (std::exchange(look_posted_, true)) return;
  boost::asio::post(core_->context, [this] {
    look_posted_ = false;
    while (last_.first != nullptr) {
      runtime::Operation& waiting = *last_.first;
      last_.unlink(waiting);
      enqueue(waiting);
    }
  });
}

// What a handler of the context has set going follows it at once: a turn through the context's own
// queue would look at the sockets once more before.
void AsioScheduler::run_batch() {
  for (int i = 0; i < kBatch && ready_.first != nullptr; ++i) {
    runtime::Operation& operation = *ready_.first;
    ready_.unlink(operation);
    Scheduler::run(operation);
  }
}

void AsioScheduler::arm(runtime::Operation& operation, TimePoint deadline) {
  timers_.add(operation, deadline);
  set_timer();
}

void AsioScheduler::withdraw(runtime::Operation& operation) noexcept {
  // The context's timer stays as it is: going off for nothing is cheaper than setting it anew.
  if (operation.place == kLastPlace) {
    last_.unlink(operation);
  } else if (operation.place == kReadyPlace) {
    ready_.unlink(operation);
  } else {
    timers_.remove(operation);
  }
}

void AsioScheduler::set_timer() {
  if (timers_.empty() || timers_.earliest() == kNever) return;
  if (timer_set_for_ <= timers_.earliest()) return;
  const TimePoint now = clock_.boot();
  const TimePoint until = std::min(timers_.earliest(), now + kTimerMax);
  if (timer_set_for_ <= until) return;
  timer_set_for_ = until;
  core_->timer.expires_after(std::max(Duration::zero(), until - now));
  core_->timer.async_wait([this](const boost::system::error_code& error) {
    if (!error) run_timers();
  });
}

void AsioScheduler::run_timers() {
  timer_set_for_ = kNever;
  const TimePoint now = clock_.boot();
  while (!timers_.empty() && timers_.earliest() <= now) enqueue(timers_.pop());
  set_timer();
}

}  // namespace detcd::runtime_asio
