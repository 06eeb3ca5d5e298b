#include "server/slow_disk.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace detcd::server {
namespace {

using Due = SlowDisk::Due;

constexpr raft::NodeId kOne{1};
constexpr raft::NodeId kTwo{2};
constexpr raft::NodeId kThree{3};

// So many syncs, one after the other; returns when the last one ended.
TimePoint sync(SyncTimes& times, TimePoint now, int count, Duration each) {
  for (int i = 0; i < count; ++i) {
    times.began(now);
    now += each;
    times.ended(now);
  }
  return now;
}

SlowDisk::Heard answer_of(Duration each, TimePoint now) {
  SlowDisk disk(100ms);
  now = sync(disk.syncs(), now, 100, each);
  return disk.on_note(kOne, SlowDisk::question(), now);
}

TEST(SyncTimes, AreToldAtMostAnEighthTooLong) {
  for (const Duration each :
       std::initializer_list<Duration>{8ns, 100ns, 999us, 1ms, 3ms, 100ms, 20s}) {
    SyncTimes times;
    const TimePoint now = sync(times, TimePoint(3600s), 100, each);
    // Of long ones fewer than a hundred fit in a page.
    const std::optional<Duration> p99 = times.p99(now);
    if (each >= 1s) {
      EXPECT_EQ(p99, std::nullopt);
      continue;
    }
    ASSERT_TRUE(p99) << each.count();
    EXPECT_GE(*p99, each);
    EXPECT_LE(p99->count() * 8, each.count() * 9);
  }
}

TEST(SyncTimes, OneInAHundredIsNoSlowDisk) {
  SyncTimes times;
  TimePoint now = sync(times, TimePoint(3600s), 198, 1ms);
  now = sync(times, now, 2, 1s);
  EXPECT_LT(*times.p99(now), 2ms);
  now = sync(times, now, 1, 1s);
  EXPECT_GE(*times.p99(now), 1s);
}

TEST(SyncTimes, TooFewOrLongAgoSayNothing) {
  SyncTimes times;
  TimePoint now = sync(times, TimePoint(3600s), 99, 1ms);
  EXPECT_EQ(times.p99(now), std::nullopt);
  now = sync(times, now, 1, 1ms);
  EXPECT_TRUE(times.p99(now));
  EXPECT_TRUE(times.p99(now + 30s)) << "the page before counts";
  EXPECT_EQ(times.p99(now + 61s), std::nullopt);
}

TEST(SyncTimes, OneThatIsStuckSaysEnough) {
  SyncTimes times;
  times.began(TimePoint(3600s));
  EXPECT_EQ(times.p99(TimePoint(3600s) + 4s), std::nullopt);
  EXPECT_EQ(times.p99(TimePoint(3600s) + 7s), 7s);
}

TEST(SlowDisk, LeadershipGoesToWhoseDiskIsFourTimesAsFast) {
  SlowDisk leader(100ms);
  TimePoint now(3600s);
  leader.leader_changed(true, now);
  now += SlowDisk::kStays;
  EXPECT_EQ(leader.next_deadline(), now);
  now = sync(leader.syncs(), now, 100, 200ms);
  ASSERT_EQ(leader.look(now), Due::kAsk);
  EXPECT_TRUE(leader.on_note(kTwo, *answer_of(40ms, now).answer, now).ours);
  EXPECT_TRUE(leader.on_note(kThree, *answer_of(60ms, now).answer, now).ours);
  EXPECT_EQ(leader.look(now), Due::kNothing) << "answers may be on their way";
  now = leader.next_deadline();
  ASSERT_EQ(leader.look(now), Due::kMove);
  EXPECT_EQ(leader.faster(), raft::NodeSet{kTwo});
  EXPECT_EQ(leader.next_deadline(), now + SlowDisk::kStays) << "once in that time";
}

TEST(SlowDisk, WhereAllAreSlowTheLeaderStays) {
  SlowDisk leader(100ms);
  TimePoint now(3600s);
  leader.leader_changed(true, now);
  now += SlowDisk::kStays;
  for (int round = 0; round < 60; ++round) {
    now = sync(leader.syncs(), now, 100, 200ms);
    ASSERT_EQ(leader.look(now), Due::kAsk);
    EXPECT_TRUE(leader.on_note(kTwo, *answer_of(100ms, now).answer, now).ours);
    now = leader.next_deadline();
    ASSERT_EQ(leader.look(now), Due::kNothing);
    now = leader.next_deadline();
  }
}

TEST(SlowDisk, AsksNobodyWhileItsOwnIsFastEnough) {
  SlowDisk leader(100ms);
  TimePoint now(3600s);
  leader.leader_changed(true, now);
  now += SlowDisk::kStays;
  now = sync(leader.syncs(), now, 100, 80ms);
  EXPECT_EQ(leader.look(now), Due::kNothing);
}

TEST(SlowDisk, ForgetsItsQuestionWhenAnotherLeads) {
  SlowDisk leader(100ms);
  TimePoint now(3600s);
  leader.leader_changed(true, now);
  now = sync(leader.syncs(), now + SlowDisk::kStays, 100, 200ms);
  ASSERT_EQ(leader.look(now), Due::kAsk);
  leader.leader_changed(false, now);
  EXPECT_TRUE(leader.on_note(kTwo, *answer_of(1ms, now).answer, now).ours);
  EXPECT_EQ(leader.next_deadline(), kNever);
  EXPECT_EQ(leader.look(now + 3600s), Due::kNothing);
}

TEST(SlowDisk, OthersNotesAreLeftAlone) {
  SlowDisk disk(100ms);
  EXPECT_FALSE(
      disk.on_note(kTwo, Bytes::adopt(std::string("\x20 0123456789abcdef")), TimePoint(1s)).ours);
  EXPECT_FALSE(disk.on_note(kTwo, Bytes::adopt(std::string()), TimePoint(1s)).ours);
  // Cut short, or longer than it may be: no answer.
  EXPECT_TRUE(disk.on_note(kTwo, Bytes::adopt(std::string("\x31 12")), TimePoint(1s)).ours);
}

}  // namespace
}  // namespace detcd::server
