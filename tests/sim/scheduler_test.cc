#include "sim/kernel/scheduler.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "runtime/mailbox.h"
#include "runtime/sync.h"
#include "runtime/task_group.h"
#include "runtime/timeout.h"
#include "runtime/wait.h"
#include "sim/kernel/random.h"

namespace detcd::sim {
namespace {

using runtime::sleep_for;
using runtime::sleep_until;
using runtime::Task;
using runtime::TaskGroup;

constexpr NodeNumber kNode{1};

struct World {
  explicit World(std::uint64_t seed = 1, NodeClock::Start start = {})
      : kernel(seed),
        clock(kernel, start),
        scheduler(kernel, clock, fence, {.node = kNode, .incarnation = Incarnation(1)}) {}
  Kernel kernel;
  NodeClock clock;
  Fence fence;
  NodeScheduler scheduler;
};

Task<void> sleeper(World& world, Duration length, std::vector<TimePoint>& woken) {
  co_await sleep_for(world.scheduler, length);
  woken.push_back(world.clock.boot());
}

Task<void> yielder(World& world, int name, std::vector<int>& log) {
  log.push_back(name);
  co_await runtime::yield(world.scheduler);
  log.push_back(name + 10);
}

Task<void> locker(World& world, runtime::Mutex& mutex, int& inside) {
  const runtime::Mutex::Guard guard = co_await mutex.lock();
  ++inside;
  co_await sleep_for(world.scheduler, 1s);
}

TEST(NodeScheduler, SleepersWakeAtTheirDeadlineOnTheirOwnClock) {
  World world(1, {.boot = 5s, .boot_drift_ppb = 200'000});
  std::vector<TimePoint> woken;
  TaskGroup group(world.scheduler);
  group.spawn(sleeper(world, 10s, woken));
  world.kernel.run_all();
  ASSERT_EQ(woken.size(), 1U);
  EXPECT_EQ(woken[0], TimePoint(15s));
  // The clock runs fast by 200 ppm, so less than 10 s passed: 10 s / 1.0002.
  EXPECT_EQ(world.kernel.now(), VirtualTime(9'998'000'400ns));
}

TEST(NodeScheduler, ArmedTimersFollowADriftThatChanges) {
  for (const std::int64_t drift : {-400'000'000, -1, 1, 300'000'000}) {
    World world;
    std::vector<TimePoint> woken;
    TaskGroup group(world.scheduler);
    group.spawn(sleeper(world, 10s, woken));
    world.kernel.run_until(VirtualTime(3s));
    world.clock.set_boot_drift(drift);
    world.kernel.run_all();
    ASSERT_EQ(woken.size(), 1U);
    EXPECT_GE(woken[0], TimePoint(11s));
    EXPECT_LE(woken[0], TimePoint(11s) + 2ns);
  }
}

TEST(NodeScheduler, ThePastStillWaitsForItsTurn) {
  World world;
  bool ran = false;
  struct Flag : runtime::Operation {
    explicit Flag(bool& target) : Operation(&Flag::set), flag(target) {}
    static void set(Operation& operation) { static_cast<Flag&>(operation).flag = true; }
    bool& flag;
  } operation(ran);
  world.scheduler.post_at(operation, TimePoint(Duration(-5)));
  EXPECT_FALSE(ran);
  EXPECT_TRUE(operation.pending());
  world.kernel.run_all();
  EXPECT_TRUE(ran);
  EXPECT_EQ(world.kernel.now(), VirtualTime());
}

TEST(NodeScheduler, YieldLetsWhoIsReadyGoFirst) {
  for (std::uint64_t seed = 1; seed < 30; ++seed) {
    World world(seed);
    std::vector<int> log;
    TaskGroup group(world.scheduler);
    group.spawn(yielder(world, 1, log));
    group.spawn(yielder(world, 2, log));
    world.kernel.run_all();
    ASSERT_EQ(log.size(), 4U);
    EXPECT_LT(log[0], 10) << "seed " << seed;
    EXPECT_LT(log[1], 10) << "seed " << seed;
  }
}

TEST(NodeScheduler, DestroyedOperationsNeverRun) {
  World world;
  std::vector<TimePoint> woken;
  {
    TaskGroup group(world.scheduler);
    for (int i = 0; i < 10; ++i) group.spawn(sleeper(world, Duration(i), woken));
    world.kernel.run_until(VirtualTime(4ns));
  }
  EXPECT_EQ(woken.size(), 5U);
  EXPECT_EQ(world.kernel.queued(), 0U);
}

TEST(NodeScheduler, APauseIsSeenByTheBootClock) {
  World world;
  std::vector<TimePoint> woken;
  TaskGroup group(world.scheduler);
  group.spawn(sleeper(world, 1s, woken));
  world.kernel.run_until(VirtualTime(1ms));
  world.kernel.pause(kNode);
  world.kernel.run_until(VirtualTime(30s));
  EXPECT_TRUE(woken.empty());
  world.kernel.resume(kNode);
  world.kernel.run_all();
  ASSERT_EQ(woken.size(), 1U);
  EXPECT_EQ(woken[0], TimePoint(31s));
}

TEST(NodeScheduler, OffloadTakesTimeAndAnswersInTurn) {
  World world;
  std::string log;
  world.scheduler.offload([&] { log += "work "; }, [&] { log += "done"; });
  EXPECT_EQ(log, "");
  world.kernel.run_all();
  EXPECT_EQ(log, "work done");
  EXPECT_GE(world.kernel.now(), VirtualTime(10us));
  EXPECT_LE(world.kernel.now(), VirtualTime(10ms));
}

struct Counted {
  explicit Counted(int& c) : count(&c) { ++*count; }
  Counted(Counted&& other) noexcept : count(other.count) { ++*count; }
  Counted& operator=(Counted&&) = delete;
  ~Counted() { --*count; }
  int* count;
};

TEST(NodeScheduler, WhatIsQueuedWhenItEndsIsDestroyedUnrun) {
  int alive = 0;
  bool ran = false;
  Kernel kernel(1);
  NodeClock clock(kernel, {});
  Fence fence;
  std::optional<NodeScheduler> scheduler;
  scheduler.emplace(kernel, clock, fence, NodeScheduler::Options{.node = kNode});
  scheduler->post_from_anywhere([counted = Counted(alive), &ran] { ran = true; });
  scheduler->offload([counted = Counted(alive), &ran] { ran = true; },
                     [counted = Counted(alive), &ran] { ran = true; });
  EXPECT_EQ(alive, 3);
  scheduler.reset();
  EXPECT_EQ(alive, 0);
  kernel.run_all();
  EXPECT_FALSE(ran);
}

TEST(NodeScheduler, MessagesOfOneSenderKeepTheirOrder) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    World world(seed);
    std::string log;
    for (const char c : {'a', 'b', 'c', 'd'}) {
      world.scheduler.post_from_anywhere([&log, c] { log += c; });
    }
    world.kernel.run_all();
    EXPECT_EQ(log, "abcd");
  }
}

TEST(Fence, AKilledNodeIsTornDownQuietly) {
  World world;
  int inside = 0;
  {
    runtime::Mutex mutex(world.scheduler);
    TaskGroup group(world.scheduler);
    for (int i = 0; i < 3; ++i) group.spawn(locker(world, mutex, inside));
    world.kernel.run_until(VirtualTime(1ms));
    world.fence.begin_teardown();
    world.scheduler.stop();
    EXPECT_EQ(world.kernel.queued(), 0U);
    world.kernel.run_all();
    // The lock given back by the destroyed holder wakes the next one: to no effect.
  }
  world.fence.close();
  EXPECT_EQ(inside, 1);
  EXPECT_EQ(world.kernel.queued(), 0U);
}

TEST(FenceDeathTest, ACallOfAKilledNodeIsReportedByName) {
  World world;
  const NodeRandom random(world.kernel, world.fence, kNode, Incarnation(1));
  world.fence.begin_teardown();
  EXPECT_DEATH(static_cast<void>(random.draw(runtime::Site("x"), 1, 1)), "Random::draw");
  world.fence.close();
  EXPECT_DEATH(world.scheduler.post_from_anywhere([] {}), "post_from_anywhere");
}

TEST(NodeClock, WallStepsAndDriftsOnItsOwn) {
  Kernel kernel(1);
  NodeClock clock(kernel, {.boot = 1s, .wall = 1000s, .wall_drift_ppb = -1'000'000});
  kernel.run_until(VirtualTime(10s));
  EXPECT_EQ(clock.boot(), TimePoint(11s));
  EXPECT_EQ(clock.wall(), WallTime(1000s + 10s - 10ms));
  clock.step_wall(-500s);
  EXPECT_EQ(clock.wall(), WallTime(510s - 10ms));
  clock.set_wall_drift(0);
  kernel.run_until(VirtualTime(11s));
  EXPECT_EQ(clock.wall(), WallTime(511s - 10ms));
  clock.reboot();
  EXPECT_EQ(clock.boot(), TimePoint(1s));
}

TEST(NodeClock, StandsStillWhileTheMachineGoesOn) {
  World world;
  std::vector<TimePoint> woken;
  TaskGroup group(world.scheduler);
  group.spawn(sleeper(world, 2s, woken));
  group.spawn(sleeper(world, 5s, woken));
  world.kernel.run_until(VirtualTime(1s));
  world.clock.freeze_boot();
  group.spawn(sleeper(world, 1s, woken));
  world.kernel.run_until(VirtualTime(100s));
  EXPECT_EQ(world.clock.boot(), TimePoint(2s));
  EXPECT_EQ(world.clock.wall(), WallTime(100s));
  EXPECT_TRUE(woken.empty());
  // A drift that is set meanwhile counts from the thaw on.
  world.clock.set_boot_drift(500'000'000);
  world.kernel.run_until(VirtualTime(200s));
  EXPECT_EQ(world.clock.boot(), TimePoint(2s));
  world.clock.thaw_boot();
  world.kernel.run_all();
  ASSERT_EQ(woken.size(), 3U);
  EXPECT_EQ(woken[0], TimePoint(3s));
  EXPECT_EQ(woken[1], TimePoint(3s));
  EXPECT_EQ(woken[2], TimePoint(6s));
  EXPECT_LT(world.kernel.now(), VirtualTime(203s));
}

TEST(NodeClock, AFrozenBootClockForgetsNoDeadlineAndInventsNone) {
  constexpr Duration kYear = 31'536'000s;
  World world;
  std::vector<TimePoint> woken;
  TaskGroup group(world.scheduler);
  group.spawn(sleeper(world, kYear, woken));
  group.spawn(sleeper(world, 1ns, woken));
  world.clock.freeze_boot();
  world.kernel.run_all();
  EXPECT_TRUE(woken.empty());
  world.clock.freeze_boot();
  world.clock.thaw_boot();
  world.kernel.run_all();
  ASSERT_EQ(woken.size(), 2U);
  EXPECT_EQ(woken[0], TimePoint(1s + 1ns));
  EXPECT_EQ(woken[1], TimePoint(1s + kYear));
}

TEST(NodeClock, TheWallMayFreezeAloneAndStepMeanwhile) {
  Kernel kernel(1);
  NodeClock clock(kernel, {.boot = 1s, .wall = 1000s});
  clock.freeze_wall();
  kernel.run_until(VirtualTime(10s));
  EXPECT_EQ(clock.boot(), TimePoint(11s));
  EXPECT_EQ(clock.wall(), WallTime(1000s));
  clock.step_wall(-30s);
  EXPECT_EQ(clock.wall(), WallTime(970s));
  clock.set_wall_drift(100'000'000);
  clock.thaw_wall();
  kernel.run_until(VirtualTime(20s));
  EXPECT_EQ(clock.wall(), WallTime(981s));
}

TEST(NodeClock, AJumpOfTheBootClockMakesItsTimersDue) {
  World world;
  std::vector<TimePoint> woken;
  TaskGroup group(world.scheduler);
  group.spawn(sleeper(world, 60s, woken));
  group.spawn(sleeper(world, 61s, woken));
  world.kernel.run_until(VirtualTime(1s));
  world.clock.step_boot(59s);
  world.kernel.run_until(VirtualTime(1s));
  ASSERT_EQ(woken.size(), 1U);
  EXPECT_EQ(woken[0], TimePoint(61s));
  world.kernel.run_all();
  EXPECT_EQ(world.kernel.now(), VirtualTime(2s));
  EXPECT_EQ(world.clock.wall(), WallTime(2s));
}

TEST(NodeClock, ABootEndsAFreeze) {
  Kernel kernel(1);
  NodeClock clock(kernel, {});
  clock.freeze_boot();
  clock.reboot();
  kernel.run_until(VirtualTime(3s));
  EXPECT_EQ(clock.boot(), TimePoint(4s));
}

TEST(NodeRandom, IsKeyedByNodeAndLife) {
  Kernel kernel(5);
  const Fence fence;
  constexpr runtime::Site kSite{"test"};
  const NodeRandom a(kernel, fence, NodeNumber(1), Incarnation(1));
  const NodeRandom again(kernel, fence, NodeNumber(1), Incarnation(1));
  const NodeRandom b(kernel, fence, NodeNumber(2), Incarnation(1));
  const NodeRandom later(kernel, fence, NodeNumber(1), Incarnation(2));
  EXPECT_EQ(a.draw(kSite, 3, 4), again.draw(kSite, 3, 4));
  EXPECT_NE(a.draw(kSite, 3, 4), b.draw(kSite, 3, 4));
  EXPECT_NE(a.draw(kSite, 3, 4), later.draw(kSite, 3, 4));
  kernel.override_draw(kSite, a.key_of(3), 4, 42);
  EXPECT_EQ(a.draw(kSite, 3, 4), 42U);
}

// ---- Rare choices -------------------------------------------------------------------------------

constexpr std::string_view kKnown = "rare: a proposal goes alone";

std::uint64_t times_taken(const NodeRandom& random, runtime::Site site, std::uint64_t asked) {
  std::uint64_t taken = 0;
  for (std::uint64_t n = 0; n < asked; ++n) taken += random.rarely(site, 1, n) ? 1 : 0;
  return taken;
}

TEST(RareChoices, AreTakenInWindowsOnlyAndAsOftenAsTheseSay) {
  Kernel kernel(5);
  const Fence fence;
  RareChoices rare;
  const NodeRandom random(kernel, fence, NodeNumber(1), Incarnation(1), &rare);
  constexpr runtime::Site kSite(kKnown);
  EXPECT_EQ(times_taken(random, kSite, 1000), 0U);
  rare.begin({.which = 0, .odds = 100});
  const std::uint64_t few = times_taken(random, kSite, 1000);
  EXPECT_GT(few, 50U);
  EXPECT_LT(few, 200U);
  rare.begin({.which = 0, .odds = 1000});
  EXPECT_EQ(times_taken(random, kSite, 1000), 1000U) << "the largest odds count";
  rare.end({.which = 0, .odds = 1000});
  EXPECT_EQ(times_taken(random, kSite, 1000), few) << "draws are keyed";
  rare.end_all();
  EXPECT_EQ(times_taken(random, kSite, 1000), 0U);
  EXPECT_EQ(rare.taken(), 1000 + 2 * few);
  EXPECT_EQ(rare.counts().at(kKnown), rare.taken());
}

TEST(RareChoices, AWordPicksAboutAQuarterOfThem) {
  std::uint64_t picked = 0;
  constexpr std::uint64_t kWords = 200;
  for (std::uint64_t which = 1; which <= kWords; ++which) {
    RareChoices rare;
    rare.begin({.which = which, .odds = 7});
    for (const std::string_view name : rare_choices()) {
      picked += rare.odds(runtime::Site(name)) == 7 ? 1 : 0;
    }
  }
  const std::uint64_t all = kWords * rare_choices().size();
  EXPECT_GT(picked, all / 5);
  EXPECT_LT(picked, all / 3);
}

TEST(RareChoicesDeathTest, OneThatNobodyWouldCountEndsTheRun) {
  RareChoices rare;
  EXPECT_DEATH(rare.took(runtime::Site("rare: unheard of")), "a name that the simulator knows");
}

// Where no window is open nothing is drawn: a run without rare choices is what it was.
TEST(RareChoices, DrawNothingWhereTheyAreOff) {
  Kernel kernel(5);
  std::uint64_t draws = 0;
  kernel.set_draw_recorder([&](const auto&...) { ++draws; });
  const Fence fence;
  RareChoices rare;
  const NodeRandom random(kernel, fence, NodeNumber(1), Incarnation(1), &rare);
  EXPECT_FALSE(random.rarely(runtime::Site(kKnown), 1, 1));
  EXPECT_EQ(draws, 0U);
  rare.begin({.which = 0, .odds = 1});
  static_cast<void>(random.rarely(runtime::Site(kKnown), 1, 1));
  EXPECT_EQ(draws, 1U);
}

}  // namespace
}  // namespace detcd::sim
