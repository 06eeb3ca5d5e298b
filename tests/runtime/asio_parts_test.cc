// The pieces of the real world that can be looked at by themselves.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "runtime_asio/address.h"
#include "runtime_asio/helper_pool.h"
#include "runtime_asio/os_clock.h"
#include "runtime_asio/os_random.h"
#include "runtime_asio/scheduler.h"
#include "runtime_asio/system_error.h"
#include "runtime_asio/timer_heap.h"

namespace detcd::runtime_asio {

namespace {

class Mark final : public runtime::Operation {
 public:
  Mark() : Operation([](runtime::Operation&) {}) {}
};

// Against a sorted set as the model, with fixed seeds.
TEST(TimerHeap, GivesTimersByDeadlineThenByArmingWhateverIsWithdrawn) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    TimerHeap heap;
    std::vector<std::unique_ptr<Mark>> marks;
    std::set<std::pair<TimePoint, std::size_t>> model;
    std::vector<TimePoint> deadlines;
    for (std::uint64_t i = 0; i < 400; ++i) {
      const std::uint64_t dice = keyed_draw(seed, 1, i, 0);
      if (dice % 3 != 0 || model.empty()) {
        deadlines.push_back(TimePoint(Duration(dice / 3 % 40)));
        marks.push_back(std::make_unique<Mark>());
        model.emplace(deadlines.back(), marks.size() - 1);
        heap.add(*marks.back(), deadlines.back());
      } else if (dice % 2 == 0) {
        ASSERT_EQ(heap.earliest(), model.begin()->first);
        ASSERT_EQ(&heap.pop(), marks[model.begin()->second].get()) << "seed " << seed;
        model.erase(model.begin());
      } else {
        const auto victim = std::next(model.begin(), static_cast<long>(dice / 6 % model.size()));
        heap.remove(*marks[victim->second]);
        model.erase(victim);
      }
    }
    for (const auto& [deadline, number] : model) ASSERT_EQ(&heap.pop(), marks[number].get());
    EXPECT_TRUE(heap.empty());
  }
}

// The key and message of the reference vectors (00 01 02 ...), at a length of 24 bytes.
TEST(OsRandom, IsSipHash) {
  const SipKey key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  EXPECT_EQ(siphash(key, 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL, 0x1716151413121110ULL),
            0xb8ad50c6f649af94ULL);
}

TEST(OsRandom, IsKeyedAndSecret) {
  const OsRandom one;
  const OsRandom other;
  constexpr runtime::Site kSite{"test"};
  EXPECT_EQ(one.draw(kSite, 1, 2), one.draw(kSite, 1, 2));
  EXPECT_NE(one.draw(kSite, 1, 2), one.draw(kSite, 2, 1));
  EXPECT_NE(one.draw(kSite, 1, 2), other.draw(kSite, 1, 2));
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_LT(one.below(10, kSite, 0, i), 10u);
}

