#include <gtest/gtest.h>

#include <cstdlib>

#include "base/hash.h"
#include "tests/member/cluster.h"

namespace detcd::member {
namespace {

using apply::ApiError;
using membership::Change;
using Kind = membership::Change::Kind;

Change adding(std::uint32_t node, bool learner) {
  return {Kind::kAdd, {.peer_urls = {Cluster::peer_url(node)}, .is_learner = learner}};
}

const server::MemberListResponse* list_of(const std::optional<server::Outcome>& outcome) {
  return outcome ? std::get_if<server::MemberListResponse>(&*outcome) : nullptr;
}
std::optional<ApiError> error_of(const std::optional<server::Outcome>& outcome) {
  if (!outcome) return std::nullopt;
  const auto* error = std::get_if<ApiError>(&*outcome);
  return error != nullptr ? std::optional(*error) : std::nullopt;
}

std::uint64_t applied(const Cluster& cluster, std::uint32_t node) {
  const server::Node* const member = cluster.node(node);
  return member == nullptr ? 0 : member->applier().applied().index;
}

// All of them have applied the same, and have equal state.
bool agree(const Cluster& cluster, const std::vector<std::uint32_t>& nodes) {
  for (const std::uint32_t node : nodes) {
    const server::Node* const member = cluster.node(node);
    const server::Node* const first = cluster.node(nodes.front());
    if (member == nullptr || first == nullptr) return false;
    if (applied(cluster, node) != applied(cluster, nodes.front())) return false;
    if (member->applier().state_hash() != first->applier().state_hash()) return false;
  }
  return true;
}

TEST(Joining, ALearnerCatchesUpBySnapshotAndIsPromoted) {
  Cluster cluster(1, 1);
  ASSERT_TRUE(cluster.eventually([&] { return cluster.leader() == 1; }));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(cluster.put(1, "k" + std::to_string(i % 9)));
  ASSERT_GT(cluster.node(1)->core().status().first_index, raft::Index(1)) << "the log was trimmed";
  const std::uint32_t two = cluster.make_seat();
  const std::optional<server::Outcome> added = cluster.change(1, adding(two, true));
  ASSERT_NE(list_of(added), nullptr);
  ASSERT_TRUE(list_of(added)->added);
  const std::uint64_t id = list_of(added)->added->id;
  EXPECT_EQ(error_of(cluster.ask(1, Change{Kind::kPromote, {.id = id}})),
            ApiError::kLearnerNotReady);
  EXPECT_TRUE(cluster.put(1, "alone")) << "a learner counts in no quorum";
  cluster.start(two);
  ASSERT_TRUE(cluster.eventually([&] { return agree(cluster, {1, two}); })) << cluster.failure();
  EXPECT_EQ(cluster.id_of(two), id);
  EXPECT_EQ(error_of(cluster.ask(two, apply::PutRequest{.key = "k"})),
            ApiError::kNotSupportedForLearner);
  ASSERT_NE(list_of(cluster.change(1, {Kind::kPromote, {.id = id}})), nullptr);
  EXPECT_TRUE(cluster.node(1)->core().status().configuration.voters.contains(raft::NodeId(id)));
  EXPECT_TRUE(cluster.put(two, "by-two"));
  EXPECT_EQ(error_of(cluster.change(two, {Kind::kPromote, {.id = id}})),
            ApiError::kMemberNotLearner);
  cluster.kill(two);
  cluster.pass(5s);
  EXPECT_FALSE(cluster.put(1, "half")) << "one of two decides nothing";
  cluster.start(two);
  ASSERT_TRUE(cluster.eventually([&] { return agree(cluster, {1, two}); }));
  EXPECT_EQ(cluster.failure(), "");
}

TEST(Joining, APromotionMayBeAskedOfAFollower) {
  Cluster cluster(5, 2);
  ASSERT_TRUE(cluster.eventually([&] { return cluster.leader() != 0; }));
  cluster.pass(6s);
  const std::uint32_t follower = 3 - cluster.leader();
  const std::uint32_t three = cluster.make_seat();
  const std::optional<server::Outcome> added = cluster.change(follower, adding(three, true));
  ASSERT_NE(list_of(added), nullptr);
  ASSERT_TRUE(list_of(added)->added);
  const Change promotion{Kind::kPromote, {.id = list_of(added)->added->id}};
  EXPECT_EQ(error_of(cluster.ask(follower, promotion)), ApiError::kLearnerNotReady);
  cluster.start(three);
  ASSERT_TRUE(cluster.eventually([&] { return agree(cluster, {1, 2, three}); }));
  ASSERT_NE(list_of(cluster.change(follower, promotion)), nullptr);
  EXPECT_EQ(cluster.node(follower)->core().status().configuration.voters.size(), 3U);
  EXPECT_EQ(error_of(cluster.ask(follower, Change{Kind::kPromote, {.id = 12345}})),
            ApiError::kMemberNotFound);
  EXPECT_EQ(cluster.failure(), "");
}

TEST(Joining, AVoterThatNeverStartsCostsNoAvailability) {
  Cluster cluster(2, 1);
  ASSERT_TRUE(cluster.eventually([&] { return cluster.leader() == 1; }));
  ASSERT_TRUE(cluster.put(1, "before"));
  cluster.pass(1s);
  ASSERT_NE(list_of(cluster.change(1, adding(cluster.make_seat(), false))), nullptr);
  EXPECT_TRUE(cluster.put(1, "after")) << "it has no vote before it has caught up";
  cluster.kill(1);
  cluster.start(1);
  EXPECT_TRUE(cluster.eventually([&] { return cluster.leader() == 1; }));
  EXPECT_TRUE(cluster.put(1, "later"));
  EXPECT_EQ(error_of(cluster.ask(1, adding(3, false))), ApiError::kMemberNotEnoughStarted);
  cluster.start(2);
  ASSERT_TRUE(cluster.eventually([&] {
    return cluster.node(1)->core().status().configuration.voters.size() == 2;
  })) << "it votes by itself once it is there";
  EXPECT_TRUE(cluster.put(2, "there"));
  EXPECT_EQ(cluster.failure(), "");
}

TEST(Restarting, AnEmptiedDirectoryIsNoNewMembersThoughNobodyLivesWhoHeardIt) {
  Cluster cluster(5, 3);
  ASSERT_TRUE(cluster.eventually([&] { return cluster.leader() != 0; }));
  ASSERT_TRUE(cluster.put(1, "before"));
  cluster.pass(2s);
  for (const std::uint32_t node : {1, 2, 3}) cluster.kill(node);
  cluster.wipe(2);
  cluster.start(2);
  cluster.start(3);
  // The third one's table tells it. Two of three are whole only with the first one.
  const auto recovering = [&] {
    const server::Node* const member = cluster.node(2);
    return member != nullptr && member->core().role() == raft::RoleName::kRecovering;
  };
  ASSERT_TRUE(cluster.eventually(recovering, 10s));
  cluster.pass(5s);
  EXPECT_TRUE(recovering());
  EXPECT_EQ(cluster.leader(), 0U);
  cluster.start(1);
  EXPECT_TRUE(cluster.eventually([&] { return !recovering() && agree(cluster, {1, 2, 3}); }));
  EXPECT_TRUE(cluster.put(2, "after"));
  EXPECT_EQ(cluster.failure(), "");
}

TEST(Restarting, NobodyDoubtsItselfThoughItIsPublished) {
  Cluster cluster(6, 3);
  ASSERT_TRUE(cluster.eventually([&] { return cluster.leader() != 0; }));
  ASSERT_TRUE(cluster.put(1, "before"));
  cluster.pass(2s);
  for (int round = 0; round < 3; ++round) {
    for (const std::uint32_t node : {1, 2, 3}) cluster.kill(node);
    for (const std::uint32_t node : {1, 2, 3}) cluster.start(node);
    ASSERT_TRUE(cluster.eventually([&] { return cluster.leader() != 0; }));
    EXPECT_TRUE(cluster.put(2, "again"));
  }
  EXPECT_EQ(cluster.failure(), "") << "an honest disk is never doubted";
}

TEST(Leaving, ALeaderThatIsRemovedHandsOverAndEnds) {
  Cluster cluster(3, 3);
  ASSERT_TRUE(cluster.eventually([&] { return cluster.leader() != 0; }));
  cluster.pass(6s);
  const std::uint32_t old = cluster.leader();
  const std::uint32_t other = old == 1 ? 2 : 1;
  ASSERT_TRUE(cluster.put(other, "before"));
  const sim::VirtualTime began = cluster.kernel().now();
  const Change removal{Kind::kRemove, {.id = cluster.id_of(old)}};
  EXPECT_FALSE(cluster.ask(old, removal, 1ms)) << "it isn't done yet";
  const auto handed_over = [&] { return cluster.leader() != old && cluster.leader() != 0; };
  EXPECT_TRUE(cluster.eventually(handed_over));
  EXPECT_TRUE(cluster.put(cluster.leader(), "after"));
  EXPECT_LT(cluster.kernel().now() - began, 300ms) << "no election timeout is waited for";
  EXPECT_TRUE(cluster.eventually([&] { return cluster.was_removed(old); }, 5s));
  EXPECT_EQ(cluster.node(other)->core().status().configuration.voters.size(), 2U);
  cluster.start(old);
  EXPECT_TRUE(cluster.eventually([&] { return cluster.node(old) != nullptr; }));
  EXPECT_TRUE(cluster.eventually([&] { return cluster.node(old) == nullptr; }, 20s))
      << "its old directory says so, or the others do";
  EXPECT_EQ(cluster.failure(), "");
}

TEST(Leaving, AMemberRemovedWhileItWasCutOffDisturbsNobodyAndEnds) {
  Cluster cluster(4, 3);
  ASSERT_TRUE(cluster.eventually([&] { return cluster.leader() != 0; }));
  cluster.pass(6s);
  const std::uint32_t leader = cluster.leader();
  const std::uint32_t gone = leader == 3 ? 2 : 3;
  const std::uint32_t other = 6 - leader - gone;
  const std::vector<sim::NodeNumber> rest{sim::NodeNumber(leader), sim::NodeNumber(other)};
  cluster.network().partition(std::vector{sim::NodeNumber(gone)}, rest);
  cluster.pass(10s);
  ASSERT_NE(list_of(cluster.change(leader, {Kind::kRemove, {.id = cluster.id_of(gone)}})), nullptr);
  const raft::Term term = cluster.node(leader)->core().term();
  cluster.pass(10s);
  EXPECT_FALSE(cluster.was_removed(gone)) << "it can't know";
  cluster.network().heal_all();
  EXPECT_TRUE(cluster.eventually([&] { return cluster.was_removed(gone); }, 20s));
  EXPECT_EQ(cluster.node(leader)->core().term(), term);
  EXPECT_EQ(cluster.leader(), leader);
  EXPECT_TRUE(cluster.put(other, "on"));
  EXPECT_EQ(cluster.failure(), "");
}

// What happens in one run: members are added, promoted, removed and killed as the seed says.
class Story {
 public:
  explicit Story(std::uint64_t seed) : cluster_(seed, 3), seed_(seed) {}

