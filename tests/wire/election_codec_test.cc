// The messages of locks and elections: there and back, and what isn't one.
#include "wire/election_codec.h"

#include <string>

#include <gtest/gtest.h>

namespace detcd::wire {
namespace {

const LeaderKey kLeader{"e", "e/1", 7, -1};

TEST(ElectionCodec, RequestsComeBackAsTheyWent) {
  const LockRequest lock{"l", -5};
  const CampaignRequest campaign{"e", 9, std::string("\0v", 2)};
  const ProclaimRequest proclaim{kLeader, "v"};
  const ResignRequest resign{kLeader};
  EXPECT_EQ(*parse_lock_request(serialize(lock)), lock);
  EXPECT_EQ(*parse_unlock_request(serialize(UnlockRequest{"l/1"})), UnlockRequest{"l/1"});
  EXPECT_EQ(*parse_campaign_request(serialize(campaign)), campaign);
  EXPECT_EQ(*parse_proclaim_request(serialize(proclaim)), proclaim);
  EXPECT_EQ(*parse_leader_request(serialize_leader_request("e")), "e");
  EXPECT_EQ(*parse_resign_request(serialize(resign)), resign);
}

// A leader that is present but empty is one, as Go's generated code has it.
TEST(ElectionCodec, AnAbsentLeaderIsToldFromAnEmptyOne) {
  EXPECT_FALSE(parse_proclaim_request("\x12\x01v")->leader);
  EXPECT_EQ(parse_proclaim_request(std::string("\x0a\x00", 2))->leader, LeaderKey{});
  EXPECT_FALSE(parse_resign_request("")->leader);
}

TEST(ElectionCodec, ResponsesComeBackAsTheyWent) {
  const Header header{1, 2, 3, 4};
  const apply::KeyValue kv{Bytes("k"), Bytes("v"), 5, 6, 7, 8};
  const Result<ElectionResponse> lock =
      parse_lock_response(serialize_lock_response(header, "l/1").view());
  const Result<ElectionResponse> won = parse_campaign_response(serialize(header, kLeader).view());
  const Result<ElectionResponse> leader =
      parse_leader_response(serialize_leader_response(header, kv).view());
  ASSERT_TRUE(lock && won && leader);
  EXPECT_EQ(lock->header, header);
  EXPECT_EQ(lock->key, "l/1");
  EXPECT_EQ(won->leader, kLeader);
  EXPECT_EQ(leader->kv, kv);
  EXPECT_EQ(parse_lock_response(serialize_header_only(header).view())->key, "");
}

TEST(ElectionCodec, WhatIsCutShortIsRefused) {
  const std::string whole = serialize(ProclaimRequest{kLeader, "value"});
  for (std::size_t length = 1; length < whole.size(); ++length) {
    const Result<ProclaimRequest> parsed = parse_proclaim_request(whole.substr(0, length));
    if (parsed) EXPECT_NE(*parsed, (ProclaimRequest{kLeader, "value"})) << length;
  }
  EXPECT_FALSE(parse_lock_request("\x0a\x05l"));
  EXPECT_FALSE(parse_resign_request("\x0a\x02\x0a\x05"));
}

}  // namespace
}  // namespace detcd::wire
