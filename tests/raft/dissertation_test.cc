// One test per claim of "Consensus: Bridging Theory and Practice" (Ongaro, 2014), headed by its
// section. The random schedules of raft_property_test.cc check the safety claims in general; here
// each is shown in its smallest case.
#include <gtest/gtest.h>

#include <algorithm>

#include "cluster.h"
#include "dissertation.h"
#include "raft/codec.h"
#include "raft/quorum.h"

namespace detcd::raft::testing {
namespace {

// ---- §3.3 terms ---------------------------------------------------------------------------------

TEST(Dissertation, S3_3_ServersBeginAsFollowers) {
  Cluster cluster = make_cluster(3);
  for (Number id = 1; id <= 3; ++id) EXPECT_EQ(cluster.status(n(id)).role, RoleName::kFollower);
}

TEST(Dissertation, S3_3_ALaterTermInAMessageIsTakenOver) {
  Cluster cluster = led(3, plain());
  cluster.step(n(2), Receive{{n(3), n(2), Term(9), AppendResponse{}}});
  EXPECT_EQ(cluster.status(n(2)).term, Term(9));
}

TEST(Dissertation, S3_3_ALeaderThatSeesALaterTermBecomesAFollower) {
  Cluster cluster = led(3, plain());
  cluster.step(n(1), Receive{{n(3), n(1), Term(9), AppendResponse{}}});
  EXPECT_EQ(cluster.status(n(1)).role, RoleName::kFollower);
}

TEST(Dissertation, S3_3_ARequestOfAnEarlierTermIsRefused) {
  Cluster cluster = led(3, plain());
  cluster.elect(n(2));
  const auto out = answers(cluster, n(3), {n(1), n(3), Term(1), append(1, 1, {entry(2, 1)})});
  const AppendResponse* response = response_in(out);
  ASSERT_NE(response, nullptr);
  EXPECT_FALSE(response->accepted);
  EXPECT_EQ(out[0].message.term, Term(2));
}

// ---- §3.4 elections -----------------------------------------------------------------------------

TEST(Dissertation, S3_4_AFollowerThatHearsNothingStartsAnElection) {
  Cluster cluster = make_cluster(3, plain());
  cluster.pass(2s);
  cluster.tick(n(2));
  EXPECT_EQ(cluster.status(n(2)).role, RoleName::kCandidate);
  EXPECT_EQ(cluster.status(n(2)).term, Term(1));
}

TEST(Dissertation, S3_4_HeartbeatsKeepFollowersFromCampaigning) {
  Cluster cluster = led(3);
  cluster.advance(10s);
  EXPECT_EQ(cluster.leader(), n(1));
  EXPECT_EQ(cluster.status(n(1)).term, Term(1));
}

TEST(Dissertation, S3_4_ACandidateVotesForItself) {
  Cluster cluster = make_cluster(3, plain());
  cluster.step(n(1), Campaign{});
  EXPECT_EQ(cluster.status(n(1)).vote, n(1));
}

TEST(Dissertation, S3_4_AServerVotesForOneCandidatePerTerm) {
  Cluster cluster = make_cluster(3, plain());
  cluster.step(n(3), Receive{{n(1), n(3), Term(1), VoteRequest{}}});
  EXPECT_EQ(cluster.status(n(3)).vote, n(1));
  EXPECT_FALSE(grants(cluster, n(3), vote_request(2, 1, 0, 0)));
  EXPECT_TRUE(grants(cluster, n(3), vote_request(1, 1, 0, 0)));
}

TEST(Dissertation, S3_4_TheVoteSurvivesACrash) {
  Cluster cluster = make_cluster(3, plain());
  cluster.step(n(3), Receive{{n(1), n(3), Term(1), VoteRequest{}}});
  cluster.crash(n(3));
  cluster.start(n(3));
  EXPECT_FALSE(grants(cluster, n(3), vote_request(2, 1, 0, 0)));
}

TEST(Dissertation, S3_4_AMajorityOfVotesMakesALeader) {
  Cluster cluster = make_cluster(5, plain());
  cluster.step(n(1), Campaign{});
  cluster.step(n(1), Receive{{n(2), n(1), Term(1), VoteResponse{false, true}}});
  EXPECT_EQ(cluster.status(n(1)).role, RoleName::kCandidate);
  cluster.step(n(1), Receive{{n(3), n(1), Term(1), VoteResponse{false, true}}});
  EXPECT_EQ(cluster.status(n(1)).role, RoleName::kLeader);
}

TEST(Dissertation, S3_4_AVoteThatComesTwiceCountsOnce) {
  Cluster cluster = make_cluster(5, plain());
  cluster.step(n(1), Campaign{});
  for (int i = 0; i < 3; ++i) {
    cluster.step(n(1), Receive{{n(2), n(1), Term(1), VoteResponse{false, true}}});
  }
  EXPECT_EQ(cluster.status(n(1)).role, RoleName::kCandidate);
}

TEST(Dissertation, S3_4_ACandidateThatHearsFromALeaderFollowsIt) {
  Cluster cluster = make_cluster(3, plain());
  cluster.step(n(1), Campaign{});
  cluster.step(n(1), Receive{{n(2), n(1), Term(1), Heartbeat{}}});
  EXPECT_EQ(cluster.status(n(1)).role, RoleName::kFollower);
  EXPECT_EQ(cluster.status(n(1)).leader, n(2));
}

TEST(Dissertation, S3_4_ACandidateWithoutAResultTriesAgainInALaterTerm) {
  Cluster cluster = make_cluster(3, plain());
  cluster.isolate(n(1));
  cluster.step(n(1), Campaign{});
  cluster.pass(2s);
  cluster.tick(n(1));
  EXPECT_EQ(cluster.status(n(1)).term, Term(2));
}

TEST(Dissertation, S3_4_TimeoutsAreDrawnBetweenOneAndTwoElectionTimeouts) {
  std::set<TimePoint> drawn;
  for (Number seed = 0; seed < 50; ++seed) {
    Config config;
    config.seed = seed;
    Cluster cluster = make_cluster(3, config);
    const TimePoint deadline = cluster.core(n(1)).next_deadline();
    EXPECT_GE(deadline, cluster.now() + config.election_timeout);
    EXPECT_LT(deadline, cluster.now() + 2 * config.election_timeout);
    drawn.insert(deadline);
  }
  EXPECT_GT(drawn.size(), 40U);
}

// ---- §3.5 replication ---------------------------------------------------------------------------

TEST(Dissertation, S3_5_AnAppendThatDoesntFitIsRefused) {
  Cluster cluster = led(3);
  const auto out = answers(cluster, n(2), {n(1), n(2), Term(1), append(7, 1, {entry(8, 1)})});
  const AppendResponse* response = response_in(out);
  ASSERT_NE(response, nullptr);
  EXPECT_FALSE(response->accepted);
  EXPECT_EQ(response->rejected, Index(7));
}

TEST(Dissertation, S3_5_ARefusalSkipsWholeTerms) {
  Cluster cluster = make_cluster(3, plain());
  cluster.set_log(n(2), {1, 1, 3, 3, 3, 3}, {Term(3), std::nullopt, Index(1)});
  const auto out = answers(cluster, n(2), {n(1), n(2), Term(4), append(6, 2, {entry(7, 4)})});
  const AppendResponse* response = response_in(out);
  ASSERT_NE(response, nullptr);
  EXPECT_EQ(response->hint_index, Index(2));
  EXPECT_EQ(response->hint_term, Term(1));
}

TEST(Dissertation, S3_5_ConflictingEntriesAreReplaced) {
  Cluster cluster = make_cluster(3, plain());
  cluster.set_log(n(2), {1, 2, 2}, {Term(2), std::nullopt, Index(1)});
  cluster.step(n(2), Receive{{n(1), n(2), Term(3), append(1, 1, {entry(2, 3)})}});
  EXPECT_EQ(cluster.status(n(2)).last_index, Index(2));
  EXPECT_EQ(cluster.status(n(2)).last_term, Term(3));
}

TEST(Dissertation, S3_5_AnAppendThatComesLateTruncatesNothing) {
  Cluster cluster = led(3);
  cluster.propose(n(1), "a");
  cluster.propose(n(1), "b");
  cluster.settle();
  cluster.step(n(2), Receive{{n(1), n(2), Term(1), append(0, 0, {})}});
  EXPECT_EQ(cluster.status(n(2)).last_index, Index(3));
}

TEST(Dissertation, S3_5_ALeaderNeverChangesItsOwnLog) {
  Cluster cluster = led(3);
  cluster.propose(n(1), "a");
  cluster.step(n(1), Receive{{n(2), n(1), Term(1), append(0, 0, {entry(1, 1)})}});
  EXPECT_EQ(cluster.status(n(1)).last_index, Index(2));
}

TEST(Dissertation, S3_5_AMajorityCommits) {
  Cluster cluster = led(5);
  for (const Number id : {4, 5}) cluster.isolate(n(id));
  cluster.propose(n(1), "a");
  cluster.settle();
  EXPECT_EQ(cluster.status(n(1)).commit, Index(2));
}

TEST(Dissertation, S3_5_AMinorityDoesnt) {
  Cluster cluster = led(5);
  for (const Number id : {3, 4, 5}) cluster.isolate(n(id));
  cluster.propose(n(1), "a");
  cluster.settle();
  EXPECT_EQ(cluster.status(n(1)).commit, Index(1));
}

TEST(Dissertation, S3_5_FollowersLearnTheCommitAndApplyInOrder) {
  Cluster cluster = led(3);
  for (const char* command : {"a", "b", "c"}) cluster.propose(n(1), command);
  cluster.settle();
  EXPECT_EQ(cluster.node(n(3)).applied, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Dissertation, S3_5_LostAppendsAreSentAgain) {
  Cluster cluster = led(3);
  cluster.propose(n(1), "a");
  cluster.drop([](const Message&) { return true; });
  cluster.advance(500ms);
  EXPECT_EQ(cluster.node(n(2)).applied, std::vector<std::string>{"a"});
}

// ---- §3.6 safety --------------------------------------------------------------------------------

TEST(Dissertation, S3_6_1_AVoteNeedsALaterLastTerm) {
  Cluster cluster = make_cluster(3, plain());
  cluster.set_log(n(2), {1, 2}, {Term(2), std::nullopt, Index()});
  EXPECT_FALSE(grants(cluster, n(2), vote_request(1, 3, 9, 1)));
  EXPECT_TRUE(grants(cluster, n(2), vote_request(1, 3, 1, 3)));
}

TEST(Dissertation, S3_6_1_OrAsLongALogOfTheSameTerm) {
  Cluster cluster = make_cluster(3, plain());
  cluster.set_log(n(2), {1, 2}, {Term(2), std::nullopt, Index()});
  EXPECT_FALSE(grants(cluster, n(2), vote_request(1, 3, 1, 2)));
  EXPECT_TRUE(grants(cluster, n(2), vote_request(1, 3, 2, 2)));
}

TEST(Dissertation, S3_6_2_EntriesOfOlderTermsAreNotCommittedByCounting) {
  Cluster cluster = make_cluster(3, plain());
  cluster.set_log(n(1), {1, 2}, {Term(2), std::nullopt, Index(1)});
  cluster.step(n(1), Campaign{});
  cluster.step(n(1), Receive{{n(2), n(1), Term(3), VoteResponse{false, true}}});
  AppendResponse two;
  two.accepted = true;
  two.match = Index(2);
  cluster.step(n(1), Receive{{n(2), n(1), Term(3), two}});
  EXPECT_EQ(cluster.status(n(1)).commit, Index(1));
  two.match = Index(3);
  cluster.step(n(1), Receive{{n(2), n(1), Term(3), two}});
  EXPECT_EQ(cluster.status(n(1)).commit, Index(3));
}

TEST(Dissertation, S3_6_2_ALeaderBeginsWithAnEntryOfItsTerm) {
  Cluster cluster = make_cluster(3);
  cluster.elect(n(1));
  const std::vector<Entry> entries = cluster.core(n(1)).entries(Index(1), Index(1));
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_TRUE(entries[0].data.empty());
  EXPECT_EQ(entries[0].term, Term(1));
}

TEST(Dissertation, S3_8_TheLogSurvivesACrash) {
  Cluster cluster = led(3);
  cluster.propose(n(1), "a");
  cluster.settle();
  for (const Number id : {1, 2, 3}) cluster.crash(n(id));
  for (const Number id : {1, 2, 3}) cluster.start(n(id));
  cluster.advance(3s);
  for (const Number id : {1, 2, 3}) {
    EXPECT_EQ(cluster.node(n(id)).applied, std::vector<std::string>{"a"});
  }
}

TEST(Dissertation, S3_8_AnswersWaitForTheDisk) {
  Cluster cluster = led(3);
  cluster.node(n(2)).sync_at_once = false;
  cluster.node(n(3)).sync_at_once = false;
  cluster.propose(n(1), "a");
  cluster.settle();
  EXPECT_EQ(cluster.status(n(1)).commit, Index(1));
  cluster.sync(n(3));
  cluster.settle();
  EXPECT_EQ(cluster.status(n(1)).commit, Index(2));
}

// ---- §3.10 transfer -----------------------------------------------------------------------------

TEST(Dissertation, S3_10_TimeoutNowStartsAnElectionAtOnce) {
  Cluster cluster = led(3);
  cluster.step(n(1), TransferLeadership{n(3)});
  cluster.settle();
  EXPECT_EQ(cluster.leader(), n(3));
}

TEST(Dissertation, S3_10_ProposalsStopDuringATransfer) {
  Cluster cluster = led(3);
  cluster.isolate(n(3));
  cluster.step(n(1), TransferLeadership{n(3)});
  (void)cluster.take_events(n(1));
  cluster.propose(n(1), "a");
  EXPECT_EQ(of_kind<ProposalDropped>(cluster.take_events(n(1))).size(), 1U);
}

TEST(Dissertation, S3_10_ATransferThatFailsIsGivenUp) {
  Cluster cluster = led(3);
  cluster.isolate(n(3));
  cluster.step(n(1), TransferLeadership{n(3)});
  cluster.advance(1100ms);
  const auto ended = of_kind<TransferEnded>(cluster.take_events(n(1)));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_FALSE(ended[0].done);
  cluster.propose(n(1), "a");
  cluster.settle();
  EXPECT_EQ(cluster.node(n(2)).applied, std::vector<std::string>{"a"});
}

// ---- §4 membership ------------------------------------------------------------------------------

TEST(Dissertation, S4_1_AConfigurationIsInForceOnceItIsInTheLog) {
  Cluster cluster = led(3);
  cluster.step(n(1), ChangeConfiguration{voters({1, 2}), false, Bytes()});
  EXPECT_EQ(cluster.status(n(1)).configuration, voters({1, 2}));
  EXPECT_LT(cluster.status(n(1)).commit, cluster.status(n(1)).configuration_index);
}

TEST(Dissertation, S4_1_OneChangeAtATime) {
  Cluster cluster = led(3);
  cluster.step(n(1), ChangeConfiguration{voters({1, 2}), false, Bytes()});
  (void)cluster.take_events(n(1));
  cluster.step(n(1), ChangeConfiguration{voters({1}), false, Bytes()});
  const auto refused = of_kind<ChangeRefused>(cluster.take_events(n(1)));
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].reason, ChangeRefused::Reason::kChangeUnderWay);
}

TEST(Dissertation, S4_1_NoChangeBeforeAnEntryOfItsOwnTermIsCommitted) {
  Cluster cluster = make_cluster(3, plain());
  cluster.step(n(1), Campaign{});
  cluster.step(n(1), Receive{{n(2), n(1), Term(1), VoteResponse{false, true}}});
  cluster.step(n(1), ChangeConfiguration{voters({1, 2}), false, Bytes()});
  const auto refused = of_kind<ChangeRefused>(cluster.take_events(n(1)));
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].reason, ChangeRefused::Reason::kTermNotCommitted);
}

