#include "server/successor.h"

#include <gtest/gtest.h>

namespace detcd::server {
namespace {

constexpr std::uint64_t kLeader = 1;

struct Known {
  std::uint64_t node;
  std::uint64_t match;
  bool active;
};

// Voters 1 to 3, led by 1; 4 is a learner.
raft::Status led(std::initializer_list<Known> peers) {
  raft::Status status;
  status.leader = raft::NodeId(kLeader);
  for (const std::uint64_t node : {1, 2, 3}) {
    status.configuration.voters.insert(raft::NodeId(node));
  }
  status.configuration.learners.insert(raft::NodeId(4));
  for (const Known& known : peers) {
    status.peers.push_back({.node = raft::NodeId(known.node),
                            .match = raft::Index(known.match),
                            .recent_active = known.active});
  }
  return status;
}

TEST(Successor, IsTheVoterThatIsFurthest) {
  EXPECT_EQ(successor_in(led({{2, 7, true}, {3, 8, true}, {4, 9, true}})), raft::NodeId(3));
}

TEST(Successor, HasAnsweredOfLateIfAnybodyHas) {
  EXPECT_EQ(successor_in(led({{2, 7, true}, {3, 8, false}})), raft::NodeId(2));
}

TEST(Successor, IsFoundJustAfterTheQuorumCheckToo) {
  EXPECT_EQ(successor_in(led({{2, 7, false}, {3, 8, false}})), raft::NodeId(3));
}

TEST(Successor, IsOneOfThoseThatMayBe) {
  const raft::NodeSet among{raft::NodeId(2), raft::NodeId(4)};
  EXPECT_EQ(successor_in(led({{2, 7, true}, {3, 8, true}, {4, 9, true}}), &among), raft::NodeId(2));
}

TEST(Successor, IsNobodyWhereThereIsNoOtherVoter) {
  EXPECT_EQ(successor_in(led({{4, 9, true}})), std::nullopt);
}

}  // namespace
}  // namespace detcd::server
