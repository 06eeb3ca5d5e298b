#include "sim/kernel/kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "base/hash.h"

namespace detcd::sim {
namespace {

constexpr NodeNumber kNode{1};
const Label kTask{kNode, EventKind::kTask, 0};

VirtualTime at(Duration time) {
  return VirtualTime(time);
}

// A little program of 300 chains that post on, with drawn delays; everything observable goes into
// the order of the answers.
struct Chains {
  explicit Chains(Kernel& k) : kernel(k) {}
  void start() {
    for (std::uint64_t chain = 0; chain < 300; ++chain) go(chain, 0);
  }
  void go(std::uint64_t chain, std::uint64_t hop) {
    ran.push_back(chain);
    if (hop == 5) return;
    const std::uint64_t word = kernel.draw(runtime::Site("test hop"), chain, hop);
    const Label label{NodeNumber(chain % 3 + 1), EventKind::kTask, chain};
    kernel.schedule_after(Duration(word % 4), label, [this, chain, hop] { go(chain, hop + 1); });
  }
  Kernel& kernel;
  std::vector<std::uint64_t> ran;
};

struct Outcome {
  std::uint64_t hash = 0;
  std::vector<std::uint64_t> ran;
  std::vector<std::uint64_t> checkpoints;
};

Outcome run_chains(std::uint64_t seed, const std::function<void(Kernel&)>& twist = {}) {
  Kernel kernel(seed);
  if (twist) twist(kernel);
  Chains chains(kernel);
  chains.start();
  kernel.run_all();
  return {kernel.hash(), chains.ran, {kernel.checkpoints().begin(), kernel.checkpoints().end()}};
}

TEST(Kernel, SameSeedGivesTheSameRunTwice) {
  const Outcome first = run_chains(7);
  const Outcome second = run_chains(7);
  EXPECT_EQ(first.hash, second.hash);
  EXPECT_EQ(first.ran, second.ran);
  EXPECT_EQ(first.checkpoints, second.checkpoints);
  EXPECT_EQ(first.checkpoints.size(), 1500U / kEventsPerCheckpoint);
}

TEST(Kernel, AnotherSeedGivesAnotherRun) {
  const Outcome first = run_chains(7);
  const Outcome second = run_chains(8);
  EXPECT_NE(first.hash, second.hash);
  EXPECT_NE(first.ran, second.ran);
}

TEST(Kernel, OneNanosecondChangesTheHash) {
  const Outcome plain = run_chains(7);
  const Outcome nudged = run_chains(7, [](Kernel& k) { k.nudge(NodeNumber(2), 100, 1ns); });
  EXPECT_NE(plain.hash, nudged.hash);
}

TEST(Kernel, OneTieChangesTheHash) {
  const Outcome plain = run_chains(7);
  const Outcome changed = run_chains(7, [](Kernel& k) {
    const std::uint64_t entity = k.tie_entity(NodeNumber(2));
    const std::uint64_t tie = k.draw(Kernel::kTieSite, entity, 100);
    k.override_draw(Kernel::kTieSite, entity, 100, tie ^ (std::uint64_t{1} << 40));
  });
  EXPECT_NE(plain.hash, changed.hash);
}

TEST(Kernel, OneByteOfANotedFactChangesTheHash) {
  const auto run = [](std::string_view text) {
    Kernel kernel(1);
    kernel.note(kNode, hash64(text));
    return kernel.hash();
  };
  EXPECT_EQ(run("abc"), run("abc"));
  EXPECT_NE(run("abc"), run("abd"));
}

TEST(Kernel, OverridingOneDrawLeavesAllOthersAlone) {
  Kernel plain(3);
  Kernel changed(3);
  constexpr runtime::Site kSite{"test"};
  changed.override_draw(kSite, 5, 6, 77);
  EXPECT_EQ(changed.draw(kSite, 5, 6), 77U);
  for (std::uint64_t i = 0; i < 100; ++i) {
    if (i != 6) EXPECT_EQ(plain.draw(kSite, 5, i), changed.draw(kSite, 5, i));
  }
}

// Against a plain sorted list: times, ties and sequences come out in order, whatever is cancelled
// and moved on the way.
TEST(Kernel, EventsComeOutInOrderOfTimeThenTie) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Kernel kernel(seed);
    std::vector<EventRecord> ran;
    kernel.set_recorder([&](const EventRecord& record) { ran.push_back(record); });
    std::vector<EventId> ids;
    std::size_t expected = 0;
    for (std::uint64_t i = 0; i < 2000; ++i) {
      const std::uint64_t word = keyed_draw(seed, 1, 2, i);
      const EventId id = kernel.schedule(at(Duration(1 + word % 300)), kTask, [] {});
      ids.push_back(id);
      ++expected;
      if (word % 5 == 0) {
        const EventId other = ids[(word >> 20) % ids.size()];
        if (kernel.scheduled(other)) --expected;
        kernel.cancel(other);
      } else if (word % 7 == 0) {
        const EventId other = ids[(word >> 20) % ids.size()];
        if (kernel.scheduled(other)) kernel.move(other, at(Duration(1 + (word >> 10) % 300)));
      }
    }
    EXPECT_EQ(kernel.queued(), expected);
    kernel.run_all();
    ASSERT_EQ(ran.size(), expected);
    for (std::size_t i = 1; i < ran.size(); ++i) {
      ASSERT_TRUE(std::tie(ran[i - 1].time, ran[i - 1].tie) <= std::tie(ran[i].time, ran[i].tie));
    }
  }
}

