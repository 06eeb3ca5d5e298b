#include "server/member_changes.h"

#include <gtest/gtest.h>

#include "tests/support/machine.h"

namespace detcd::server {
namespace {

using Kind = membership::Change::Kind;

class MemberChangesTest : public testing::Test {
 protected:
  Call call(std::uint64_t id) {
    Call call;
    call.call = CallId(id);
    call.request = membership::Change{Kind::kPromote, {.id = 9}};
    call.reply = replies.sender();
    return call;
  }
  void ask(std::uint64_t id, TimePoint now) { changes.ask(call(id), 9, {now, now + 7s, 500ms}); }
  void await(Kind kind, std::uint64_t id) {
    changes.await({{CallId(id), 0, replies.sender()}, {kind, id, {}}, begin, begin + 7s});
  }
  std::vector<std::uint64_t> followed(const raft::Configuration& applied) {
    std::vector<std::uint64_t> ids;
    for (const auto& waiting : changes.take_followed(members, applied)) {
      ids.push_back(waiting.response.id);
    }
    return ids;
  }
  const TimePoint begin = TimePoint() + 100s;
  test::Machine machine{1};
  runtime::Mailbox<Reply> replies{machine.world().scheduler};
  membership::Membership members;
  MemberChanges changes{1000};
};

TEST_F(MemberChangesTest, NotesReadBackAndNothingElseDoes) {
  for (const MemberNote& note :
       {MemberNote(PromotionAsked{7, 1ULL << 63}), MemberNote(PromotionAdvised{7, std::nullopt}),
        MemberNote(PromotionAdvised{8, apply::ApiError::kLearnerNotReady})}) {
    const std::string bytes = encode(note);
    const Result<MemberNote> decoded = decode_note(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, note);
    EXPECT_FALSE(decode_note(bytes + "x"));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_note(bytes.substr(0, size))) << size;
    }
  }
  EXPECT_FALSE(decode_note(std::string("\x02") + std::string(8, '\0') + "\x01\xff"));
}

TEST_F(MemberChangesTest, AQuestionIsAskedAgainUntilItIsAnswered) {
  ask(1, begin);
  ASSERT_EQ(changes.take_questions(begin).size(), 1U);
  EXPECT_TRUE(changes.take_questions(begin + 400ms).empty());
  EXPECT_EQ(changes.next_deadline(true), begin + 500ms);
  EXPECT_EQ(changes.next_deadline(false), begin + 7s) << "there is nobody to ask";
  const std::vector<PromotionAsked> again = changes.take_questions(begin + 500ms);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].learner, 9U);
  EXPECT_FALSE(changes.take_advised({again[0].ordinal, apply::ApiError::kNotLeader}))
      << "another one has to be asked";
  EXPECT_FALSE(changes.take_advised({again[0].ordinal + 1, std::nullopt}));
  const std::optional<Call> answered = changes.take_advised({again[0].ordinal, std::nullopt});
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->call, CallId(1));
  EXPECT_FALSE(changes.take_advised({again[0].ordinal, std::nullopt})) << "once";
}

TEST_F(MemberChangesTest, ANewLeaderIsAskedAtOnce) {
  ask(1, begin);
  EXPECT_EQ(changes.take_questions(begin).size(), 1U);
  changes.ask_again_now();
  EXPECT_EQ(changes.take_questions(begin + 1ms).size(), 1U);
}

TEST_F(MemberChangesTest, ChangesWaitForTheConfiguration) {
  for (const std::uint64_t id : {2, 3, 4, 5}) members.apply({Kind::kAdd, {.id = id}});
  members.apply({Kind::kRemove, {.id = 4}});
  await(Kind::kAdd, 2);
  await(Kind::kPromote, 3);
  await(Kind::kRemove, 4);
  await(Kind::kUpdate, 5);
  raft::Configuration applied;
  applied.voters = {raft::NodeId(1), raft::NodeId(4)};
  applied.learners = {raft::NodeId(3)};
  EXPECT_EQ(followed(applied), std::vector<std::uint64_t>{5}) << "nothing follows an update";
  applied.learners.insert(raft::NodeId(2));
  EXPECT_EQ(followed(applied), std::vector<std::uint64_t>{2}) << "with or without a vote";
  applied.voters_outgoing = {raft::NodeId(1), raft::NodeId(4)};
  applied.voters = {raft::NodeId(1), raft::NodeId(3)};
  applied.learners = {raft::NodeId(2)};
  EXPECT_EQ(followed(applied), std::vector<std::uint64_t>{3}) << "4 still votes in one half";
  applied.voters_outgoing.clear();
  EXPECT_EQ(followed(applied), std::vector<std::uint64_t>{4});
}

TEST_F(MemberChangesTest, NobodyWaitsForAMemberThatWasRemovedSince) {
  members.apply({Kind::kAdd, {.id = 2}});
  await(Kind::kAdd, 2);
  EXPECT_TRUE(followed({}).empty());
  members.apply({Kind::kRemove, {.id = 2}});
  EXPECT_EQ(followed({}), std::vector<std::uint64_t>{2});
}

TEST_F(MemberChangesTest, PatienceEnds) {
  ask(1, begin);
  await(Kind::kRemove, 2);
  EXPECT_TRUE(changes.expire(begin + 6s).empty());
  const std::vector<MemberChanges::Expired> expired = changes.expire(begin + 7s);
  ASSERT_EQ(expired.size(), 2U);
  EXPECT_EQ(expired[0].since, begin);
  EXPECT_EQ(changes.next_deadline(true), kNever);
}

}  // namespace
}  // namespace detcd::server
