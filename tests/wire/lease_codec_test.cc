#include "wire/lease_codec.h"

#include <string>

#include <gtest/gtest.h>

namespace detcd::wire {
namespace {

TEST(LeaseCodec, RequestsComeBackAsTheyWere) {
  const apply::LeaseGrantRequest grant{.id = -7, .ttl = 1LL << 40};
  EXPECT_EQ(*parse_lease_grant_request(serialize(grant)), grant);
  const apply::LeaseRevokeRequest revoke{INT64_MIN};
  EXPECT_EQ(*parse_lease_revoke_request(serialize(revoke)), revoke);
  EXPECT_EQ(*parse_lease_keep_alive_request(serialize_lease_keep_alive_request(9)), 9);
  const apply::LeaseTimeToLiveRequest left{.id = 3, .keys = true};
  EXPECT_EQ(*parse_lease_time_to_live_request(serialize(left)), left);
}

TEST(LeaseCodec, AnswersComeBackAsTheyWere) {
  const Header header{1, 2, 3, 4};
  const LeaseKeepAliveResponse kept{header, 5, 60};
  EXPECT_EQ(*parse_lease_keep_alive_response(serialize(kept).view()), kept);
  const apply::LeaseTimeToLiveResponse gone{.id = 5, .ttl = -1};
  EXPECT_EQ(parse_lease_time_to_live_response(serialize(header, gone).view())->response, gone);
  const apply::LeaseTimeToLiveResponse left{
      .id = 5, .ttl = 7, .granted_ttl = 9, .keys = {"", "a", "b"}};
  EXPECT_EQ(parse_lease_time_to_live_response(serialize(header, left).view())->response, left);
  const apply::LeaseLeasesResponse all{{3, -1, 0}};
  EXPECT_EQ(parse_lease_leases_response(serialize(header, all).view())->response, all);
  const apply::Response granted = apply::LeaseGrantResponse{3, 5, 60};
  const Result<ParsedResponse> parsed =
      parse_lease_grant_response(serialize(header, granted).view());
  EXPECT_EQ(parsed->response, granted);
  EXPECT_EQ(parsed->header, header);
}

// {header: {cluster_id: 1}, ID: 5, TTL: 60} and {leases: [{ID: 3}]} as protobuf writes them.
TEST(LeaseCodec, BytesAreProtobufs) {
  EXPECT_EQ(serialize(LeaseKeepAliveResponse{{.cluster_id = 1}, 5, 60}).view(),
            std::string_view("\x0a\x02\x08\x01\x10\x05\x18\x3c"));
  EXPECT_EQ(serialize(Header{}, apply::LeaseLeasesResponse{{3}}).view(),
            std::string_view("\x0a\x00\x12\x02\x08\x03", 6));
  EXPECT_EQ(serialize(apply::LeaseGrantRequest{.id = 2, .ttl = 10}), "\x08\x0a\x10\x02");
}

TEST(LeaseCodec, WhatProtobufRefusesIsRefused) {
  const std::string cut("\x08", 1);
  EXPECT_FALSE(parse_lease_grant_request(cut));
  EXPECT_FALSE(parse_lease_revoke_request(cut));
  EXPECT_FALSE(parse_lease_keep_alive_request(cut));
  EXPECT_FALSE(parse_lease_time_to_live_request(cut));
  EXPECT_FALSE(parse_lease_leases_request(cut));
  EXPECT_FALSE(parse_lease_keep_alive_response(cut));
  EXPECT_FALSE(parse_lease_leases_response(std::string("\x12\x01\x08", 3)));
}

}  // namespace
}  // namespace detcd::wire
