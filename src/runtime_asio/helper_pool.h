// Threads for what blocks: file operations, bcrypt, compression. Jobs of one lane run one at a time
// in the order in which they were given; lanes run beside each other. Threads start when they are
// needed.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace detcd::runtime_asio {

class Job {
 public:
  virtual ~Job() = default;
  virtual void work() = 0;
  // Tells whoever waits. By then the job no longer counts as unfinished, so that who is told finds
  // the pool idle if there was nothing else.
  virtual void tell() = 0;
};

// A queue of jobs of one pool: one file, say. Used through the pool only.
class Lane {
 private:
  friend class HelperPool;
  std::deque<std::unique_ptr<Job>> jobs_;
  bool scheduled_ = false;  // In the list of lanes to run, or being run.
};

// What becomes of jobs that wait when the pool is destroyed.
enum class AtEnd { kFinish, kDrop };

class HelperPool {
 public:
  HelperPool(std::size_t threads_max, AtEnd at_end) : threads_max_(threads_max), at_end_(at_end) {}
  HelperPool(const HelperPool&) = delete;
  HelperPool& operator=(const HelperPool&) = delete;
  // Waits for jobs that run, and with kFinish for all others as well.
  ~HelperPool();

  void run(const std::shared_ptr<Lane>& lane, std::unique_ptr<Job> job);
  // Runs `action` when no job is queued or running: here and now if that is so already.
  void when_idle(std::move_only_function<void()> action);

 private:
  void work();
  void run_jobs_of(Lane& lane, std::unique_lock<std::mutex>& lock);
  void count_as_finished(std::unique_lock<std::mutex>& lock);
  void start_thread_if_needed();

  const std::size_t threads_max_;
  const AtEnd at_end_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::shared_ptr<Lane>> lanes_;  // With jobs and nobody at them.
  std::vector<std::move_only_function<void()>> idle_actions_;
  std::size_t unfinished_ = 0;  // Jobs queued or running.
  std::size_t idle_threads_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace detcd::runtime_asio