TEST(Dissertation, S4_1_ATruncatedChangeIsNoLongerInForce) {
  Cluster cluster = led(3, plain());
  cluster.isolate(n(1));
  cluster.step(n(1), ChangeConfiguration{voters({1, 2}), false, Bytes()});
  cluster.drop([](const Message&) { return true; });
  cluster.elect(n(2));
  cluster.heal();
  cluster.advance(200ms);
  EXPECT_EQ(cluster.status(n(1)).configuration, voters({1, 2, 3}));
}

TEST(Dissertation, S4_1_TheConfigurationIsTheSameAfterARestart) {
  Cluster cluster = led(3);
  cluster.isolate(n(1));
  cluster.step(n(1), ChangeConfiguration{voters({1, 2}), false, Bytes()});
  cluster.crash(n(1));
  cluster.start(n(1));
  EXPECT_EQ(cluster.status(n(1)).configuration, voters({1, 2}));
}

TEST(Dissertation, S4_2_1_ALearnerIsNotCounted) {
  Cluster cluster = make_cluster(3);
  Configuration with_learner = voters({1, 2, 3});
  with_learner.learners = {n(4)};
  cluster.add(n(4), {});
  cluster.elect(n(1));
  cluster.advance(100ms);
  cluster.step(n(1), ChangeConfiguration{with_learner, false, Bytes()});
  cluster.advance(300ms);
  EXPECT_EQ(cluster.status(n(4)).role, RoleName::kLearner);
  cluster.isolate(n(2));
  cluster.isolate(n(3));
  const Index commit = cluster.status(n(1)).commit;
  cluster.propose(n(1), "a");
  cluster.settle();
  EXPECT_EQ(cluster.status(n(4)).last_index, cluster.status(n(1)).last_index);
  EXPECT_EQ(cluster.status(n(1)).commit, commit);
}

