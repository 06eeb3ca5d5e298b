// The Lease service: requests and answers as bytes, and how a stream of keep-alives is answered,
// bounded and ended.
#include <string>

#include <gtest/gtest.h>

#include "tests/api/world.h"
#include "wire/lease_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kKeepAlive = "/etcdserverpb.Lease/LeaseKeepAlive";

struct Stream {
  explicit Stream(World& world_given)
      : world(world_given), client(world), id(client.open(kKeepAlive)) {
    client.flush();
    world.settle();
  }
  void keep(std::int64_t lease) {
    client.session.send_message(id, Bytes::adopt(wire::serialize_lease_keep_alive_request(lease)));
    client.flush();
    world.settle();
  }
  void end_requests() {
    client.session.end_request(id);
    client.flush();
    world.settle();
  }
  void reply(server::Outcome outcome) {
    world.node.answer(0, std::move(outcome));
    world.settle();
  }
  const RawAnswer& got() { return client.answer(id); }
  World& world;
  GrpcClient client;
  http2::StreamId id;
};

TEST(KeepAliveStream, RequestsGoToTheNodeAndAnswersComeBack) {
  World world;
  Stream stream(world);
  stream.keep(7);
  stream.keep(-8);
  ASSERT_EQ(world.node.calls.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<server::KeepAliveOpen>(world.node.calls[0].request));
  EXPECT_EQ(std::get<server::KeepAliveRequest>(world.node.calls[2].request).lease, -8);
  stream.reply(server::KeepAliveAnswer{7, 60});
  stream.reply(server::KeepAliveAnswer{-8, 0});
  ASSERT_EQ(stream.got().messages.size(), 2U);
  const Result<wire::LeaseKeepAliveResponse> second =
      wire::parse_lease_keep_alive_response(stream.got().messages[1]);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->id, -8);
  EXPECT_EQ(second->ttl, 0);
  EXPECT_EQ(second->header.cluster_id, 11U);
  EXPECT_FALSE(stream.got().status);
}

// DESIGN §5, "How streams end".
TEST(KeepAliveStream, TheEndOfTheRequestsEndsItAfterThePendingAnswers) {
  World world;
  Stream stream(world);
  stream.keep(7);
  stream.keep(8);
  stream.end_requests();
  EXPECT_FALSE(stream.got().status);
  stream.reply(server::KeepAliveAnswer{7, 60});
  EXPECT_FALSE(stream.got().status);
  EXPECT_TRUE(world.node.forgotten.empty());
  stream.reply(server::KeepAliveAnswer{8, 60});
  EXPECT_EQ(stream.got().messages.size(), 2U);
  ASSERT_TRUE(stream.got().status);
  EXPECT_EQ(stream.got().status->code, 0U);
  EXPECT_EQ(world.node.forgotten.size(), 1U);
}

TEST(KeepAliveStream, WithoutRequestsTheirEndIsItsEnd) {
  World world;
  Stream stream(world);
  stream.end_requests();
  ASSERT_TRUE(stream.got().status);
  EXPECT_EQ(stream.got().status->code, 0U);
  EXPECT_EQ(world.node.forgotten.size(), 1U);
}

TEST(KeepAliveStream, AnErrorOfTheNodeIsItsEnd) {
  World world;
  Stream stream(world);
  stream.keep(7);
  stream.reply(apply::ApiError::kTimeout);
  EXPECT_EQ(stream.got().status, (http2::GrpcStatus{14, "etcdserver: request timed out"}));
}

TEST(LeaseService, RequestsAndAnswersAreEtcds) {
  World world;
  GrpcClient client(world);
  const http2::StreamId id = client.open("/etcdserverpb.Lease/LeaseTimeToLive");
  client.session.send_message(
      id, Bytes::adopt(wire::serialize(apply::LeaseTimeToLiveRequest{.id = 5, .keys = true})));
  client.session.end_request(id);
  client.flush();
  world.settle();
  ASSERT_EQ(world.node.calls.size(), 1U);
  EXPECT_EQ(std::get<apply::LeaseTimeToLiveRequest>(world.node.calls[0].request),
            (apply::LeaseTimeToLiveRequest{.id = 5, .keys = true}));
  const apply::LeaseTimeToLiveResponse response{
      .id = 5, .ttl = 9, .granted_ttl = 10, .keys = {"a", "b"}};
  world.node.answer(0, response);
  world.settle();
  ASSERT_EQ(client.answer(id).messages.size(), 1U);
  const Result<wire::LeaseTimeToLive> got =
      wire::parse_lease_time_to_live_response(client.answer(id).messages[0]);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->response, response);
}

}  // namespace
}  // namespace detcd::api
