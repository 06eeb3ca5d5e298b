#include "raft/raft.h"

#include <gtest/gtest.h>

#include "cluster.h"

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

}  // namespace
}  // namespace detcd::raft::testing