TEST(Dissertation, S4_2_2_ALeaderOutsideTheNewConfigurationStepsDownWhenItIsCommitted) {
  Cluster cluster = led(3);
  cluster.step(n(1), ChangeConfiguration{voters({2, 3}), false, Bytes()});
  EXPECT_EQ(cluster.status(n(1)).role, RoleName::kLeader);
  cluster.settle();
  EXPECT_EQ(cluster.status(n(1)).role, RoleName::kLearner);
  cluster.advance(3s);
  ASSERT_TRUE(cluster.leader().has_value());
  EXPECT_NE(*cluster.leader(), n(1));
}

TEST(Dissertation, S4_2_2_ItDoesntCountItselfMeanwhile) {
  Cluster cluster = led(3);
  cluster.isolate(n(3));
  cluster.step(n(1), ChangeConfiguration{voters({2, 3}), false, Bytes()});
  cluster.settle();
  EXPECT_LT(cluster.status(n(1)).commit, cluster.status(n(1)).configuration_index);
}

TEST(Dissertation, S4_2_2_AServerWhoseRemovalIsntCommittedStillCampaigns) {
  Cluster cluster = led(2, plain());
  cluster.isolate(n(1));
  cluster.step(n(1), ChangeConfiguration{voters({2}), false, Bytes()});
  cluster.crash(n(1));
  cluster.start(n(1));
  cluster.heal();
  cluster.advance(10s);
  EXPECT_EQ(cluster.leader(), n(2));
  EXPECT_EQ(cluster.status(n(2)).configuration, voters({2}));
}

