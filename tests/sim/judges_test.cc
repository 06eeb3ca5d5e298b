// The judges of members are judged: a replica that keeps its promises beside one that breaks one.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/oracles/cluster.h"
#include "sim/oracles/keyspace.h"
#include "sim/oracles/replication.h"

namespace detcd::sim {
namespace {

constexpr raft::NodeId kFollower{7};
constexpr raft::NodeId kLeader{8};

raft::Configuration two_voters() {
  raft::Configuration configuration;
  configuration.voters = {kFollower, kLeader};
  return configuration;
}

// A follower of term 2 whose log holds the indexes 11 to `last`, of term 2, behind a snapshot.
raft::Raft replica(std::uint64_t last, std::uint64_t term = 2, bool whole = true) {
  raft::Config config;
  config.self = kFollower;
  raft::Restored restored;
  restored.snapshot = raft::SnapshotMeta{raft::Index(10), raft::Term(1), 0, two_voters()};
  restored.applied = raft::Index(10);
  restored.hard_state = {raft::Term(term), std::nullopt, raft::Index(10)};
  restored.whole = whole;
  for (std::uint64_t index = 11; index <= last; ++index) {
    raft::Entry entry;
    entry.term = raft::Term(std::min<std::uint64_t>(term, 2));
    entry.index = raft::Index(index);
    restored.entries.push_back(entry);
  }
  return {config, restored, TimePoint{}};
}

raft::Message acknowledgement(std::uint64_t match) {
  raft::AppendResponse response;
  response.accepted = true;
  response.match = raft::Index(match);
  return {kFollower, kLeader, raft::Term(2), response};
}

// An append of the leader that ends at `last`.
raft::Message append_up_to(std::uint64_t last) {
  raft::AppendRequest append;
  append.previous_index = raft::Index(last);
  return {kLeader, kFollower, raft::Term(2), append};
}

class ReplicationJudge : public testing::Test {
 protected:
  ReplicationJudge() {
    history_.members[kFollower.value()] = 1;
    history_.members[kLeader.value()] = 2;
  }
  // The follower, with 15 entries, says `promise`; its next life begins as `after`.
  void restart_after(const raft::Message& promise, const raft::Raft& after) {
    const raft::Raft before = replica(15);
    oracle_.stepped(1, before);
    oracle_.stepped(2, leader_);
    oracle_.sent(2, append_up_to(15));
    oracle_.sent(1, promise);
    oracle_.ended(1);
    oracle_.restarted(1, after);
  }

