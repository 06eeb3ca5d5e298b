// The judge of all members is judged: what honest members show beside one that breaks a rule.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/oracles/cluster.h"
#include "sim/oracles/keyspace.h"

namespace detcd::sim {
namespace {

constexpr raft::NodeId kSelf{7};
constexpr raft::NodeId kOther{8};

// A log behind a snapshot that ends at index 10.
struct Shape {
  std::uint64_t last = 15;
  std::uint64_t term = 2;     // Of the entries, and of the member unless it leads.
  std::uint64_t commit = 10;  // The highest known to be committed.
  std::uint64_t in = 0;       // The member's term, when it is another one.
};

raft::Restored restored(const Shape& shape) {
  raft::Configuration voters;
  voters.voters = {kSelf, kOther};
  raft::Restored restored;
  restored.snapshot = raft::SnapshotMeta{raft::Index(10), raft::Term(1), 0, voters};
  restored.applied = raft::Index(10);
  const std::uint64_t term = shape.in == 0 ? shape.term : shape.in;
  restored.hard_state = {raft::Term(term), std::nullopt, raft::Index(shape.commit)};
  for (std::uint64_t index = 11; index <= shape.last; ++index) {
    raft::Entry entry;
    entry.term = raft::Term(shape.term);
    entry.index = raft::Index(index);
    restored.entries.push_back(entry);
  }
  return restored;
}

raft::Raft member(const Shape& shape) {
  raft::Config config;
  config.self = kSelf;
  config.pre_vote = false;
  return {config, restored(shape), TimePoint{}};
}

void step(raft::Raft& core, decltype(raft::Input::what) what) {
  const raft::Output output = core.step({TimePoint{}, std::move(what)});
  if (output.save) static_cast<void>(core.step({TimePoint{}, raft::Persisted{output.save->id}}));
}

// The same, elected in the term that follows; its own entry stands at the end of the log.
raft::Raft leader(const Shape& shape) {
  raft::Raft core = member(shape);
  step(core, raft::Campaign{});
  step(core, raft::Receive{{kOther, kSelf, core.term(), raft::VoteResponse{false, true}}});
  EXPECT_EQ(core.role(), raft::RoleName::kLeader);
  return core;
}

raft::Message acknowledgement(const raft::Raft& core, std::uint64_t match) {
  raft::AppendResponse response;
  response.accepted = true;
  response.counts = true;
  response.match = raft::Index(match);
  return {kOther, kSelf, core.term(), response};
}

void acknowledge(raft::Raft& core, std::uint64_t match) {
  step(core, raft::Receive{acknowledgement(core, match)});
}

class MembersJudge : public testing::Test {
 protected:
  MembersJudge() {
    oracle_.know_member(kSelf.value(), 1);
    oracle_.know_member(kOther.value(), 2);
    begin_life(1);
    begin_life(2);
  }
  void begin_life(std::uint32_t node) {
    lives_[node - 1].reset();
    lives_[node - 1] = oracle_.observer(node, ClusterOracle::DiskHistory::kHonest);
  }
  void begin_life(std::uint32_t node, const raft::Raft& restored) {
    begin_life(node);
    life(node).on_recovered(wal::Recovered::Health::kWhole, restored);
    life(node).on_step(restored);
  }
  // The leader sent so much, and the other member said so in the leader's term.
  void exchange(const raft::Raft& core, std::uint64_t match) {
    raft::AppendRequest append;
    append.previous_index = raft::Index(match);
    life(1).on_send({kSelf, kOther, core.term(), append});
    life(2).on_send(acknowledgement(core, match));
  }
  // What it knew to be committed before it led isn't what it commits as a leader.
  void follow(std::uint32_t node, const Shape& shape) {
    followers_.push_back(std::make_unique<raft::Raft>(member(shape)));
    life(node).on_step(*followers_.back());
  }
  [[nodiscard]] server::Observer& life(std::uint32_t node) { return *lives_[node - 1]; }
  [[nodiscard]] std::string said() const {
    return oracle_.violation() ? oracle_.violation()->oracle : "";
  }

