// The Lock and Election services: requests and answers as bytes, codes of refusals, and the stream
// of an observer.
#include <string>

#include <gtest/gtest.h>

#include "tests/api/world.h"
#include "wire/election_codec.h"

namespace detcd::api {
namespace {

const wire::Header kHeader{5, 6, 7, 8};

server::ElectionRequest asked(World& world, std::size_t call) {
  return std::get<server::ElectionRequest>(world.node.calls.at(call).request);
}

TEST(Election, AnswersHaveTheInnerHeader) {
  World world;
  GrpcClient client(world);
  client.metadata = {{"token", "t"}};
  const http2::StreamId lock =
      client.call("/v3lockpb.Lock/Lock", wire::serialize(wire::LockRequest{"l", 1}));
  ASSERT_EQ(world.node.calls.size(), 1U);
  EXPECT_EQ(world.node.calls[0].token, "t");
  EXPECT_EQ(std::get<wire::LockRequest>(asked(world, 0)), (wire::LockRequest{"l", 1}));
  world.node.answer(0, server::ElectionAnswer{kHeader, server::LockAnswer{"l/1"}});
  world.settle();
  const Result<wire::ElectionResponse> got =
      wire::parse_lock_response(client.answer(lock).messages.at(0));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->header, kHeader);
  EXPECT_EQ(got->key, "l/1");

  const http2::StreamId campaign = client.call("/v3electionpb.Election/Campaign",
                                               wire::serialize(wire::CampaignRequest{"e", 1, "v"}));
  const wire::LeaderKey leader{"e", "e/1", 7, 1};
  world.node.answer(1, server::ElectionAnswer{kHeader, server::CampaignAnswer{leader}});
  world.settle();
  EXPECT_EQ(wire::parse_campaign_response(client.answer(campaign).messages.at(0))->leader, leader);
}

// ETCD.md §2.15.
TEST(Election, RefusalsAreUnknown) {
  World world;
  GrpcClient client(world);
  const http2::StreamId leader =
      client.call("/v3electionpb.Election/Leader", wire::serialize_leader_request("e"));
  world.node.answer(0, server::ElectionAnswer{{}, server::ElectionRefusal{"election: no leader"}});
  world.settle();
  EXPECT_EQ(client.answer(leader).status, (http2::GrpcStatus{2, "election: no leader"}));
  const http2::StreamId proclaim = client.call("/v3electionpb.Election/Proclaim", "\x12\x01v");
  EXPECT_EQ(client.answer(proclaim).status,
            (http2::GrpcStatus{2, "\"leader\" field must be provided"}));
  const http2::StreamId resign = client.call("/v3electionpb.Election/Resign", "");
  EXPECT_EQ(client.answer(resign).status,
            (http2::GrpcStatus{2, "\"leader\" field must be provided"}));
  const http2::StreamId unknown = client.call("/v3electionpb.Election/Depose", "");
  EXPECT_EQ(client.answer(unknown).status,
            (http2::GrpcStatus{12, "unknown method Depose for service v3electionpb.Election"}));
  EXPECT_EQ(world.node.calls.size(), 1U);
}

TEST(Election, AWaiterWhoseTimeIsOverIsTakenBack) {
  World world;
  GrpcClient client(world);
  const http2::StreamId lock =
      client.call("/v3lockpb.Lock/Lock", wire::serialize(wire::LockRequest{"l", 1}), 2s);
  world.run_for(3s);
  ASSERT_EQ(world.node.forgotten.size(), 1U);
  EXPECT_EQ(world.node.forgotten[0], world.node.calls[0].call);
  EXPECT_EQ(client.answer(lock).status->code, 4U);
}

TEST(Election, AnObserverIsToldLeadersUntilTheEnd) {
  World world;
  GrpcClient client(world);
  const http2::StreamId observer =
      client.call("/v3electionpb.Election/Observe", wire::serialize_leader_request("e"));
  EXPECT_EQ(std::get<server::ObserveRequest>(asked(world, 0)).name, "e");
  const apply::KeyValue kv{.key = Bytes("e/1"), .value = Bytes(std::string(9'000, 'v'))};
  world.node.answer(0, server::ElectionAnswer{kHeader, server::LeaderAnswer{kv}});
  world.settle();
  ASSERT_EQ(client.answer(observer).messages.size(), 1U);
  EXPECT_EQ(wire::parse_leader_response(client.answer(observer).messages[0])->kv, kv);
  EXPECT_FALSE(client.answer(observer).status);
  ASSERT_EQ(world.node.credits.size(), 1U);
  EXPECT_EQ(world.node.credits[0].bytes, server::observed_bytes(kv));
  world.node.answer(0, server::ElectionAnswer{{}, server::ObservedAll{}});
  world.settle();
  EXPECT_EQ(client.answer(observer).status->code, 0U);
}

}  // namespace
}  // namespace detcd::api