  const raft::Raft leader_ = replica(15);
  History history_;
  std::string said_;
  ReplicationOracle oracle_{history_, [this](std::string oracle, const std::string&) {
                              if (said_.empty()) said_ = std::move(oracle);
                            }};
};

// What the judges say when a member takes itself for forgetful.
std::string said_of_doubt(ClusterOracle::DiskHistory disk) {
  History history;
  ClusterOracle oracle(history);
  const std::unique_ptr<server::Observer> observer = oracle.observer(1, disk);
  observer->on_raft_event(
      raft::RoleChanged{raft::RoleName::kFollower, raft::RoleName::kRecovering, raft::Term(2)});
  return oracle.violation() ? oracle.violation()->oracle : "";
}

TEST(ClusterJudge, FindsADoubtWithAnHonestDisk) {
  EXPECT_EQ(said_of_doubt(ClusterOracle::DiskHistory::kHonest), "honest disk");
  EXPECT_EQ(said_of_doubt(ClusterOracle::DiskHistory::kRotten), "");
}

// What is said of a member with 15 synced entries that comes back with `restored`, whose first step
// then makes `stepped` of it.
std::string said_of_restart(const raft::Raft& restored, const raft::Raft& stepped) {
  History history;
  ClusterOracle oracle(history);
  const raft::Raft before = replica(15);
  oracle.observer(1, ClusterOracle::DiskHistory::kHonest)->on_step(before);
  const std::unique_ptr<server::Observer> life =
      oracle.observer(1, ClusterOracle::DiskHistory::kHonest);
  life->on_recovered(wal::Recovered::Health::kWhole, restored);
  life->on_step(stepped);
  return oracle.violation() ? oracle.violation()->oracle : "";
}

TEST(ClusterJudge, FindsEntriesThatAreForgottenOverARestart) {
  EXPECT_EQ(said_of_restart(replica(13), replica(13)), "durable log");
}

TEST(ClusterJudge, TakesALogThatALeaderCutsWithTheFirstMessageOfALife) {
  EXPECT_EQ(said_of_restart(replica(15), replica(13, 3)), "");
}

TEST_F(ReplicationJudge, TakesALogThatALeaderCutsWithTheFirstMessageOfALife) {
  restart_after(acknowledgement(14), replica(14));
  const raft::Raft cut = replica(13, 3);
  oracle_.stepped(1, cut);
  EXPECT_EQ(said_, "");
}

TEST_F(ReplicationJudge, TakesAnAcknowledgementThatIsKeptOverARestart) {
  restart_after(acknowledgement(14), replica(14));
  EXPECT_EQ(said_, "");
}

TEST_F(ReplicationJudge, FindsAnAcknowledgementThatIsForgottenOverARestart) {
  restart_after(acknowledgement(14), replica(13));
  EXPECT_EQ(said_, "durable log");
}

TEST_F(ReplicationJudge, ForgivesAMemberThatSaysItMayHaveForgotten) {
  restart_after(acknowledgement(14), replica(13, 2, false));
  EXPECT_EQ(said_, "");
}

TEST_F(ReplicationJudge, FindsATermThatIsForgottenOverARestart) {
  restart_after({kFollower, kLeader, raft::Term(2), raft::HeartbeatResponse{1}}, replica(15, 1));
  EXPECT_EQ(said_, "durable term");
}

TEST_F(ReplicationJudge, FindsAVoteThatIsForgottenOverARestart) {
  const raft::Raft before = replica(15);
  oracle_.stepped(1, before);
  oracle_.sent(1, {kFollower, kLeader, raft::Term(2), raft::VoteResponse{false, true}});
  oracle_.ended(1);
  const raft::Raft after = replica(15);
  oracle_.restarted(1, after);
  EXPECT_EQ(said_, "durable vote");
}

TEST_F(ReplicationJudge, FindsALogThatIsCutBehindItsAcknowledgement) {
  const raft::Raft before = replica(15);
  oracle_.stepped(1, before);
  oracle_.stepped(2, leader_);
  oracle_.sent(2, append_up_to(15));
  oracle_.sent(1, acknowledgement(15));
  const raft::Raft cut = replica(14);
  oracle_.stepped(1, cut);
  EXPECT_EQ(said_, "log kept");
}

TEST_F(ReplicationJudge, LetsALaterLeaderReplaceWhatWasntCommitted) {
  const raft::Raft before = replica(15);
  oracle_.stepped(1, before);
  oracle_.stepped(2, leader_);
  oracle_.sent(2, append_up_to(15));
  oracle_.sent(1, acknowledgement(15));
  const raft::Raft later = replica(14, 3);
  oracle_.stepped(1, later);
  EXPECT_EQ(said_, "");
}

TEST_F(ReplicationJudge, FindsAnAcknowledgementOfWhatIsntThere) {
  const raft::Raft member = replica(15);
  oracle_.stepped(1, member);
  oracle_.stepped(2, leader_);
  oracle_.sent(2, append_up_to(16));
  oracle_.sent(1, acknowledgement(16));
  EXPECT_EQ(said_, "log matching");
}

TEST_F(ReplicationJudge, FindsAnAcknowledgementOfWhatTheLeaderHasNotSent) {
  for (const std::uint64_t sent : {14ULL, 13ULL}) {
    said_.clear();
    ReplicationOracle oracle(
        history_, [this](std::string name, const std::string&) { said_ = std::move(name); });
    const raft::Raft member = replica(15);
    const raft::Raft other = replica(15);
    oracle.stepped(1, member);
    oracle.stepped(2, other);
    oracle.sent(2, append_up_to(sent));
    oracle.sent(1, acknowledgement(14));
    EXPECT_EQ(said_, sent == 14 ? "" : "log matching");
  }
}

TEST_F(ReplicationJudge, FindsAVoteAndAPreVoteForALogThatIsBehind) {
  for (const bool pre : {false, true}) {
    for (const std::uint64_t last : {15ULL, 14ULL}) {
      said_.clear();
      ReplicationOracle oracle(
          history_, [this](std::string name, const std::string&) { said_ = std::move(name); });
      const raft::Raft member = replica(15);
      oracle.stepped(1, member);
      const raft::Raft candidate = replica(last);
      oracle.stepped(2, candidate);
      raft::VoteRequest request;
      request.pre = pre;
      request.last_index = raft::Index(last);
      request.last_term = raft::Term(2);
      oracle.sent(2, {kLeader, kFollower, raft::Term(3), request});
      if (pre) {
        oracle.sent(1, {kFollower, kLeader, raft::Term(3), raft::VoteResponse{true, true}});
      } else {
        oracle.voted(1, raft::VoteCast{kLeader, raft::Term(3)});
      }
      EXPECT_EQ(said_, last == 15 ? "" : "vote rule");
    }
  }
}

// ---- What is left -------------------------------------------------------------------------------

class Store {
 public:
  Store() { model_ = Model(); }
  void put(const std::string& key, const std::string& value) {
    apply::PutRequest put;
    put.key = key;
    put.value = value;
    static_cast<void>(model_.apply(put));
    apply(std::move(put));
  }
  void compact(apply::Revision revision) {
    static_cast<void>(model_.apply(apply::CompactionRequest{revision, false}));
    apply(apply::CompactionRequest{revision, false});
  }
  template <class Request>
  void apply(Request request) {
    ++index_;
    applier_->begin({index_, 1, 0}, apply::Command{{1, index_}, std::move(request)});
    EXPECT_TRUE(std::holds_alternative<mvcc::Done>(applier_->advance({})));
    static_cast<void>(applier_->take_answer());
  }
  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] const apply::Applier& applier() const { return *applier_; }

