#include "server/reads.h"

#include <gtest/gtest.h>

namespace detcd::server {
namespace {

constexpr TimePoint kStart{100s};

WaitingRead waiting(std::uint64_t call) {
  return {{CallId(call), 0, {}}, apply::RangeRequest{}, kStart + 7s, kStart};
}

std::vector<std::uint64_t> calls(const std::vector<WaitingRead>& reads) {
  std::vector<std::uint64_t> ids;
  for (const WaitingRead& read : reads) ids.push_back(read.origin.call.value());
  return ids;
}

TEST(Reads, AllThatWaitShareOneRound) {
  Reads reads(500ms, 1);
  reads.add(waiting(1));
  reads.add(waiting(2));
  const std::optional<std::uint64_t> round = reads.begin_round(kStart);
  ASSERT_TRUE(round);
  reads.confirm(*round, raft::Index(5));
  EXPECT_TRUE(reads.take_ready(raft::Index(4)).empty());
  EXPECT_EQ(calls(reads.take_ready(raft::Index(5))), (std::vector<std::uint64_t>{1, 2}));
}

TEST(Reads, NoAnswerToAnEarlierLifeConfirmsARound) {
  for (const std::uint64_t life : {1, 3}) {
    Reads former(500ms, life);
    Reads reads(500ms, 2);
    former.add(waiting(1));
    reads.add(waiting(2));
    const std::optional<std::uint64_t> round = former.begin_round(kStart);
    ASSERT_TRUE(round);
    ASSERT_TRUE(reads.begin_round(kStart));
    reads.confirm(*round, raft::Index(5));
    EXPECT_TRUE(reads.take_ready(raft::Index(9)).empty());
  }
}

TEST(Reads, WhoComesDuringARoundWaitsForTheNext) {
  Reads reads(500ms, 1);
  reads.add(waiting(1));
  const std::optional<std::uint64_t> first = reads.begin_round(kStart);
  reads.add(waiting(2));
  EXPECT_FALSE(reads.begin_round(kStart));
  reads.confirm(*first, raft::Index(5));
  EXPECT_EQ(calls(reads.take_ready(raft::Index(9))), std::vector<std::uint64_t>{1});
  EXPECT_TRUE(reads.begin_round(kStart));
}

TEST(Reads, ARoundThatTakesTooLongIsAskedForAgainAndItsLateAnswerStillCounts) {
  Reads reads(500ms, 1);
  reads.add(waiting(1));
  const std::optional<std::uint64_t> first = reads.begin_round(kStart);
  reads.add(waiting(2));
  const std::optional<std::uint64_t> second = reads.begin_round(kStart + 500ms);
  ASSERT_TRUE(second);
  EXPECT_NE(*first, *second);
  // It says nothing about what came after it was asked for.
  reads.confirm(*first, raft::Index(5));
  EXPECT_EQ(calls(reads.take_ready(raft::Index(9))), std::vector<std::uint64_t>{1});
  reads.confirm(*second, raft::Index(6));
  EXPECT_EQ(calls(reads.take_ready(raft::Index(9))), std::vector<std::uint64_t>{2});
}

TEST(Reads, AnswersThatAllTakeLongerThanTheRetryAreEnough) {
  Reads reads(500ms, 1);
  reads.add(waiting(1));
  const std::optional<std::uint64_t> first = reads.begin_round(kStart);
  ASSERT_TRUE(reads.begin_round(kStart + 500ms));
  ASSERT_TRUE(reads.begin_round(kStart + 1000ms));
  reads.confirm(*first, raft::Index(5));
  EXPECT_EQ(calls(reads.take_ready(raft::Index(9))), std::vector<std::uint64_t>{1});
  EXPECT_EQ(reads.next_deadline(), kNever);
}

TEST(Reads, AFailedRoundWaitsForALeaderOrTheRetry) {
  Reads reads(500ms, 1);
  reads.add(waiting(1));
  reads.fail(*reads.begin_round(kStart), kStart);
  EXPECT_FALSE(reads.begin_round(kStart + 499ms));
  EXPECT_LE(reads.next_deadline(), kStart + 500ms);
  reads.retry_now();
  EXPECT_TRUE(reads.begin_round(kStart + 1ms));
}

TEST(Reads, ExpireTakesReadsOfEveryStage) {
  Reads reads(500ms, 1);
  reads.add(waiting(1));
  reads.confirm(*reads.begin_round(kStart), raft::Index(9));
  reads.add(waiting(2));
  ASSERT_TRUE(reads.begin_round(kStart));
  reads.add(waiting(3));
  EXPECT_TRUE(reads.expire(kStart + 6s).empty());
  EXPECT_EQ(reads.expire(kStart + 7s).size(), 3U);
  EXPECT_TRUE(reads.take_all().empty());
}

TEST(Reads, NothingDueMeansNoDeadline) {
  const Reads reads(500ms, 1);
  EXPECT_EQ(reads.next_deadline(), kNever);
}

}  // namespace
}  // namespace detcd::server