TEST(Dissertation, S4_2_3_WhoHearsALeaderIgnoresVoteRequests) {
  Cluster cluster = led(3);
  EXPECT_TRUE(answers(cluster, n(2), vote_request(3, 9, 9, 9)).empty());
  cluster.pass(1s);
  EXPECT_TRUE(grants(cluster, n(2), vote_request(3, 9, 9, 9)));
}

TEST(Dissertation, S4_2_3_ButNotThoseOfATransfer) {
  Cluster cluster = led(3);
  Message request = vote_request(3, 9, 9, 9);
  std::get<VoteRequest>(request.body).transfer = true;
  EXPECT_TRUE(grants(cluster, n(2), request));
}

TEST(Dissertation, S4_3_AJointConfigurationNeedsBothMajorities) {
  Configuration joint = voters({3, 4, 5});
  joint.voters_outgoing = {n(1), n(2), n(3)};
  std::map<NodeId, bool, IdOrder> votes = {{n(3), true}, {n(4), true}};
  EXPECT_EQ(vote_result(joint, votes), VoteResult::kPending);
  votes[n(1)] = true;
  EXPECT_EQ(vote_result(joint, votes), VoteResult::kWon);
  EXPECT_EQ(vote_result(joint, {{n(1), false}, {n(2), false}}), VoteResult::kLost);
}

