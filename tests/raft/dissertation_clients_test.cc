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

// A tenth of the election timeout is kept for clocks that don't run alike.
TEST(Dissertation, S6_4_1_ALeaseEndsBeforeAnybodyElseCanBeElected) {
  Config config;
  config.lease_reads = true;
  Cluster cluster = led(3, config);
  cluster.advance(300ms);
  cluster.isolate(n(1));
  Duration held{};
  for (std::uint64_t read = 1; held < config.election_timeout * 2; ++read) {
    cluster.step(n(1), Read{read});
    if (cluster.take_reads(n(1)).empty()) break;
    held += 10ms;
    cluster.pass(10ms);
  }
  EXPECT_GE(held, config.election_timeout / 2);
  EXPECT_LE(held, config.election_timeout - config.election_timeout / 10);
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

// A refused pre-vote brings the later term to a follower that hears the leader: the lease that its
// answers to heartbeats made goes on all the same.
TEST(Dissertation, S6_4_1_ATermLearntOtherwiseDoesntEndTheLease) {
  Config config;
  config.lease_reads = true;
  Cluster cluster = led(3, config);
  const auto between = [&cluster](NodeId from, NodeId to) {
    cluster.deliver([=](const Message& m) { return m.from == from && m.to == to; });
  };
  // The leader is silent for so long that both others campaign; n3 writes its own vote for long.
  cluster.pass(2100ms);
  cluster.node(n(3)).sync_at_once = false;
  cluster.tick(n(3));
  between(n(3), n(2));
  between(n(2), n(3));
  ASSERT_EQ(cluster.status(n(3)).role, RoleName::kCandidate);
  cluster.tick(n(2));
  between(n(2), n(3));
  // The leader is back and n2 answers its heartbeat, before n3's refusal brings the later term.
  cluster.tick(n(1));
  between(n(1), n(2));
  between(n(2), n(1));
  ASSERT_EQ(cluster.status(n(2)).leader, n(1));
  between(n(3), n(2));
  ASSERT_EQ(cluster.status(n(2)).term, Term(2));
  cluster.sync(n(3));
  between(n(3), n(2));
  between(n(2), n(3));
  EXPECT_FALSE(cluster.status(n(2)).vote.has_value());
  EXPECT_NE(cluster.status(n(3)).role, RoleName::kLeader);
  cluster.step(n(1), Read{1});
  EXPECT_EQ(cluster.take_reads(n(1)).size(), 1U);
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