  void run() {
    ASSERT_TRUE(cluster_.eventually([&] { return cluster_.leader() != 0; }));
    for (int step = 0; step < 25 && !testing::Test::HasFailure(); ++step) {
      take_step();
      cluster_.pass(Duration(1ms) * static_cast<int>(draw(4000)));
      ASSERT_EQ(cluster_.failure(), "");
    }
    settle();
  }

 private:
  std::uint64_t draw(std::uint64_t bound) { return keyed_draw(seed_, 1, 2, ++drawn_) % bound; }

  // Somebody who serves, any of them.
  std::uint32_t somebody() {
    for (std::uint64_t i = 0; i < 20; ++i) {
      const auto node = static_cast<std::uint32_t>(1 + draw(cluster_.size()));
      if (cluster_.node(node) != nullptr) return node;
    }
    return 1;
  }

  void take_step() {
    const std::uint32_t node = somebody();
    switch (draw(6)) {
      case 0: {
        if (cluster_.size() > 8) break;
        const std::uint32_t made = cluster_.make_seat();
        const bool learner = draw(2) == 0;
        if (list_of(cluster_.change(node, adding(made, learner))) != nullptr) cluster_.start(made);
        break;
      }
      case 1: {
        const server::Node* const member = cluster_.node(node);
        if (member == nullptr) break;
        for (const membership::Member& one : member->applier().members().list()) {
          if (one.is_learner) cluster_.change(node, {Kind::kPromote, {.id = one.id}});
          if (cluster_.node(node) != member) break;
        }
        break;
      }
      case 2: {
        const auto victim = static_cast<std::uint32_t>(1 + draw(cluster_.size()));
        const std::uint64_t id = cluster_.id_of(victim);
        if (id != 0) cluster_.change(node, {Kind::kRemove, {.id = id}});
        break;
      }
      case 3: {
        cluster_.kill(node);
        cluster_.pass(Duration(1ms) * static_cast<int>(draw(6000)));
        cluster_.start(node);
        break;
      }
      default:
        for (int i = 0; i < 20; ++i) {
          const bool done = cluster_.put(somebody(), "k" + std::to_string(draw(9)));
          if (!done) break;
        }
        break;
    }
  }