TEST(Kernel, TiesShuffleWhatIsReadyAtOneInstant) {
  std::vector<std::vector<int>> orders;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Kernel kernel(seed);
    std::vector<int> order;
    for (int i = 0; i < 8; ++i)
      kernel.schedule(at(5ns), kTask, [&order, i] { order.push_back(i); });
    kernel.run_all();
    if (std::find(orders.begin(), orders.end(), order) == orders.end()) orders.push_back(order);
  }
  EXPECT_GT(orders.size(), 15U);
}

TEST(Kernel, WhatOneTurnPostsKeepsItsOrder) {
  Kernel kernel(9);
  std::vector<int> order;
  for (int i = 0; i < 8; ++i) {
    kernel.schedule_in_turn(kernel.now(), kTask, [&order, i] { order.push_back(i); });
  }
  kernel.run_all();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Kernel, WhatIsPostedForNowGoesAfterAllThatWasReady) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Kernel kernel(seed);
    std::vector<int> order;
    for (int i = 0; i < 4; ++i) {
      kernel.schedule(at(5ns), kTask, [&kernel, &order] {
        order.push_back(1);
        kernel.schedule(kernel.now(), kTask, [&order] { order.push_back(2); });
      });
    }
    kernel.run_all();
    EXPECT_EQ(order, (std::vector<int>{1, 1, 1, 1, 2, 2, 2, 2})) << "seed " << seed;
  }
}

TEST(Kernel, RunUntilLetsTimePassAndLeavesLaterEvents) {
  Kernel kernel(1);
  int ran = 0;
  kernel.schedule(at(10ns), kTask, [&] { ++ran; });
  kernel.schedule(at(11ns), kTask, [&] { ++ran; });
  kernel.run_until(at(10ns));
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(kernel.now(), at(10ns));
  EXPECT_FALSE(kernel.run_until([&] { return ran == 3; }, at(1s)));
  EXPECT_EQ(ran, 2);
}

TEST(Kernel, APausedNodeRunsNothingAndLaterAllInOrder) {
  Kernel kernel(1);
  std::vector<int> order;
  for (int i = 1; i <= 5; ++i) {
    kernel.schedule(at(Duration(i)), kTask, [&order, i] { order.push_back(i); });
  }
  kernel.schedule(at(3ns), {NodeNumber(2), EventKind::kTask}, [&] { order.push_back(100); });
  kernel.pause(kNode);
  kernel.run_until(at(1s));
  EXPECT_EQ(order, std::vector<int>{100});
  kernel.resume(kNode);
  kernel.run_all();
  EXPECT_EQ(order, (std::vector<int>{100, 1, 2, 3, 4, 5}));
  EXPECT_EQ(kernel.now(), at(1s));
}

TEST(Kernel, AnEventCancelledWhileItsNodeIsPausedNeverRuns) {
  Kernel kernel(1);
  int ran = 0;
  kernel.pause(kNode);
  const EventId id = kernel.schedule(at(1ns), kTask, [&] { ++ran; });
  kernel.run_until(at(5ns));
  EXPECT_TRUE(kernel.scheduled(id));
  kernel.cancel(id);
  EXPECT_EQ(kernel.queued(), 0U);
  kernel.resume(kNode);
  kernel.run_all();
  EXPECT_EQ(ran, 0);
}

TEST(Kernel, ASlowNodeWorksOffItsEventsOneByOne) {
  Kernel kernel(1);
  kernel.set_cost_per_event(kNode, 10ns);
  std::vector<VirtualTime> times;
  for (int i = 0; i < 3; ++i) {
    kernel.schedule(at(5ns), kTask, [&] { times.push_back(kernel.now()); });
  }
  kernel.run_all();
  EXPECT_EQ(times, (std::vector<VirtualTime>{at(5ns), at(15ns), at(25ns)}));
}

TEST(Kernel, CancelAllTakesOnlyTheEventsOfOneOwner) {
  Kernel kernel(1);
  int ran = 0;
  const std::uint32_t mine = kernel.new_owner();
  const std::uint32_t other = kernel.new_owner();
  for (int i = 0; i < 10; ++i) {
    const std::uint32_t owner = i % 2 == 0 ? mine : other;
    kernel.schedule(at(1ns), {kNode, EventKind::kTask, 0, owner}, [&] { ++ran; });
  }
  kernel.cancel_all(mine);
  kernel.run_all();
  EXPECT_EQ(ran, 5);
}

// Two nodes' events of one instant, each round of them in every order.
std::vector<std::uint64_t> order_of(Kernel::Preference preference, std::uint64_t seed) {
  Kernel kernel(seed);
  kernel.prefer(preference);
  kernel.set_priority(NodeNumber(1), 5);
  kernel.set_priority(NodeNumber(2), 1);
  std::vector<std::uint64_t> ran;
  for (std::uint64_t n = 0; n < 6; ++n) {
    kernel.schedule(VirtualTime(1ms), {NodeNumber(1 + n % 2), EventKind::kTask, n},
                    [&ran, n] { ran.push_back(n); });
  }
  kernel.run_all();
  return ran;
}

TEST(Kernel, PrefersNodesOfALowerPriorityNumberWithinARound) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<std::uint64_t> ran = order_of(Kernel::Preference::kPriority, seed);
    ASSERT_EQ(ran.size(), 6U);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(ran[i] % 2, i < 3 ? 1U : 0U) << "seed " << seed;
  }
}

TEST(Kernel, PrefersWhatWasScheduledLast) {
  EXPECT_EQ(order_of(Kernel::Preference::kNewestFirst, 3),
            (std::vector<std::uint64_t>{5, 4, 3, 2, 1, 0}));
  EXPECT_NE(order_of(Kernel::Preference::kNone, 3), order_of(Kernel::Preference::kNone, 4));
}

}  // namespace
}  // namespace detcd::sim