  History history_;
  ClusterOracle oracle_{history_};
  std::vector<std::unique_ptr<raft::Raft>> followers_;
  std::unique_ptr<server::Observer> lives_[2];
};

TEST_F(MembersJudge, FindsALeaderThatCommitsAnOlderTermByCounting) {
  const raft::Raft before = leader({.commit = 11});
  raft::Raft after = leader({.commit = 13});
  acknowledge(after, 13);
  follow(1, {.commit = 11});
  follow(2, {.in = 3});
  life(1).on_step(before);
  exchange(before, 13);
  EXPECT_EQ(said(), "");
  life(1).on_step(after);
  EXPECT_EQ(said(), "commit rule");
}

TEST_F(MembersJudge, LetsALeaderCommitWhatItsOwnEntryCommits) {
  raft::Raft core = leader({.commit = 11});
  const raft::Raft follower = member({.last = 16, .term = 3});
  follow(1, {.commit = 11});
  life(1).on_step(core);
  acknowledge(core, 16);
  ASSERT_EQ(core.commit(), raft::Index(16));
  life(2).on_step(follower);
  exchange(core, 16);
  life(1).on_step(core);
  EXPECT_EQ(said(), "");
}

TEST_F(MembersJudge, FindsALeaderThatCountsOnWhatWasSaidInAnotherTerm) {
  raft::Raft core = leader({.commit = 11});
  const raft::Raft follower = member({.last = 16, .term = 3});
  follow(1, {.commit = 11});
  life(1).on_step(core);
  acknowledge(core, 16);
  life(2).on_step(follower);
  life(2).on_send({kOther, kSelf, raft::Term(2), acknowledgement(core, 16).body});
  life(1).on_step(core);
  EXPECT_EQ(said(), "log matching");
}

TEST_F(MembersJudge, FindsAMemberThatLosesWhatItsLeaderCountsOn) {
  raft::Raft core = leader({.commit = 11});
  const raft::Raft follower = member({.last = 14, .in = 3});
  life(2).on_step(follower);
  follow(1, {.commit = 11});
  life(1).on_step(core);
  // It said so, and then lost it.
  const raft::Raft whole = member({.last = 16, .term = 3});
  life(2).on_step(whole);
  exchange(core, 16);
  EXPECT_EQ(said(), "");
  acknowledge(core, 16);
  life(2).on_step(follower);
  EXPECT_EQ(said(), "log kept");
}

TEST_F(MembersJudge, FindsALeaderWhoseMemberHasAnotherEntryThere) {
  raft::Raft core = leader({.commit = 11});
  const raft::Raft follower = member({.last = 16, .in = 3});
  life(2).on_step(follower);
  follow(1, {.commit = 11});
  exchange(core, 16);
  life(1).on_step(core);
  EXPECT_EQ(said(), "");
  acknowledge(core, 16);
  life(1).on_step(core);
  EXPECT_EQ(said(), "log matching");
}

TEST_F(MembersJudge, FindsTwoLeadersOfATerm) {
  const raft::RoleChanged won{raft::RoleName::kCandidate, raft::RoleName::kLeader, raft::Term(3)};
  life(1).on_raft_event(won);
  EXPECT_EQ(said(), "");
  life(2).on_raft_event(won);
  EXPECT_EQ(said(), "election safety");
}

TEST_F(MembersJudge, FindsAMemberThatFollowsOneWhoWasNotElected) {
  life(1).on_raft_event(
      raft::RoleChanged{raft::RoleName::kCandidate, raft::RoleName::kLeader, raft::Term(3)});
  life(2).on_raft_event(raft::LeaderChanged{kSelf, raft::Term(3)});
  EXPECT_EQ(said(), "");
  life(1).on_raft_event(raft::LeaderChanged{kOther, raft::Term(4)});
  EXPECT_EQ(said(), "election safety");
}

TEST_F(MembersJudge, FindsALeaderThatLacksWhatWasCommitted) {
  const raft::Raft committed = member({.last = 15, .commit = 15});
  const raft::Raft elected = leader({.last = 14});
  life(1).on_step(committed);
  follow(2, {.last = 14});
  EXPECT_EQ(said(), "");
  life(2).on_step(elected);
  // What stands there instead is an entry of its own term.
  EXPECT_EQ(said(), "leader completeness");
}

TEST_F(MembersJudge, FindsALeaderWhoseLogEndsBeforeWhatWasCommitted) {
  const raft::Raft committed = member({.last = 15, .commit = 15});
  const raft::Raft elected = leader({.last = 12});
  life(1).on_step(committed);
  follow(2, {.last = 12});
  life(2).on_step(elected);
  EXPECT_EQ(said(), "leader completeness");
}

TEST_F(MembersJudge, FindsTwoEntriesThatWereCommittedAtOneIndex) {
  for (const std::uint64_t later : {1U, 3U}) {
    ClusterOracle oracle(history_);
    const raft::Raft one = member({.commit = 13});
    const raft::Raft other = member({.term = later, .commit = 13, .in = 3});
    const auto first = oracle.observer(1, ClusterOracle::DiskHistory::kHonest);
    const auto second = oracle.observer(2, ClusterOracle::DiskHistory::kHonest);
    first->on_step(one);
    EXPECT_FALSE(oracle.violation());
    second->on_step(other);
    ASSERT_TRUE(oracle.violation());
    EXPECT_EQ(oracle.violation()->oracle, "state machine safety");
  }
}

TEST_F(MembersJudge, FindsDifferentEntriesAndDifferentStateAtOneIndex) {
  const apply::RequestId request{1, 1};
  life(1).on_applied({5, 2, 0}, request, 111);
  life(2).on_applied({5, 2, 0}, request, 111);
  EXPECT_EQ(said(), "");
  life(1).on_applied({6, 2, 0}, request, 111);
  life(2).on_applied({6, 2, 0}, request, 112);
  EXPECT_EQ(said(), "state hash");
  for (const apply::Position& position : {apply::Position{7, 3, 0}, apply::Position{7, 2, 0}}) {
    History history;
    ClusterOracle oracle(history);
    const auto first = oracle.observer(1, ClusterOracle::DiskHistory::kHonest);
    const auto second = oracle.observer(2, ClusterOracle::DiskHistory::kHonest);
    first->on_applied({7, 2, 0}, request, 1);
    second->on_applied(position, apply::RequestId{1, position.term == 2 ? 2U : 1U}, 1);
    ASSERT_TRUE(oracle.violation());
    EXPECT_EQ(oracle.violation()->oracle, "state machine safety");
  }
}

TEST_F(MembersJudge, FindsASnapshotThatIsNotTheStateAtItsIndex) {
  life(1).on_applied({5, 2, 0}, std::nullopt, 111);
  life(2).on_installed({5, 2, 0}, 112);
  EXPECT_EQ(said(), "state hash");
}

TEST_F(MembersJudge, FindsWhatGoesBackWithinALife) {
  const raft::Raft ahead = member({.commit = 13, .in = 3});
  const raft::Raft commit_back = member({.commit = 12, .in = 3});
  life(1).on_step(ahead);
  life(1).on_step(commit_back);
  EXPECT_EQ(said(), "monotone commit");

  ClusterOracle terms(history_);
  const raft::Raft term_back = member({.commit = 13});
  const auto life_of_terms = terms.observer(1, ClusterOracle::DiskHistory::kHonest);
  life_of_terms->on_step(ahead);
  life_of_terms->on_step(term_back);
  ASSERT_TRUE(terms.violation());
  EXPECT_EQ(terms.violation()->oracle, "monotone term");

  ClusterOracle order(history_);
  const auto life_of_order = order.observer(1, ClusterOracle::DiskHistory::kHonest);
  life_of_order->on_applied({5, 2, 0}, std::nullopt, 1);
  life_of_order->on_applied({5, 2, 0}, std::nullopt, 1);
  ASSERT_TRUE(order.violation());
  EXPECT_EQ(order.violation()->oracle, "applied order");
}

TEST_F(MembersJudge, FindsASyncedLogThatIsShorterAfterARestart) {
  const raft::Raft before = member({});
  const raft::Raft after = member({.last = 14});
  life(1).on_step(before);
  begin_life(1, after);
  EXPECT_EQ(said(), "durable log");
}

TEST_F(MembersJudge, FindsAVoteOfAMemberThatWasPutBackAndIsNotWhole) {
  const raft::Raft before = member({});
  const raft::Raft after = member({.last = 13});
  life(1).on_step(before);
  oracle_.put_back(1, raft::Index(15));
  begin_life(1, after);
  EXPECT_EQ(said(), "");
  life(1).on_raft_event(raft::VoteCast{kOther, raft::Term(3)});
  EXPECT_EQ(said(), "durable log");
}

// Recovering ends only when all that was committed before is there.
TEST_F(MembersJudge, FindsAMemberThatTakesItselfForWholeTooEarly) {
  for (const std::uint64_t last : {15ULL, 14ULL}) {
    History history;
    ClusterOracle oracle(history);
    const auto one = oracle.observer(1, ClusterOracle::DiskHistory::kRotten);
    const auto other = oracle.observer(2, ClusterOracle::DiskHistory::kHonest);
    const raft::Raft committed = member({.commit = 15});
    other->on_step(committed);
    raft::Restored damaged = restored({.last = 12});
    damaged.whole = false;
    raft::Config config;
    config.self = kSelf;
    // Among three: of two voters neither can recover.
    damaged.snapshot->configuration.voters.insert(raft::NodeId(9));
    const raft::Raft recovering(config, damaged, TimePoint{});
    ASSERT_EQ(recovering.role(), raft::RoleName::kRecovering);
    const raft::Raft whole = member({.last = last});
    one->on_step(recovering);
    one->on_step(whole);
    EXPECT_EQ(oracle.violation().has_value(), last == 14);
    if (oracle.violation()) EXPECT_EQ(oracle.violation()->oracle, "durable log");
  }
}

TEST_F(MembersJudge, FindsAForgottenVoteThatALeaderWasElectedWith) {
  const raft::Raft elected = leader({});
  const raft::Raft voter = member({});
  const raft::VoteCast for_leader{kSelf, raft::Term(3)};
  life(2).on_step(voter);
  follow(1, {});
  life(1).on_raft_event(for_leader);
  life(2).on_raft_event(for_leader);
  life(1).on_step(elected);
  EXPECT_EQ(said(), "");
  begin_life(2, voter);
  EXPECT_EQ(said(), "durable vote");
}

}  // namespace
}  // namespace detcd::sim