  // Everybody who is a member by the table serves, with equal state and the table's roles; nobody
  // else lives.
  void settle() {
    const auto settled = [&] {
      const std::uint32_t leader = cluster_.leader();
      if (leader == 0) return false;
      const server::Node& first = *cluster_.node(leader);
      std::vector<std::uint32_t> living{leader};
      raft::Configuration wanted;
      for (const membership::Member& one : first.applier().members().list()) {
        (one.is_learner ? wanted.learners : wanted.voters).insert(raft::NodeId(one.id));
      }
      for (std::uint32_t node = 1; node <= cluster_.size(); ++node) {
        const bool member = wanted.contains(raft::NodeId(cluster_.id_of(node)));
        if (member != (cluster_.node(node) != nullptr)) return false;
        if (member) living.push_back(node);
      }
      for (const std::uint32_t node : living) {
        if (cluster_.node(node)->core().status().configuration != wanted) return false;
      }
      return agree(cluster_, living);
    };
    // Added, though the answer didn't come.
    for (std::uint32_t node = 1; node <= cluster_.size(); ++node) {
      if (cluster_.id_of(node) == 0 && cluster_.is_listed(node)) cluster_.start(node);
    }
    EXPECT_TRUE(cluster_.eventually(settled, 120s)) << describe();
    EXPECT_EQ(cluster_.failure(), "");
    EXPECT_TRUE(cluster_.put(cluster_.leader(), "last"));
  }

