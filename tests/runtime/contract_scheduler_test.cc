// Schedulers, timers, tasks and mailboxes keep these promises in every world.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/mailbox.h"
#include "runtime/sync.h"
#include "runtime/task_group.h"
#include "runtime/timeout.h"
#include "runtime/wait.h"
#include "tests/runtime/world_fixture.h"

namespace detcd::test {

namespace {

using runtime::Mailbox;
using runtime::Task;
using runtime::TaskGroup;
using runtime::World;

using SchedulerContract = Contract;

Task<void> note_after(World world, Duration delay, int number, std::vector<int>& notes) {
  co_await runtime::sleep_for(world.scheduler, delay);
  notes.push_back(number);
}

Task<void> timers_in_order(World world, std::vector<int>& notes) {
  TaskGroup tasks(world.scheduler);
  const TimePoint begin = world.clock.boot();
  for (const int delay : {30, 10, 20, 5, 15}) {
    tasks.spawn(note_after(world, delay * 1ms, delay, notes));
  }
  co_await tasks.join();
  EXPECT_GE(world.clock.boot() - begin, 30ms);
}

TEST_P(SchedulerContract, TimersGoOffInTheOrderOfTheirDeadlines) {
  std::vector<int> notes;
  world_->run([&](World world) { return timers_in_order(world, notes); });
  EXPECT_EQ(notes, (std::vector{5, 10, 15, 20, 30}));
}

Task<void> note_at(World world, TimePoint deadline, int number, std::vector<int>& notes) {
  co_await runtime::sleep_until(world.scheduler, deadline);
  EXPECT_GE(world.clock.boot(), deadline);
  notes.push_back(number);
}

Task<void> timers_of_one_instant(World world, std::vector<int>& notes) {
  TaskGroup tasks(world.scheduler);
  const TimePoint deadline = world.clock.boot() + 5ms;
  for (int i = 0; i < 50; ++i) tasks.spawn(note_at(world, deadline, i, notes));
  // One in the past waits for its turn as well, but not for the others' deadline.
  tasks.spawn(note_at(world, deadline - 1s, 50, notes));
  co_await tasks.join();
}

TEST_P(SchedulerContract, EveryTimerOfOneInstantGoesOffOnce) {
  std::vector<int> notes;
  world_->run([&](World world) { return timers_of_one_instant(world, notes); });
  ASSERT_EQ(notes.size(), 51u);
  EXPECT_EQ(notes.front(), 50);
  std::sort(notes.begin(), notes.end());
  for (int i = 0; i < 51; ++i) EXPECT_EQ(notes[static_cast<std::size_t>(i)], i);
}

Task<void> note_last(World world, int number, std::vector<int>& notes) {
  co_await runtime::yield_last(world.scheduler);
  notes.push_back(number);
}

Task<void> yields_last(World world, std::vector<int>& notes) {
  TaskGroup tasks(world.scheduler);
  for (int i = 0; i < 20; ++i) tasks.spawn(note_last(world, i, notes));
  co_await tasks.join();
  {
    TaskGroup cancelled(world.scheduler);
    for (int i = 20; i < 40; ++i) cancelled.spawn(note_last(world, i, notes));
    co_await runtime::yield(world.scheduler);
  }
  co_await runtime::yield_last(world.scheduler);
  co_await runtime::yield_last(world.scheduler);
}

TEST_P(SchedulerContract, WhoYieldsLastResumesOnceUnlessCancelled) {
  std::vector<int> notes;
  world_->run([&](World world) { return yields_last(world, notes); });
  std::sort(notes.begin(), notes.end());
  EXPECT_TRUE(std::ranges::adjacent_find(notes) == notes.end());
  ASSERT_GE(notes.size(), 20u);
  EXPECT_EQ(notes[19], 19);
}

Task<void> never(World world) {
  co_await runtime::sleep_until(world.scheduler, kNever);
}

Task<void> cancelled_timers(World world, std::vector<int>& notes) {
  {
    TaskGroup tasks(world.scheduler);
    for (int i = 0; i < 100; ++i) tasks.spawn(note_after(world, (i % 7) * 1ms + 1ms, i, notes));
    tasks.spawn(never(world));
    co_await runtime::yield(world.scheduler);
    co_await runtime::yield(world.scheduler);
  }
  co_await runtime::sleep_for(world.scheduler, 15ms);
}

TEST_P(SchedulerContract, ATimerOfADestroyedTaskDoesNotGoOff) {
  std::vector<int> notes;
  world_->run([&](World world) { return cancelled_timers(world, notes); });
  EXPECT_TRUE(notes.empty());
}

struct Busy {
  bool inside = false;
  int turns = 0;
};

Task<void> take_turns(World world, Busy& busy) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(busy.inside);
    busy.inside = true;
    ++busy.turns;
    busy.inside = false;
    co_await runtime::yield(world.scheduler);
  }
}

Task<void> many_turns(World world, Busy& busy) {
  TaskGroup tasks(world.scheduler);
  for (int i = 0; i < 10; ++i) tasks.spawn(take_turns(world, busy));
  EXPECT_EQ(busy.turns, 0) << "a spawned task starts in turn, not inside spawn";
  co_await tasks.join();
}

