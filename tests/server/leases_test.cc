#include "server/leases.h"

#include <gtest/gtest.h>

#include "sim/kernel/clock.h"
#include "sim/kernel/fence.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/scheduler.h"

namespace detcd::server {
namespace {

constexpr TimePoint kStart{100s};

class KeepAlivesTest : public ::testing::Test {
 protected:
  ReturnAddress stream(std::uint64_t call) { return {CallId(call), call, replies_.sender()}; }
  void ask(std::uint64_t call, std::int64_t lease, std::int64_t revision = 1) {
    keep_.ask(stream(call), {lease, ResponseHeader{.revision = revision}, now_});
  }
  // Proposes what is to be proposed now; its ids.
  std::vector<std::int64_t> propose(std::uint64_t ordinal) {
    const std::optional<apply::LeaseRenewRequest> batch = keep_.next_batch(now_);
    if (!batch) return {};
    keep_.proposed(ordinal, batch->ids.size(), now_);
    return batch->ids;
  }
  // "call:lease=ttl" of each answer.
  std::vector<std::string> complete(std::uint64_t ordinal, std::vector<std::int64_t> ttls) {
    std::vector<std::string> said;
    for (const KeepAlives::Sent& sent : keep_.complete(ordinal, {std::move(ttls)})) {
      said.push_back(std::to_string(sent.to.call.value()) + ":" +
                     std::to_string(sent.answer.lease) + "=" + std::to_string(sent.answer.ttl));
    }
    return said;
  }
  using Ids = std::vector<std::int64_t>;
  using Said = std::vector<std::string>;

  sim::Kernel kernel_{1};
  sim::NodeClock clock_{kernel_, {}};
  sim::Fence fence_;
  sim::NodeScheduler scheduler_{kernel_, clock_, fence_, {.node = sim::NodeNumber(1)}};
  runtime::Mailbox<Reply> replies_{scheduler_};
  KeepAlives keep_{7s, 500ms};
  TimePoint now_ = kStart;
};

TEST_F(KeepAlivesTest, WhatComesTogetherIsOneBatchAndWhatComesLaterTheNext) {
  keep_.open(stream(1), false);
  keep_.open(stream(2), false);
  EXPECT_FALSE(keep_.next_batch(now_));
  ask(1, 10);
  ask(2, 20);
  ask(1, 11);
  EXPECT_EQ(propose(5), (Ids{10, 20, 11}));
  ask(2, 21);
  EXPECT_EQ(propose(6), Ids{}) << "one batch at a time";
  EXPECT_EQ(complete(5, {60, 0, 30}), (Said{"1:10=60", "2:20=0", "1:11=30"}));
  EXPECT_EQ(propose(6), Ids{21});
}

TEST_F(KeepAlivesTest, ABatchThatIsntAnsweredGoesAgainAndEitherAnswerCounts) {
  keep_.open(stream(1), false);
  ask(1, 10);
  EXPECT_EQ(propose(5), Ids{10});
  EXPECT_EQ(keep_.next_deadline(), kStart + 500ms);
  now_ += 500ms;
  ask(1, 11);
  EXPECT_EQ(propose(6), (Ids{10, 11}));
  EXPECT_EQ(complete(5, {60}), Said{"1:10=60"});
  EXPECT_EQ(complete(6, {60, 60}), Said{}) << "it was given up";
  EXPECT_EQ(propose(7), Ids{11});
  EXPECT_EQ(complete(7, {50}), Said{"1:11=50"});
  EXPECT_FALSE(keep_.has_waiting());
}

TEST_F(KeepAlivesTest, ANewLeaderIsAskedAtOnce) {
  keep_.open(stream(1), false);
  ask(1, 10);
  EXPECT_EQ(propose(5), Ids{10});
  keep_.retry_now();
  EXPECT_EQ(propose(6), Ids{10});
}

TEST_F(KeepAlivesTest, AClosedStreamIsToldNothing) {
  keep_.open(stream(1), false);
  keep_.open(stream(2), false);
  ask(1, 10);
  ask(2, 20);
  EXPECT_EQ(propose(5), (Ids{10, 20}));
  EXPECT_TRUE(keep_.close(Forget{CallId(1), replies_.sender()}));
  EXPECT_FALSE(keep_.close(Forget{CallId(1), replies_.sender()}));
  ask(1, 11);
  EXPECT_EQ(complete(5, {60, 60}), Said{"2:20=60"});
  EXPECT_FALSE(keep_.has_waiting());
}

TEST_F(KeepAlivesTest, OneThatIsntAnsweredInTimeEndsItsStream) {
  keep_.open(stream(1), false);
  keep_.open(stream(2), false);
  ask(1, 10);
  now_ += 1s;
  ask(2, 20);
  EXPECT_EQ(propose(5), (Ids{10, 20}));
  now_ = kStart + 7s;
  const std::vector<KeepAlives::Ended> ended = keep_.expire(now_);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].stream.call, CallId(1));
  EXPECT_EQ(ended[0].error, apply::ApiError::kTimeout);
  EXPECT_EQ(complete(5, {60, 60}), Said{});
  EXPECT_EQ(propose(6), Ids{20});
  EXPECT_EQ(complete(6, {60}), Said{"2:20=60"});
}

