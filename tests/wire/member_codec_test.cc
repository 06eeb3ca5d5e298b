#include "wire/member_codec.h"

#include <gtest/gtest.h>

namespace detcd::wire {
namespace {

using membership::Change;
using namespace std::string_literals;  // NOLINT: literals with zero bytes

TEST(MemberCodec, MemberListReadsBack) {
  MemberList list;
  list.header = {.cluster_id = 7, .member_id = 8, .revision = 0, .raft_term = 2};
  list.members.push_back({.id = 8,
                          .name = "a",
                          .peer_urls = {"http://a:2380"},
                          .client_urls = {"http://a:2379", "unix:/a"},
                          .is_learner = false});
  list.members.push_back(
      {.id = 9, .name = "", .peer_urls = {"http://b:2380"}, .client_urls = {}, .is_learner = true});
  const Result<MemberList> parsed = parse_member_list_response(serialize(list).view());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, list);
}

TEST(MemberCodec, MemberListHasEtcdsBytes) {
  MemberList list;
  list.members.push_back(
      {.id = 1, .name = "n", .peer_urls = {"p"}, .client_urls = {"c"}, .is_learner = true});
  EXPECT_EQ(serialize(list).view(),
            "\x0a\x00\x12\x0d\x08\x01\x12\x01n\x1a\x01p\x22\x01"
            "c\x28\x01"s);
}

TEST(MemberCodec, RequestsReadBack) {
  const Change add{Change::Kind::kAdd, {.peer_urls = {"http://a:1", "x"}, .is_learner = true}};
  const Change update{Change::Kind::kUpdate, {.id = 1ULL << 63, .peer_urls = {"http://a:1"}}};
  const Change remove{Change::Kind::kRemove, {.id = 77}};
  const Change promote{Change::Kind::kPromote, {.id = 78}};
  for (const Change& change : {add, update, remove, promote}) {
    const Result<Change> parsed =
        parse_member_request(change.kind, serialize_member_request(change));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, change);
  }
}

TEST(MemberCodec, RequestsHaveEtcdsBytes) {
  EXPECT_EQ(
      serialize_member_request({Change::Kind::kAdd, {.peer_urls = {"p"}, .is_learner = true}}),
      "\x0a\x01p\x10\x01");
  EXPECT_EQ(serialize_member_request({Change::Kind::kUpdate, {.id = 1, .peer_urls = {"p"}}}),
            "\x08\x01\x12\x01p");
  EXPECT_EQ(serialize_member_request({Change::Kind::kRemove, {.id = 1}}), "\x08\x01");
  EXPECT_EQ(serialize_member_request({Change::Kind::kPromote, {.id = 1}}), "\x08\x01");
}

TEST(MemberCodec, AnAdditionsAnswerNamesTheMemberFirst) {
  MemberList list;
  list.header = {.cluster_id = 7, .member_id = 8, .revision = 0, .raft_term = 2};
  list.members = {{.id = 8, .name = "a"}, {.id = 9, .peer_urls = {"http://b:1"}}};
  list.added = list.members[1];
  const Result<MemberList> parsed = parse_member_add_response(serialize(list).view());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, list);
}

TEST(MemberCodec, WhatIsNoMessageIsRefused) {
  EXPECT_EQ(parse_member_list_request("\x08").error().code, Errc::kInvalid);
  for (const Change::Kind kind :
       {Change::Kind::kAdd, Change::Kind::kUpdate, Change::Kind::kRemove, Change::Kind::kPromote}) {
    EXPECT_EQ(parse_member_request(kind, "\x08").error().code, Errc::kInvalid);
  }
}

}  // namespace
}  // namespace detcd::wire
