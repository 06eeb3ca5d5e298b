// The awaiters, groups, queues and mailboxes of src/runtime on a scheduler of a few lines: what
// they do at each point where a task can be destroyed.
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/mailbox.h"
#include "runtime/random.h"
#include "runtime/scheduler.h"
#include "runtime/sync.h"
#include "runtime/task_group.h"
#include "runtime/timeout.h"
#include "runtime/wait.h"

namespace detcd::runtime {

namespace {

// First come, first served; time passes when nothing else is left to do.
class TinyScheduler final : public Scheduler, public Clock {
 public:
  void post_from_anywhere(std::move_only_function<void()> work) override {
    work_.push_back(std::move(work));
  }
  void offload(std::move_only_function<void()> work,
               std::move_only_function<void()> done) override {
    work();
    work_.push_back(std::move(done));
  }
  [[nodiscard]] const Clock& clock() const override { return *this; }
  [[nodiscard]] TimePoint boot() const override { return now_; }
  [[nodiscard]] WallTime wall() const override { return WallTime(now_.time_since_epoch()); }

  bool step() {
    if (!work_.empty()) {
      auto work = std::move(work_.front());
      work_.pop_front();
      work();
      return true;
    }
    if (ready_.empty() && !timers_.empty()) {
      now_ = std::max(now_, timers_.begin()->first);
      ready_.push_back(timers_.begin()->second);
      timers_.erase(timers_.begin());
    }
    if (ready_.empty()) return false;
    Operation& operation = *ready_.front();
    ready_.pop_front();
    run(operation);
    return true;
  }
  void run_all() {
    while (step()) {
    }
  }
  [[nodiscard]] bool idle() const { return ready_.empty() && timers_.empty() && work_.empty(); }

 private:
  void enqueue(Operation& operation) override { ready_.push_back(&operation); }
  void arm(Operation& operation, TimePoint deadline) override {
    timers_.emplace(deadline, &operation);
  }
  void withdraw(Operation& operation) noexcept override {
    std::erase(ready_, &operation);
    std::erase_if(timers_, [&](const auto& timer) { return timer.second == &operation; });
  }