 private:
  Model model_;
  std::unique_ptr<apply::Applier> applier_ = std::make_unique<apply::Applier>(1);
  std::uint64_t index_ = 0;
};

TEST(KeyspaceJudge, ComparesEveryMemberWithTheModelAtOlderRevisionsToo) {
  Store same;
  Store other;
  for (Store* store : {&same, &other}) {
    store->put("a", "1");
    store->put("a", store == &same ? "2" : "two");
    store->put("a", "3");
    store->compact(2);
  }
  EXPECT_FALSE(judge_keyspace(same.model(), {{1, &same.applier()}, {2, &same.applier()}}));
  const std::optional<Violation> found =
      judge_keyspace(same.model(), {{1, &same.applier()}, {2, &other.applier()}});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->oracle == "keyspace" || found->oracle == "hash") << found->message;
  EXPECT_NE(found->message.find("n2"), std::string::npos);
  // Alone: the model knows what was there, with nobody to compare hashes with.
  const std::optional<Violation> alone = judge_keyspace(same.model(), {{2, &other.applier()}});
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->oracle, "keyspace") << alone->message;
}

// Rows alike, but one was compacted by way of another revision: only the hashes tell.
TEST(KeyspaceJudge, ComparesHashesOfMembers) {
  Store direct;
  Store stepwise;
  for (Store* store : {&direct, &stepwise}) {
    for (const char* value : {"1", "2", "3", "4"}) store->put("a", value);
    if (store == &stepwise) store->compact(2);
    store->compact(3);
  }
  const std::optional<Violation> found =
      judge_keyspace(direct.model(), {{1, &direct.applier()}, {2, &stepwise.applier()}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->oracle, "hash") << found->message;
}

}  // namespace
}  // namespace detcd::sim
