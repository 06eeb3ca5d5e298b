#include "raft/raft.h"

#include <gtest/gtest.h>

#include "cluster.h"
#include "raft/codec.h"

namespace detcd::raft::testing {
namespace {

TEST(Raft, ThreeVotersElectALeaderByTime) {
  Cluster cluster = make_cluster(3);
  cluster.advance(3s);
  const std::optional<NodeId> leader = cluster.leader();
  ASSERT_TRUE(leader.has_value());
  for (auto& [id, node] : cluster.nodes()) {
    EXPECT_EQ(cluster.status(id).leader, leader);
    EXPECT_EQ(cluster.status(id).commit, Index(1));
  }
  EXPECT_TRUE(cluster.invariants().violations().empty());
}

TEST(Raft, AProposalReachesEveryStateMachine) {
  Cluster cluster = make_cluster(3);
  cluster.elect(n(1));
  cluster.propose(n(1), "a");
  cluster.propose(n(1), "b");
  cluster.settle();
  for (auto& [id, node] : cluster.nodes()) {
    EXPECT_EQ(node.applied, (std::vector<std::string>{"a", "b"}));
  }
}

TEST(Raft, AFollowersProposalGoesToTheLeader) {
  Cluster cluster = make_cluster(3);
  cluster.elect(n(1));
  cluster.propose(n(2), "a");
  cluster.settle();
  EXPECT_EQ(cluster.node(n(3)).applied, std::vector<std::string>{"a"});
}

TEST(Raft, ASingleVoterLeadsAndCommitsAlone) {
  Cluster cluster = make_cluster(1);
  cluster.advance(3s);
  cluster.propose(n(1), "a");
  EXPECT_EQ(cluster.status(n(1)).role, RoleName::kLeader);
  EXPECT_EQ(cluster.node(n(1)).applied, std::vector<std::string>{"a"});
}

// It was made a learner by the second of three changes, and its disk knows of the first alone that
// it is committed.
TEST(Raft, AMemberThatStartsLearnsOfItsDemotionWithTheChangeThatMadeIt) {
  const auto change = [](Number index, const NodeSet& learners) {
    ConfigurationEntry to;
    for (const Number id : {1, 2, 3}) to.configuration.voters.insert(n(id));
    for (const NodeId id : learners) to.configuration.voters.erase(id);
    to.configuration.learners = learners;
    Writer out;
    encode(out, to);
    Entry entry{.term = Term(1), .index = Index(index), .kind = EntryKind::kConfiguration};
    entry.data = Bytes::adopt(out.take());
    return entry;
  };
  Restored restored;
  restored.hard_state = {Term(1), std::nullopt, Index(1)};
  restored.entries = {change(1, {}), change(2, {n(3)}), change(3, {n(3), n(4)})};
  Config config;
  config.self = n(3);
  Raft core(config, restored, TimePoint(1s));
  EXPECT_EQ(core.role(), RoleName::kFollower);
  core.step({TimePoint(1s), Receive{{n(1), n(3), Term(1), Heartbeat{Index(2), 1}}}});
  EXPECT_EQ(core.commit(), Index(2));
  EXPECT_EQ(core.role(), RoleName::kLearner);
  core.verify();
}

// ---- Ways that are always open ------------------------------------------------------------------

TEST(RaftLeeway, AppendsMayHoldOneEntryEach) {
  Cluster cluster = make_cluster(3);
  cluster.elect(n(1));
  cluster.settle();
  cluster.isolate(n(3));
  for (const char* command : {"a", "b", "c"}) cluster.propose(n(1), command);
  cluster.settle();
  cluster.heal();
  std::size_t most = 0;
  std::size_t entries = 0;
  cluster.filter = [&](Message& message) {
    if (const auto* append = std::get_if<AppendRequest>(&message.body)) {
      most = std::max(most, append->entries.size());
      entries += append->entries.size();
    }
    return true;
  };
  cluster.leeway.single_entries = true;
  cluster.advance(500ms);
  EXPECT_EQ(most, 1U);
  EXPECT_GE(entries, 3U);
  EXPECT_EQ(cluster.node(n(3)).applied, (std::vector<std::string>{"a", "b", "c"}));
}

// One that holds nothing new for the follower would be sent again and again.
TEST(RaftLeeway, ASnapshotGoesOnlyToWhomItIsNews) {
  Cluster cluster = make_cluster(3);
  cluster.elect(n(1));
  cluster.propose(n(1), "a");
  cluster.settle();
  cluster.compact(n(1));
  static_cast<void>(cluster.take_events(n(1)));
  cluster.leeway.snapshot_first = true;
  cluster.propose(n(1), "b");
  cluster.advance(200ms);
  EXPECT_TRUE(of_kind<SnapshotNeeded>(cluster.take_events(n(1))).empty());
  EXPECT_EQ(cluster.node(n(3)).applied, (std::vector<std::string>{"a", "b"}));
}

TEST(RaftLeeway, ASnapshotMayGoThoughTheLogWouldDo) {
  Config config;
  config.catch_up_entries = 100;
  Cluster cluster = make_cluster(3, config);
  cluster.elect(n(1));
  cluster.settle();
  cluster.filter = [](Message& message) {
    return message.to != n(3) || !is<AppendRequest>(message);
  };
  for (const char* command : {"a", "b", "c"}) cluster.propose(n(1), command);
  cluster.settle();
  cluster.compact(n(1));
  ASSERT_EQ(cluster.status(n(1)).first_index, Index(1)) << "the log still has everything";
  cluster.filter = nullptr;
  static_cast<void>(cluster.take_events(n(1)));
  cluster.leeway.snapshot_first = true;
  cluster.advance(200ms, 10ms);
  const std::vector<SnapshotNeeded> needed = of_kind<SnapshotNeeded>(cluster.take_events(n(1)));
  ASSERT_FALSE(needed.empty());
  EXPECT_EQ(needed.front().to, n(3));
  cluster.send_snapshot(n(1), n(3));
  cluster.leeway = {};
  cluster.advance(500ms);
  EXPECT_EQ(cluster.status(n(3)).applied, cluster.status(n(1)).applied);
}

TEST(RaftLeeway, AnElectionTimeoutMayBeTheShortestOfItsRange) {
  Config config;
  config.self = n(1);
  Restored restored;
  ConfigurationEntry entry;
  entry.configuration = voters({1, 2, 3});
  Writer out;
  encode(out, entry);
  Entry first{.term = Term(1), .index = Index(1), .kind = EntryKind::kConfiguration};
  first.data = Bytes::adopt(out.take());
  restored.hard_state = {Term(1), std::nullopt, Index(1)};
  restored.entries = {first};
  const TimePoint heard{5s};
  const Message heartbeat{n(2), n(1), Term(1), Heartbeat{Index(1), 1}};
  Raft usual(config, restored, TimePoint(1s));
  usual.step({heard, Receive{heartbeat}});
  EXPECT_GT(usual.next_deadline(), heard + config.election_timeout);
  Raft shortest(config, restored, TimePoint(1s));
  shortest.step({heard, Receive{heartbeat}, {.shortest_timeout = true}});
  EXPECT_EQ(shortest.next_deadline(), heard + config.election_timeout);
}

// ---- Members that recover -----------------------------------------------------------------------

// The append that would have told the member is lost, and heartbeats mustn't tell it.
TEST(Raft, ARecoveringMemberIsToldOfTheFenceWithoutAFurtherProposal) {
  Cluster cluster = make_cluster(3);
  cluster.elect(n(1));
  cluster.propose(n(1), "a");
  cluster.settle();
  cluster.crash(n(3));
  cluster.damage(n(3), 1, cluster.status(n(1)).term);
  cluster.start(n(3));
  cluster.tick(n(3));
  cluster.deliver(
      [&](const Message& message) { return message.from != n(2) && message.to != n(2); });
  const Index fence = cluster.status(n(1)).last_index;
  ASSERT_EQ(cluster.status(n(3)).persisted, fence);
  cluster.filter = [&](Message& message) {
    const auto* append = std::get_if<AppendRequest>(&message.body);
    return message.to != n(3) || append == nullptr || append->commit < fence;
  };
  cluster.settle();
  cluster.filter = nullptr;
  ASSERT_EQ(cluster.status(n(1)).commit, fence);
  ASSERT_EQ(cluster.status(n(3)).role, RoleName::kRecovering);
  cluster.advance(500ms);
  EXPECT_EQ(cluster.status(n(3)).role, RoleName::kFollower);
  EXPECT_EQ(cluster.node(n(3)).applied, std::vector<std::string>{"a"});
  EXPECT_EQ(cluster.leader(), n(1));
}

// What it acknowledged meanwhile counts as soon as it counts itself, without a further proposal.
TEST(Raft, WhatARecoveringMemberAcknowledgedCountsOnceItHasRecovered) {
  Cluster cluster = make_cluster(5);
  cluster.elect(n(1));
  cluster.propose(n(1), "a");
  cluster.settle();
  cluster.crash(n(5));
  cluster.damage(n(5), 1, cluster.status(n(1)).term);
  cluster.start(n(5));
  // It gets the entries, and no news that they are committed.
  cluster.filter = [](Message& message) {
    auto* append = std::get_if<AppendRequest>(&message.body);
    if (append != nullptr && message.to == n(5)) append->commit = Index(1);
    return true;
  };
  cluster.tick(n(5));
  cluster.settle();
  const Index fence = cluster.status(n(1)).commit;
  cluster.isolate(n(3));
  cluster.isolate(n(4));
  cluster.propose(n(1), "b");
  cluster.settle();
  ASSERT_EQ(cluster.status(n(5)).role, RoleName::kRecovering);
  ASSERT_EQ(cluster.status(n(5)).persisted, fence.next());
  ASSERT_EQ(cluster.status(n(1)).commit, fence);
  cluster.filter = nullptr;
  cluster.advance(400ms);
  EXPECT_EQ(cluster.status(n(5)).role, RoleName::kFollower);
  EXPECT_EQ(cluster.status(n(1)).commit, fence.next());
}

// DESIGN §5: of a pause only one election timeout counts as elapsed.
TEST(Raft, TheLeaderStampsElapsedTimeWithoutPauses) {
  Cluster cluster = make_cluster(1);
  cluster.elect(n(1));
  const auto stamp = [&] {
    cluster.propose(n(1), "a");
    const Index last = cluster.status(n(1)).last_index;
    return cluster.core(n(1)).entries(last, last).front().time_ms;
  };
  EXPECT_EQ(stamp(), 0U);
  cluster.pass(300ms);
  EXPECT_EQ(stamp(), 300U);
  cluster.pass(3600s);
  EXPECT_EQ(stamp(), 1300U);
  cluster.crash(n(1));
  cluster.start(n(1));
  cluster.pass(2s);
  cluster.elect(n(1));
  EXPECT_EQ(stamp(), 1300U);
}

TEST(Raft, UncommittedBytesAreBounded) {
  Config config;
  config.uncommitted_bytes_max = 10;
  Cluster cluster = make_cluster(3, config);
  cluster.elect(n(1));
  cluster.propose(n(1), "123456789012");  // One always gets through.
  cluster.propose(n(1), "x");
  auto dropped = of_kind<ProposalDropped>(cluster.take_events(n(1)));
  ASSERT_EQ(dropped.size(), 1U);
  EXPECT_EQ(dropped[0].reason, ProposalDropped::Reason::kTooManyUncommitted);
  cluster.settle();
  cluster.propose(n(1), "x");
  EXPECT_TRUE(of_kind<ProposalDropped>(cluster.take_events(n(1))).empty());
}

// An entry is saved, replaced, and comes back equal: the first save's acknowledgement must not
// count for the third's, because a crash between them would lose it.
TEST(Raft, AnAcknowledgementDoesntCountForAnEntryThatWasReplacedMeanwhile) {
  Cluster cluster = make_cluster(3);
  cluster.node(n(2)).sync_at_once = false;
  const auto append = [&](Number from, Number leader_term, Number entry_term) {
    Entry entry;
    entry.index = Index(1);
    entry.term = Term(entry_term);
    AppendRequest request;
    request.entries = {entry};
    cluster.step(n(2), Receive{{n(from), n(2), Term(leader_term), request}});
  };
  append(1, 1, 1);
  append(3, 2, 2);
  append(1, 3, 1);
  EXPECT_EQ(cluster.status(n(2)).last_term, Term(1));
  EXPECT_EQ(cluster.node(n(2)).unsynced.size(), 3U);
  cluster.sync(n(2), 1);
  EXPECT_EQ(cluster.status(n(2)).persisted, Index());
  cluster.sync(n(2), 1);
  EXPECT_EQ(cluster.status(n(2)).persisted, Index());
  cluster.sync(n(2));
  EXPECT_EQ(cluster.status(n(2)).persisted, Index(1));
}

TEST(Raft, OnlyWhatIsSyncedIsAcknowledgedAndRemembered) {
  Cluster cluster = make_cluster(3);
  cluster.elect(n(1));
  cluster.node(n(3)).sync_at_once = false;
  cluster.propose(n(1), "a");
  cluster.settle();
  EXPECT_EQ(cluster.core(n(1)).acknowledged(n(2)), Index(2));
  EXPECT_EQ(cluster.core(n(1)).acknowledged(n(3)), Index(1));
}

}  // namespace
}  // namespace detcd::raft::testing