TEST_F(KeepAlivesTest, OnlyStreamsThatWantALeaderEndWithoutOne) {
  keep_.open(stream(1), true);
  keep_.open(stream(2), false);
  keep_.leader_lost(kStart + 3s);
  EXPECT_EQ(keep_.next_deadline(), kStart + 3s);
  EXPECT_TRUE(keep_.expire(kStart + 2s).empty());
  const std::vector<KeepAlives::Ended> ended = keep_.expire(kStart + 3s);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].stream.call, CallId(1));
  EXPECT_EQ(ended[0].error, apply::ApiError::kNoLeader);
  EXPECT_EQ(keep_.next_deadline(), kNever);
}

TEST_F(KeepAlivesTest, ABatchIsBounded) {
  keep_.open(stream(1), false);
  for (std::size_t i = 0; i < KeepAlives::kBatchMax + 3; ++i) ask(1, static_cast<std::int64_t>(i));
  EXPECT_EQ(propose(1).size(), KeepAlives::kBatchMax);
  EXPECT_EQ(complete(1, Ids(KeepAlives::kBatchMax, 60)).size(), KeepAlives::kBatchMax);
  EXPECT_EQ(propose(2).size(), 3U);
}

class LeaseTicksTest : public ::testing::Test {
 protected:
  bool due(Duration at, std::uint64_t term = 1) {
    const auto since = static_cast<std::uint64_t>(at / 1ms);
    return ticks_.due(lessor_, {kStart + at, term, since, applied_ms_});
  }
  // Asks every 50 ms, as a leader's heartbeats do: when it is due first.
  std::optional<Duration> first_due(Duration from, Duration to) {
    for (Duration at = from; at <= to; at += 50ms) {
      if (due(at)) return at;
    }
    return std::nullopt;
  }

  lease::Lessor lessor_;
  LeaseTicks ticks_{1000ms, 100ms, 1000ms};
  std::uint64_t applied_ms_ = 0;
};

TEST_F(LeaseTicksTest, WithoutLeasesTimeNeedNotPass) {
  EXPECT_FALSE(first_due(0ms, 60s));
  EXPECT_EQ(ticks_.next_deadline(), kNever);
}

TEST_F(LeaseTicksTest, OneIsDueSoonAfterALeaseHasEnded) {
  lessor_.grant(1, 3, {1, 0});
  EXPECT_FALSE(due(0ms));
  EXPECT_EQ(ticks_.next_deadline(), kStart + 3001ms);
  EXPECT_EQ(first_due(50ms, 10s), 3150ms) << "what is due stands for a while";
}

TEST_F(LeaseTicksTest, ANewTermsFirstOneIsDueAtOnce) {
  lessor_.grant(1, 300, {1, 0});
  EXPECT_TRUE(due(0ms, 2));
}

TEST_F(LeaseTicksTest, OneThatIsUnderWayIsntProposedAgainBeforeItHadItsTime) {
  lessor_.grant(1, 300, {1, 0});
  EXPECT_TRUE(due(0ms, 2));
  ticks_.proposed(kStart);
  EXPECT_FALSE(due(500ms, 2));
  EXPECT_TRUE(due(1000ms, 2));
}

TEST_F(LeaseTicksTest, APauseGivesKeepAlivesTheirTurnFirst) {
  lessor_.grant(1, 3, {1, 0});
  EXPECT_FALSE(first_due(0ms, 2900ms));
  EXPECT_FALSE(due(9000ms)) << "nobody was asked for long";
  EXPECT_FALSE(due(9050ms));
  EXPECT_TRUE(due(9100ms));
}

TEST_F(LeaseTicksTest, AtMostTwoASecondUnlessThereIsABacklog) {
  lessor_.grant(1, 3, {1, 0});
  ASSERT_EQ(first_due(0ms, 10s), 3150ms);
  ticks_.proposed(kStart + 3150ms);
  ticks_.applied({0}, kStart + 3200ms);
  EXPECT_EQ(first_due(3200ms, 10s), 3700ms);
  ticks_.proposed(kStart + 3700ms);
  ticks_.applied({5}, kStart + 3750ms);
  EXPECT_TRUE(due(3750ms)) << "there may be more to end";
}

TEST_F(LeaseTicksTest, NowAndThenTimePassesWithoutAnEnd) {
  lessor_.grant(1, 3600, {1, 0});
  EXPECT_EQ(first_due(0ms, 60s), Duration(10'100ms));
}

TEST(LeaseTtl, TheLeastIsOneAndAHalfElectionTimeoutsInWholeSeconds) {
  NodeOptions options;
  EXPECT_EQ(least_ttl_seconds(options), 2);
  options.election_timeout = 3s;
  EXPECT_EQ(least_ttl_seconds(options), 5);
  options.election_timeout = 50ms;
  options.heartbeat_interval = 10ms;
  EXPECT_EQ(least_ttl_seconds(options), 1);
}

}  // namespace
}  // namespace detcd::server
