// The chapters on clients, elections and storage (§6, §9, §10) of "Consensus: Bridging Theory and
// Practice" (Ongaro, 2014): one test per claim, as in dissertation_test.cc.
#include <gtest/gtest.h>

#include <algorithm>

#include "cluster.h"
#include "dissertation.h"

namespace detcd::raft::testing {
namespace {

// ---- §6 clients ---------------------------------------------------------------------------------

TEST(Dissertation, S6_2_ALeaderWithoutAMajorityStepsDown) {
  Cluster cluster = led(3);
  cluster.isolate(n(1));
  cluster.advance(2100ms);
  EXPECT_NE(cluster.status(n(1)).role, RoleName::kLeader);
}

TEST(Dissertation, S6_4_AReadNeedsARoundOfHeartbeats) {
  Cluster cluster = led(3);
  cluster.step(n(1), Read{1});
  EXPECT_TRUE(cluster.take_reads(n(1)).empty());
  cluster.settle();
  ASSERT_EQ(cluster.take_reads(n(1)).size(), 1U);
}

TEST(Dissertation, S6_4_AReadWaitsForAnEntryOfTheTerm) {
  Cluster cluster = make_cluster(3, plain());
  cluster.step(n(1), Campaign{});
  cluster.step(n(1), Receive{{n(2), n(1), Term(1), VoteResponse{false, true}}});
  cluster.step(n(1), Read{1});
  cluster.deliver([](const Message& m) { return is<Heartbeat>(m) || is<HeartbeatResponse>(m); });
  EXPECT_TRUE(cluster.take_reads(n(1)).empty());
  cluster.settle();
  const std::vector<ReadState> reads = cluster.take_reads(n(1));
  ASSERT_EQ(reads.size(), 1U);
  EXPECT_GE(reads[0].index, Index(1));
}

TEST(Dissertation, S6_4_AnAnswerToAnEarlierRoundDoesntCount) {
  Cluster cluster = led(3);
  cluster.step(n(1), Read{1});
  cluster.drop([](const Message&) { return true; });
  cluster.step(n(1), Receive{{n(2), n(1), Term(1), HeartbeatResponse{0}}});
  cluster.step(n(1), Receive{{n(2), n(1), Term(1), HeartbeatResponse{1}}});
  EXPECT_TRUE(cluster.take_reads(n(1)).empty());
}

TEST(Dissertation, S6_4_1_ALeaseAnswersAtOnceWhileItHolds) {
  Config config;
  config.lease_reads = true;
  Cluster cluster = led(3, config);
  cluster.advance(300ms);
  cluster.step(n(1), Read{1});
  EXPECT_EQ(cluster.take_reads(n(1)).size(), 1U);
  cluster.isolate(n(1));
  cluster.pass(1s);
  cluster.step(n(1), Read{2});
  EXPECT_TRUE(cluster.take_reads(n(1)).empty());
}

TEST(Dissertation, S6_4_1_NoLeaseOnceATransferIsOrdered) {
  Config config;
  config.lease_reads = true;
  Cluster cluster = led(3, config);
  cluster.advance(300ms);
  cluster.step(n(1), TransferLeadership{n(2)});
  cluster.step(n(1), Read{1});
  EXPECT_TRUE(cluster.take_reads(n(1)).empty());
}

// ---- §9.6 pre-vote, §10.2 storage ---------------------------------------------------------------

TEST(Dissertation, S9_6_APreVoteChangesNobodysTerm) {
  Cluster cluster = led(3);
  cluster.isolate(n(3));
  cluster.advance(20s);
  EXPECT_EQ(cluster.status(n(3)).term, Term(1));
  cluster.heal();
  cluster.advance(1s);
  EXPECT_EQ(cluster.leader(), n(1));
  EXPECT_EQ(cluster.status(n(1)).term, Term(1));
}

TEST(Dissertation, S9_6_APreVoteNeedsAnUpToDateLog) {
  Cluster cluster = make_cluster(3);
  cluster.set_log(n(2), {1, 2}, {Term(2), std::nullopt, Index()});
  Message request{n(1), n(2), Term(3), VoteRequest{true, false, Index(1), Term(1)}};
  EXPECT_FALSE(grants(cluster, n(2), request));
  std::get<VoteRequest>(request.body) = {true, false, Index(2), Term(2)};
  EXPECT_TRUE(grants(cluster, n(2), request));
  EXPECT_EQ(cluster.status(n(2)).term, Term(2));
}

TEST(Dissertation, S10_2_1_TheLeaderSendsBeforeItsOwnWriteIsDone) {
  Cluster cluster = led(3);
  cluster.node(n(1)).sync_at_once = false;
  cluster.propose(n(1), "a");
  cluster.settle();
  EXPECT_EQ(cluster.status(n(1)).commit, Index(2));
  EXPECT_EQ(cluster.status(n(1)).persisted, Index(1));
}

TEST(Dissertation, S10_2_2_AppendsArePipelined) {
  Cluster cluster = led(3);
  for (int i = 0; i < 5; ++i) cluster.propose(n(1), "a");
  const auto under_way = std::ranges::count_if(
      cluster.network(), [](const Message& m) { return is<AppendRequest>(m) && m.to == n(2); });
  EXPECT_EQ(under_way, 5);
}

TEST(Dissertation, S10_2_2_AWindowBoundsThem) {
  Config config;
  config.inflight_messages_max = 2;
  Cluster cluster = led(3, config);
  for (int i = 0; i < 5; ++i) cluster.propose(n(1), "a");
  const auto under_way = std::ranges::count_if(
      cluster.network(), [](const Message& m) { return is<AppendRequest>(m) && m.to == n(2); });
  EXPECT_EQ(under_way, 2);
  cluster.settle();
  EXPECT_EQ(cluster.node(n(2)).applied.size(), 5U);
}

}  // namespace
}  // namespace detcd::raft::testing
