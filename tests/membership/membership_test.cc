#include "membership/membership.h"

#include <gtest/gtest.h>

namespace detcd::membership {
namespace {

Change change(Change::Kind kind, std::uint64_t id, std::string url = "http://a:1") {
  return {kind, {.id = id, .peer_urls = {std::move(url)}}};
}

// Seen on real clusters: ETCD.md §2.10.
TEST(Ids, AreThoseOfEtcd) {
  EXPECT_EQ(member_id({"http://127.0.0.1:21380"}, "tok1"), 0x4a966e494f1ac6f1ULL);
  EXPECT_EQ(cluster_id({0x4a966e494f1ac6f1ULL}), 0xfeb8f8efa3ecdf92ULL);
  EXPECT_EQ(member_id({"http://127.0.0.1:21780"}, "etcd-cluster"), 0x808dc723e6d5c859ULL);
  EXPECT_EQ(cluster_id({0x808dc723e6d5c859ULL}), 0x362c30349e57dc7eULL);
}

TEST(Ids, DependOnNoOrder) {
  EXPECT_EQ(member_id({"http://b:1", "http://a:1"}, "t"),
            member_id({"http://a:1", "http://b:1"}, "t"));
  EXPECT_EQ(cluster_id({1, 2, 3}), cluster_id({3, 1, 2}));
}

TEST(Ids, OfMembersAddedLaterTakeTheTimeInsteadOfTheToken) {
  EXPECT_EQ(member_id({"http://a:1"}, "t", 1700000000), member_id({"http://a:1"}, "u", 1700000000));
  EXPECT_NE(member_id({"http://a:1"}, "t", 1700000000), member_id({"http://a:1"}, "t", 1700000001));
}

TEST(Membership, ListsByAscendingId) {
  Membership members;
  for (const std::uint64_t id : {9, 2, 5}) members.apply(change(Change::Kind::kAdd, id));
  ASSERT_EQ(members.list().size(), 3U);
  EXPECT_EQ(members.list()[0].id, 2U);
  EXPECT_EQ(members.list()[2].id, 9U);
}

TEST(Membership, RemovedIdNeverComesBack) {
  Membership members;
  members.apply(change(Change::Kind::kAdd, 2));
  members.apply(change(Change::Kind::kRemove, 2));
  EXPECT_TRUE(members.was_removed(2));
  members.apply(change(Change::Kind::kAdd, 2));
  EXPECT_EQ(members.find(2), nullptr);
  EXPECT_FALSE(members.publish(2, "n", {}));
}

TEST(Membership, UpdateChangesPeerUrlsOnly) {
  Membership members;
  Change add = change(Change::Kind::kAdd, 2);
  add.member.is_learner = true;
  members.apply(add);
  EXPECT_TRUE(members.publish(2, "n2", {"http://c:1"}));
  members.apply(change(Change::Kind::kUpdate, 2, "http://z:1"));
  const Member* const member = members.find(2);
  ASSERT_NE(member, nullptr);
  EXPECT_EQ(member->peer_urls, std::vector<std::string>{"http://z:1"});
  EXPECT_EQ(member->name, "n2");
  EXPECT_TRUE(member->is_learner);
  members.apply(change(Change::Kind::kPromote, 2));
  EXPECT_FALSE(members.find(2)->is_learner);
}

// In the order of etcd's ValidateConfigurationChange.
TEST(Membership, RefusesWhatEtcdRefuses) {
  Membership members;
  members.apply(change(Change::Kind::kAdd, 1, "http://a:1"));
  members.apply(change(Change::Kind::kAdd, 2, "http://b:1"));
  members.apply(change(Change::Kind::kAdd, 3, "http://c:1"));
  members.apply(change(Change::Kind::kRemove, 3));
  const auto refused = [&](Change::Kind kind, std::uint64_t id, std::string url = "http://new:1") {
    return members.refuse(change(kind, id, std::move(url)), 1);
  };
  using Kind = Change::Kind;
  EXPECT_EQ(refused(Kind::kAdd, 4), std::nullopt);
  EXPECT_EQ(refused(Kind::kAdd, 3), Refusal::kNotFound) << "a removed id";
  EXPECT_EQ(refused(Kind::kAdd, 1, "http://b:1"), Refusal::kIdTaken);
  EXPECT_EQ(refused(Kind::kAdd, 4, "http://b:1"), Refusal::kUrlTaken);
  for (const Kind kind : {Kind::kRemove, Kind::kUpdate, Kind::kPromote}) {
    EXPECT_EQ(refused(kind, 3), Refusal::kNotFound);
    EXPECT_EQ(refused(kind, 9), Refusal::kNotFound);
  }
  EXPECT_EQ(refused(Kind::kUpdate, 1, "http://b:1"), Refusal::kUrlTaken);
  EXPECT_EQ(refused(Kind::kUpdate, 1, "http://a:1"), std::nullopt) << "its own";
  EXPECT_EQ(refused(Kind::kPromote, 1), Refusal::kNotLearner);
  EXPECT_EQ(refused(Kind::kRemove, 1), std::nullopt);
}

TEST(Membership, BoundsLearnersAndKeepsAVoter) {
  Membership members;
  members.apply(change(Change::Kind::kAdd, 1, "http://a:1"));
  Change learner = change(Change::Kind::kAdd, 2, "http://b:1");
  learner.member.is_learner = true;
  EXPECT_EQ(members.refuse(learner, 0), Refusal::kTooManyLearners);
  EXPECT_EQ(members.refuse(learner, 1), std::nullopt);
  members.apply(learner);
  learner = change(Change::Kind::kAdd, 3, "http://c:1");
  learner.member.is_learner = true;
  EXPECT_EQ(members.refuse(learner, 1), Refusal::kTooManyLearners);
  EXPECT_EQ(members.refuse(learner, 2), std::nullopt);
  EXPECT_EQ(members.refuse(change(Change::Kind::kRemove, 1), 1), Refusal::kLastVoter);
  EXPECT_EQ(members.refuse(change(Change::Kind::kRemove, 2), 1), std::nullopt);
  EXPECT_EQ(members.refuse(change(Change::Kind::kPromote, 2), 1), std::nullopt);
  members.apply(change(Change::Kind::kPromote, 2));
  EXPECT_EQ(members.refuse(change(Change::Kind::kRemove, 1), 1), std::nullopt);
}

TEST(Membership, ChangeAndWholeSurviveTheirEncoding) {
  Membership members;
  for (const std::uint64_t id : {9, 2, 5}) members.apply(change(Change::Kind::kAdd, id));
  members.apply(change(Change::Kind::kRemove, 5));
  members.publish(9, "nine", {"http://x:1", "http://y:1"});
  Writer out;
  members.encode(out);
  Reader in(out.view());
  const Result<Membership> decoded = Membership::decode(in);
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(in.finished());
  EXPECT_EQ(*decoded, members);
  const Change add = change(Change::Kind::kAdd, 77);
  const Result<Change> again = decode_change(encode(add));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, add);
}

TEST(Membership, CutOrAlteredBytesAreRefused) {
  const std::string bytes = encode(change(Change::Kind::kAdd, 77));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_change(bytes.substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(decode_change(bytes + "x").ok());
  std::string unknown = bytes;
  unknown[0] = 9;
  EXPECT_FALSE(decode_change(unknown).ok());
}

}  // namespace
}  // namespace detcd::membership