  TimePoint now_;
  std::deque<Operation*> ready_;
  std::multimap<TimePoint, Operation*> timers_;
  std::deque<std::move_only_function<void()>> work_;
};

// Counts the frames that are alive.
struct Alive {
  explicit Alive(int& count) : count_(&count) { ++count; }
  Alive(const Alive& other) : count_(other.count_) { ++*count_; }
  Alive& operator=(const Alive&) = delete;
  ~Alive() { --*count_; }
  int* count_;
};

Task<int> nested(Scheduler& scheduler, Alive alive, int depth) {
  if (depth == 0) {
    co_await yield(scheduler);
    co_await sleep_for(scheduler, 1s);
    co_return 0;
  }
  const int below = co_await nested(scheduler, alive, depth - 1);
  co_return below + 1;
}

Task<void> run_nested(Scheduler& scheduler, Alive alive, int& result) {
  const int depth = co_await nested(scheduler, alive, 50);
  result = depth;
}

TEST(Task, DestroyedAtAnyPointItTakesAllFramesWithIt) {
  for (int steps = 0; steps < 5; ++steps) {
    TinyScheduler scheduler;
    int alive = 0;
    int result = -1;
    {
      TaskGroup tasks(scheduler);
      tasks.spawn(run_nested(scheduler, Alive(alive), result));
      for (int i = 0; i < steps; ++i) scheduler.step();
    }
    EXPECT_EQ(alive, 0);
    EXPECT_TRUE(scheduler.idle());
    EXPECT_EQ(result, steps >= 3 ? 50 : -1);
  }
}

Task<int> leaf() {
  co_return 1;
}

Task<void> call_often(int times, int& sum) {
  for (int i = 0; i < times; ++i) {
    const int one = co_await leaf();
    sum += one;
  }
}

TEST(Task, CallsInALoopDoNotGrowTheStack) {
  TinyScheduler scheduler;
  TaskGroup tasks(scheduler);
  int sum = 0;
  tasks.spawn(call_often(200'000, sum));
  scheduler.run_all();
  EXPECT_EQ(sum, 200'000);
}

Task<void> wait_on(Signal& signal, int number, std::vector<int>& order) {
  const bool woken = co_await signal.wait();
  if (woken) order.push_back(number);
}

TEST(Signal, WakesInTheOrderOfWaiting) {
  TinyScheduler scheduler;
  Signal signal(scheduler);
  TaskGroup tasks(scheduler);
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) tasks.spawn(wait_on(signal, i, order));
  scheduler.run_all();
  signal.wake_one();
  scheduler.run_all();
  EXPECT_EQ(order, (std::vector{0}));
  signal.wake_all();
  EXPECT_EQ(order.size(), 1u) << "never inside the call that wakes";
  scheduler.run_all();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
  EXPECT_FALSE(signal.has_waiters());
}

TEST(Signal, AWakeWhoseWaiterIsDestroyedBeforeItsTurnGoesToTheNext) {
  TinyScheduler scheduler;
  Signal signal(scheduler);
  std::vector<int> order;
  TaskGroup others(scheduler);
  {
    TaskGroup tasks(scheduler);
    tasks.spawn(wait_on(signal, 1, order));
    scheduler.run_all();
    others.spawn(wait_on(signal, 2, order));
    scheduler.run_all();
    signal.wake_one();
  }
  scheduler.run_all();
  EXPECT_EQ(order, (std::vector{2}));
}

Task<void> wait_until(Signal& signal, TimePoint deadline, std::optional<bool>& woken) {
  const bool answer = co_await signal.wait_until(deadline);
  woken = answer;
}

TEST(Signal, AWaitEndsByWakeOrByDeadlineAndOnlyOnce) {
  TinyScheduler scheduler;
  Signal signal(scheduler);
  TaskGroup tasks(scheduler);
  std::optional<bool> first;
  std::optional<bool> second;
  tasks.spawn(wait_until(signal, scheduler.boot() + 1s, first));
  tasks.spawn(wait_until(signal, scheduler.boot() + 2s, second));
  scheduler.step();
  scheduler.step();
  signal.wake_one();
  scheduler.run_all();
  EXPECT_EQ(first, true);
  EXPECT_EQ(second, false);
  EXPECT_FALSE(signal.has_waiters());
  EXPECT_EQ(scheduler.boot(), TimePoint(2s)) << "the timer of the woken one was taken back";
}

TEST(Signal, MayGoBeforeThoseItWokeHadTheirTurn) {
  TinyScheduler scheduler;
  std::vector<int> order;
  auto signal = std::make_unique<Signal>(scheduler);
  {
    TaskGroup tasks(scheduler);
    tasks.spawn(wait_on(*signal, 1, order));
    scheduler.run_all();
    signal->wake_all();
    signal.reset();
  }
  EXPECT_TRUE(scheduler.idle());
}

Task<void> pop_one(Queue<int>& queue, std::vector<int>& got) {
  const std::optional<int> item = co_await queue.pop();
  got.push_back(item.value_or(-1));
}

TEST(Queue, AnItemIsNotLeftBehindWhenTheTaskItWokeIsDestroyed) {
  TinyScheduler scheduler;
  Queue<int> queue(scheduler, 4);
  std::vector<int> got;
  TaskGroup others(scheduler);
  {
    TaskGroup tasks(scheduler);
    tasks.spawn(pop_one(queue, got));
    scheduler.run_all();
    others.spawn(pop_one(queue, got));
    scheduler.run_all();
    int item = 7;
    EXPECT_TRUE(queue.try_push(item));
  }
  scheduler.run_all();
  EXPECT_EQ(got, (std::vector{7}));
}

Task<void> push_all(Queue<int>& queue, int count, int& pushed) {
  for (int i = 0; i < count; ++i) {
    const bool open = co_await queue.push(i);
    if (open) ++pushed;
  }
}

TEST(Queue, IsBoundedAndKeepsOrderAndCloses) {
  TinyScheduler scheduler;
  Queue<int> queue(scheduler, 2);
  TaskGroup tasks(scheduler);
  int pushed = 0;
  tasks.spawn(push_all(queue, 5, pushed));
  scheduler.run_all();
  EXPECT_EQ(pushed, 2);
  std::vector<int> got;
  tasks.spawn(pop_one(queue, got));
  tasks.spawn(pop_one(queue, got));
  scheduler.run_all();
  EXPECT_EQ(pushed, 4);
  queue.close();
  for (int i = 0; i < 3; ++i) tasks.spawn(pop_one(queue, got));
  scheduler.run_all();
  EXPECT_EQ(got, (std::vector{0, 1, 2, 3, -1}));
  EXPECT_EQ(pushed, 4);
  EXPECT_EQ(tasks.size(), 0u);
}

Task<void> hold(Scheduler& scheduler, Mutex& mutex, int number, std::vector<int>& order) {
  const Mutex::Guard guard = co_await mutex.lock();
  order.push_back(number);
  co_await sleep_for(scheduler, 1s);
  order.push_back(number);
}

TEST(Mutex, ServesInOrderAndSurvivesHoldersAndWaitersThatAreDestroyed) {
  TinyScheduler scheduler;
  Mutex mutex(scheduler);
  std::vector<int> order;
  TaskGroup tasks(scheduler);
  auto holder = std::make_unique<TaskGroup>(scheduler);
  auto waiter = std::make_unique<TaskGroup>(scheduler);
  holder->spawn(hold(scheduler, mutex, 1, order));
  scheduler.step();
  waiter->spawn(hold(scheduler, mutex, 2, order));
  tasks.spawn(hold(scheduler, mutex, 3, order));
  tasks.spawn(hold(scheduler, mutex, 4, order));
  for (int i = 0; i < 3; ++i) scheduler.step();
  holder.reset();
  waiter.reset();
  scheduler.run_all();
  EXPECT_EQ(order, (std::vector{1, 3, 3, 4, 4}));
}

Task<int> answer(Scheduler& scheduler, Duration delay, Alive alive) {
  co_await sleep_for(scheduler, delay);
  static_cast<void>(alive);
  co_return 42;
}

Task<void> ask(Scheduler& scheduler, Duration delay, Alive alive, std::optional<int>& result) {
  const TimePoint deadline = scheduler.clock().boot() + 1s;
  const std::optional<int> got =
      co_await with_timeout(scheduler, deadline, answer(scheduler, delay, alive));
  result = got;
}

TEST(WithTimeout, DestroyedAtAnyPointItTakesItsTaskWithIt) {
  for (int steps = 0; steps < 8; ++steps) {
    TinyScheduler scheduler;
    int alive = 0;
    std::optional<int> result;
    {
      TaskGroup tasks(scheduler);
      tasks.spawn(ask(scheduler, 1ms, Alive(alive), result));
      for (int i = 0; i < steps; ++i) scheduler.step();
    }
    EXPECT_EQ(alive, 0);
    EXPECT_TRUE(scheduler.idle());
  }
}

TEST(WithTimeout, DestroysTheTaskThatIsLate) {
  TinyScheduler scheduler;
  int alive = 0;
  std::optional<int> result = 1;
  TaskGroup tasks(scheduler);
  tasks.spawn(ask(scheduler, 3600s, Alive(alive), result));
  scheduler.run_all();
  EXPECT_EQ(result, std::nullopt);
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(scheduler.boot(), TimePoint(1s));
}

Task<void> note_end(TaskGroup& group, bool& ended) {
  co_await group.join();
  ended = true;
}

TEST(TaskGroup, JoinWaitsForTheLastTask) {
  TinyScheduler scheduler;
  TaskGroup group(scheduler);
  TaskGroup joiner(scheduler);
  int alive = 0;
  std::optional<int> result;
  bool ended = false;
  group.spawn(ask(scheduler, 1ms, Alive(alive), result));
  group.spawn(ask(scheduler, 2ms, Alive(alive), result));
  joiner.spawn(note_end(group, ended));
  while (group.size() != 0) {
    EXPECT_FALSE(ended);
    scheduler.step();
  }
  scheduler.run_all();
  EXPECT_TRUE(ended);
}

Task<void> receive_all(Mailbox<int>& mailbox, std::vector<int>& got) {
  for (;;) {
    const std::optional<int> message = co_await mailbox.receive();
    if (!message) co_return;
    got.push_back(*message);
  }
}

TEST(Mailbox, DeliversWhatWasSentBeforeItClosed) {
  TinyScheduler scheduler;
  Mailbox<int> mailbox(scheduler);
  const auto sender = mailbox.sender();
  EXPECT_TRUE(sender.send(1));
  EXPECT_TRUE(sender.send(2));
  mailbox.close();
  EXPECT_FALSE(sender.send(3));
  EXPECT_FALSE(sender.connected());
  std::vector<int> got;
  TaskGroup tasks(scheduler);
  tasks.spawn(receive_all(mailbox, got));
  scheduler.run_all();
  EXPECT_EQ(got, (std::vector{1, 2}));
  EXPECT_EQ(tasks.size(), 0u);
}

TEST(Mailbox, OutlivedByItsSenderItTakesNothing) {
  TinyScheduler scheduler;
  auto mailbox = std::make_unique<Mailbox<std::shared_ptr<int>>>(scheduler);
  const auto sender = mailbox->sender();
  const auto letter = std::make_shared<int>(1);
  EXPECT_TRUE(sender.send(letter));
  mailbox.reset();
  EXPECT_EQ(letter.use_count(), 1) << "what nobody received is dropped at once";
  EXPECT_FALSE(sender.send(letter));
  scheduler.run_all();
}

TEST(Mailbox, AReceiverDestroyedAfterItsWakeLeavesTheLetterForTheNext) {
  TinyScheduler scheduler;
  Mailbox<int> mailbox(scheduler);
  std::vector<int> got;
  {
    TaskGroup tasks(scheduler);
    tasks.spawn(receive_all(mailbox, got));
    scheduler.run_all();
    EXPECT_TRUE(mailbox.sender().send(5));
    scheduler.step();
  }
  TaskGroup tasks(scheduler);
  tasks.spawn(receive_all(mailbox, got));
  scheduler.run_all();
  EXPECT_EQ(got, (std::vector{5}));
}

}  // namespace

}  // namespace detcd::runtime
