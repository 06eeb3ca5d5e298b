#include "runtime_asio/helper_pool.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace detcd::runtime_asio {

HelperPool::~HelperPool() {
  std::deque<std::shared_ptr<Lane>> dropped;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    if (at_end_ == AtEnd::kDrop) dropped.swap(lanes_);
  }
  filled_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void HelperPool::run(const std::shared_ptr<Lane>& lane, std::unique_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    ++unfinished_;
    lane->jobs_.push_back(std::move(job));
    if (lane->scheduled_) return;
    lane->scheduled_ = true;
    lanes_.push_back(lane);
    start_thread_if_needed();
  }
  filled_.notify_one();
}

void HelperPool::when_idle(std::move_only_function<void()> action) {
  {
    const std::lock_guard lock(mutex_);
    if (unfinished_ != 0) {
      idle_actions_.push_back(std::move(action));
      return;
    }
  }
  action();
}

void HelperPool::start_thread_if_needed() {
  if (lanes_.size() <= idle_threads_ || threads_.size() >= threads_max_) return;
  // Signals are for the main thread.
  sigset_t all;
  sigset_t former;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &former);
  threads_.emplace_back([this] { work(); });
  ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

void HelperPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_threads_;
    filled_.wait(lock, [this] { return ending_ || !lanes_.empty(); });
    --idle_threads_;
    if (lanes_.empty()) return;
    const std::shared_ptr<Lane> lane = std::move(lanes_.front());
    lanes_.pop_front();
    run_jobs_of(*lane, lock);
    lane->scheduled_ = !lane->jobs_.empty();
    if (lane->scheduled_ && !(ending_ && at_end_ == AtEnd::kDrop)) lanes_.push_back(lane);
  }
}

void HelperPool::run_jobs_of(Lane& lane, std::unique_lock<std::mutex>& lock) {
  // All that waits in the lane goes in one visit: a write and the sync behind it cost one wake.
  std::deque<std::unique_ptr<Job>> jobs = std::exchange(lane.jobs_, {});
  while (!jobs.empty()) {
    lock.unlock();
    jobs.front()->work();
    lock.lock();
    count_as_finished(lock);
    lock.unlock();
    jobs.front()->tell();
    jobs.pop_front();
    lock.lock();
  }
}

void HelperPool::count_as_finished(std::unique_lock<std::mutex>& lock) {
  if (--unfinished_ != 0) return;
  std::vector<std::move_only_function<void()>> actions = std::exchange(idle_actions_, {});
  lock.unlock();
  for (std::move_only_function<void()>& action : actions) action();
  actions.clear();
  lock.lock();
}

}  // namespace detcd::runtime_asio