TEST(Dissertation, S4_3_AnyTwoConfigurationsByWayOfAJointOne) {
  Cluster cluster = led(3);
  for (const Number id : {4, 5}) cluster.add(n(id), {});
  cluster.step(n(1), ChangeConfiguration{voters({1, 4, 5}), false, Bytes()});
  EXPECT_TRUE(cluster.status(n(1)).configuration.joint());
  cluster.advance(500ms);
  EXPECT_EQ(cluster.status(n(1)).configuration, voters({1, 4, 5}));
  EXPECT_EQ(cluster.status(n(1)).commit, cluster.status(n(1)).last_index);
}

TEST(Dissertation, S4_3_ADemotedVoterVotesUntilTheJointConfigurationIsLeft) {
  Cluster cluster = led(3);
  Configuration target = voters({1, 2});
  target.learners = {n(3)};
  cluster.step(n(1), ChangeConfiguration{target, true, Bytes()});
  EXPECT_TRUE(cluster.status(n(1)).configuration.learners_next.contains(n(3)));
  cluster.advance(500ms);
  EXPECT_EQ(cluster.status(n(1)).configuration, target);
  EXPECT_EQ(cluster.status(n(3)).role, RoleName::kLearner);
}

// ---- §5 compaction ------------------------------------------------------------------------------

TEST(Dissertation, S5_ASnapshotReplacesThePrefixOfTheLog) {
  Config config;
  config.catch_up_entries = 0;
  Cluster cluster = led(3, config);
  cluster.propose(n(1), "a");
  cluster.settle();
  cluster.compact(n(1));
  EXPECT_EQ(cluster.status(n(1)).first_index, Index(3));
  EXPECT_EQ(cluster.core(n(1)).term_at(Index(2)), Term(1));
  EXPECT_EQ(cluster.core(n(1)).term_at(Index(1)), std::nullopt);
}

TEST(Dissertation, S5_AnOldSnapshotChangesNothing) {
  Cluster cluster = led(3);
  cluster.propose(n(1), "a");
  cluster.settle();
  const SnapshotMeta old{Index(1), Term(1), 0, voters({1, 2, 3})};
  cluster.step(n(2), Receive{{n(1), n(2), Term(1), InstallSnapshot{old}}});
  EXPECT_EQ(cluster.status(n(2)).last_index, Index(2));
  EXPECT_EQ(cluster.status(n(2)).first_index, Index(1));
}

}  // namespace
}  // namespace detcd::raft::testing