TEST_P(SchedulerContract, TasksRunOneAtATimeAndInTurn) {
  Busy busy;
  world_->run([&](World world) { return many_turns(world, busy); });
  EXPECT_EQ(busy.turns, 10'000);
}

Task<void> a_busy_loop_and_a_timer(World world, bool& timer_ran) {
  TaskGroup tasks(world.scheduler);
  std::vector<int> notes;
  tasks.spawn(note_after(world, 3ms, 1, notes));
  // In virtual time a turn may take none, so there is a short sleep between the crowds of turns.
  while (notes.empty()) {
    for (int i = 0; i < 500; ++i) co_await runtime::yield(world.scheduler);
    co_await runtime::sleep_for(world.scheduler, 1us);
  }
  timer_ran = true;
}

TEST_P(SchedulerContract, ReadyTasksDoNotStarveTimers) {
  bool timer_ran = false;
  world_->run([&](World world) { return a_busy_loop_and_a_timer(world, timer_ran); });
  EXPECT_TRUE(timer_ran);
}

Task<int> answer_after(World world, Duration delay) {
  co_await runtime::sleep_for(world.scheduler, delay);
  co_return 42;
}

Task<void> timeouts(World world, std::vector<std::optional<int>>& answers) {
  const TimePoint soon = world.clock.boot() + 5ms;
  const auto late = co_await runtime::with_timeout(world.scheduler, soon, answer_after(world, 10s));
  const TimePoint later = world.clock.boot() + 10s;
  const auto in_time =
      co_await runtime::with_timeout(world.scheduler, later, answer_after(world, 1ms));
  answers = {late, in_time};
}

TEST_P(SchedulerContract, ATimeoutEndsATaskThatIsLateAndNoOther) {
  std::vector<std::optional<int>> answers;
  world_->run([&](World world) { return timeouts(world, answers); });
  EXPECT_EQ(answers, (std::vector<std::optional<int>>{std::nullopt, 42}));
}

Task<void> offload_some(World world, int& result) {
  runtime::Signal done(world.scheduler);
  auto box = std::make_shared<int>(0);
  world.scheduler.offload([box] { *box = 7; },
                          [box, &result, &done] {
                            result = *box;
                            done.wake_all();
                          });
  EXPECT_EQ(result, 0) << "never inline";
  while (result == 0) {
    const bool woken = co_await done.wait();
    static_cast<void>(woken);
  }
}

TEST_P(SchedulerContract, OffloadedWorkIsDoneInTurn) {
  int result = 0;
  world_->run([&](World world) { return offload_some(world, result); });
  EXPECT_EQ(result, 7);
}

Task<void> send_many(World world, Mailbox<int>::Sender sender, int count) {
  for (int i = 0; i < count; ++i) {
    EXPECT_TRUE(sender.send(i));
    if (i % 17 == 0) co_await runtime::yield(world.scheduler);
  }
}

Task<void> receive_many(Mailbox<int>& mailbox, int count, std::vector<int>& got) {
  for (int i = 0; i < count; ++i) {
    const std::optional<int> message = co_await mailbox.receive();
    got.push_back(message.value_or(-1));
  }
}

TEST_P(SchedulerContract, MessagesOfOneSenderKeepTheirOrder) {
  constexpr int kCount = 5000;
  Mailbox<int> mailbox(world_->here().scheduler);
  std::vector<int> got;
  world_->run([&](World) { return receive_many(mailbox, kCount, got); },
              [&](World world) { return send_many(world, mailbox.sender(), kCount); });
  ASSERT_EQ(got.size(), static_cast<std::size_t>(kCount));
  for (int i = 0; i < kCount; ++i) ASSERT_EQ(got[static_cast<std::size_t>(i)], i);
}

struct Tally {
  int sent = 0;
  int received = 0;
};

Task<void> send_until_refused(World world, Mailbox<std::unique_ptr<int>>::Sender sender,
                              Tally& tally) {
  for (;;) {
    if (!sender.send(std::make_unique<int>(tally.sent))) break;
    ++tally.sent;
    if (tally.sent % 5 == 0) co_await runtime::yield(world.scheduler);
  }
  EXPECT_FALSE(sender.connected());
}

Task<void> close_while_receiving(Mailbox<std::unique_ptr<int>>& mailbox, Tally& tally) {
  for (;;) {
    const auto message = co_await mailbox.receive();
    if (!message) break;
    EXPECT_EQ(**message, tally.received);
    ++tally.received;
    if (tally.received == 300) mailbox.close();
  }
}

TEST_P(SchedulerContract, ClosingAMailboxLosesNothingThatSendAccepted) {
  for (int round = 0; round < 10; ++round) {
    Mailbox<std::unique_ptr<int>> mailbox(world_->here().scheduler);
    Tally tally;
    world_->run([&](World) { return close_while_receiving(mailbox, tally); },
                [&](World world) { return send_until_refused(world, mailbox.sender(), tally); });
    EXPECT_EQ(tally.sent, tally.received);
  }
}

Task<void> close_later(World world, Mailbox<int>& mailbox) {
  co_await runtime::sleep_for(world.scheduler, 2ms);
  mailbox.close();
}

Task<void> wait_for_close(World world, Mailbox<int>& mailbox, bool& ended) {
  const std::optional<int> early = co_await mailbox.receive_until(world.clock.boot() + 1ms);
  EXPECT_FALSE(early.has_value());
  TaskGroup tasks(world.scheduler);
  tasks.spawn(close_later(world, mailbox));
  const std::optional<int> message = co_await mailbox.receive();
  ended = !message.has_value() && mailbox.closed();
}

TEST_P(SchedulerContract, ClosingAMailboxWakesItsReceiver) {
  Mailbox<int> mailbox(world_->here().scheduler);
  bool ended = false;
  world_->run([&](World world) { return wait_for_close(world, mailbox, ended); });
  EXPECT_TRUE(ended);
}

INSTANTIATE_TEST_SUITE_P(Worlds, SchedulerContract, testing::ValuesIn(all_worlds()), name_of_world);

}  // namespace

}  // namespace detcd::test