TEST(OsRandom, HardlyEverTakesARareChoice) {
  const OsRandom random;
  runtime::RareChoice choice(random, runtime::Site("test"), 1);
  int taken = 0;
  for (int i = 0; i < 100'000; ++i) taken += choice.taken() ? 1 : 0;
  EXPECT_LE(taken, 2) << "of one in 2^32";
}

TEST(OsClock, BootTimeNeverGoesBack) {
  const OsClock clock;
  const TimePoint before = clock.boot();
  EXPECT_GE(clock.boot(), before);
  EXPECT_GT(clock.wall().time_since_epoch(), std::chrono::years(50));
}

TEST(Address, IsAHostAndAPortOrAPath) {
  const auto four = parse_address("10.1.2.3:2379");
  ASSERT_TRUE(four.ok());
  EXPECT_EQ(four->host, "10.1.2.3");
  EXPECT_EQ(four->port, 2379);
  EXPECT_EQ(parse_address("[::1]:80")->host, "::1");
  EXPECT_EQ(parse_address(":80")->host, "");
  EXPECT_EQ(parse_address("etcd.example:1")->host, "etcd.example");
  EXPECT_EQ(parse_address("unix:/run/x")->path, "/run/x");
  EXPECT_EQ(parse_address("unix:///run/x")->path, "/run/x");
  EXPECT_EQ(parse_address("unix:relative:0")->path, "relative:0");
  for (const char* bad : {"", "host", "host:", "host:x", "host:65536", "::1:80", "unix:"}) {
    const auto parsed = parse_address(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.error().code, Errc::kInvalid);
  }
  EXPECT_FALSE(parse_address("unix:/" + std::string(200, 'x')).ok());
}

TEST(Address, ReadsBackAsItWasWritten) {
  for (const char* text : {"127.0.0.1:2379", "[::1]:2379", "unix:/run/x"}) {
    const auto endpoints = literal_endpoints(*parse_address(text));
    ASSERT_TRUE(endpoints.ok() && endpoints->size() == 1);
    EXPECT_EQ(text_of(endpoints->front()), text);
  }
  EXPECT_EQ(literal_endpoints(*parse_address(":1"))->size(), 2u) << "IPv6 and IPv4";
  EXPECT_TRUE(literal_endpoints(*parse_address("name:1"))->empty());
}

TEST(SystemError, HasACodeAndASentence) {
  EXPECT_EQ(system_error(ENOSPC, "write x").code, Errc::kNoSpace);
  EXPECT_EQ(system_error(EIO, "write x").code, Errc::kIo);
  EXPECT_EQ(system_error(ENOENT, "open x").code, Errc::kNotFound);
  EXPECT_EQ(system_error(EEXIST, "open x").code, Errc::kExists);
  EXPECT_EQ(system_error(EACCES, "open x").code, Errc::kPermission);
  EXPECT_EQ(system_error(EMFILE, "accept").code, Errc::kUnavailable);
  EXPECT_EQ(system_error(ENOENT, "open x").message, "open x: No such file or directory");
}

class Append final : public Job {
 public:
  Append(std::vector<int>& to, int number) : to_(to), number_(number) {}
  void work() override { to_.push_back(number_); }
  void tell() override {}

 private:
  std::vector<int>& to_;
  int number_;
};

TEST(HelperPool, RunsTheJobsOfALaneInOrderAndFinishesThemAtItsEnd) {
  std::vector<std::vector<int>> seen(8);
  {
    HelperPool pool(3, AtEnd::kFinish);
    std::vector<std::shared_ptr<Lane>> lanes;
    for (std::size_t i = 0; i < seen.size(); ++i) lanes.push_back(std::make_shared<Lane>());
    for (int number = 0; number < 500; ++number) {
      for (std::size_t i = 0; i < seen.size(); ++i) {
        pool.run(lanes[i], std::make_unique<Append>(seen[i], number));
      }
    }
  }
  for (const std::vector<int>& numbers : seen) {
    EXPECT_EQ(numbers.size(), 500u);
    EXPECT_TRUE(std::ranges::is_sorted(numbers));
  }
}

TEST(AsioScheduler, AStopBeforeTheRunEndsIt) {
  AsioScheduler scheduler;
  int ran = 0;
  scheduler.post_from_anywhere([&] { ++ran; });
  scheduler.stop();
  scheduler.run();
  EXPECT_EQ(ran, 1);
  scheduler.post_from_anywhere([&] { ++ran; });
  scheduler.stop();
  scheduler.run();
  EXPECT_EQ(ran, 2) << "it can run again";
}

TEST(AsioScheduler, OperationsMayOutliveIt) {
  Mark queued;
  Mark armed;
  {
    AsioScheduler scheduler;
    scheduler.post(queued);
    scheduler.post_at(armed, scheduler.clock().boot() + 1s);
    scheduler.post_from_anywhere([held = std::make_unique<Mark>()] {});
  }
  EXPECT_FALSE(queued.pending());
  EXPECT_FALSE(armed.pending());
}

}  // namespace

}  // namespace detcd::runtime_asio