  std::string describe() {
    std::string text = "leader n" + std::to_string(cluster_.leader());
    for (std::uint32_t node = 1; node <= cluster_.size(); ++node) {
      text += "\nn" + std::to_string(node) + " " + std::to_string(cluster_.id_of(node));
      const server::Node* const member = cluster_.node(node);
      text += member == nullptr ? " down" : " applied " + std::to_string(applied(cluster_, node));
      if (member == nullptr) continue;
      const raft::Configuration in_force = member->core().status().configuration;
      for (const raft::NodeId id : in_force.voters) text += " v" + std::to_string(id.value());
      for (const raft::NodeId id : in_force.learners) text += " l" + std::to_string(id.value());
    }
    return text;
  }

  Cluster cluster_;
  std::uint64_t seed_;
  std::uint64_t drawn_ = 0;
};

TEST(Changes, AnySequenceOfThemWithDeathsEndsInOneConfiguration) {
  const auto number = [](const char* name, std::uint64_t preset) {
    const char* const text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : preset;
  };
  const std::uint64_t first = number("DETCD_SEED", 1);
  const std::uint64_t last = first + number("DETCD_SEEDS", 40) - 1;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    Story story(seed);
    story.run();
    ASSERT_FALSE(HasFailure()) << "reproduce: DETCD_SEEDS=1 DETCD_SEED=" << seed
                               << " test_member --gtest_filter=Changes.*";
  }
}

}  // namespace
}  // namespace detcd::member
