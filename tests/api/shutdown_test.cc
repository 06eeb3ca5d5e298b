#include <string>

#include <gtest/gtest.h>

#include "tests/api/world.h"
#include "wire/kv_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kPut = "/etcdserverpb.KV/Put";

std::string put_message() {
  return wire::serialize(apply::PutRequest{.key = "k"});
}

TEST(Shutdown, IdleConnectionsAreSaidGoodbyeToAtOnce) {
  World world;
  GrpcClient client(world);
  client.call("/grpc.health.v1.Health/Check", "");
  world.shut_down();
  world.settle();
  EXPECT_TRUE(client.session.going_away());
  EXPECT_TRUE(client.ended);
  client.abort();
  EXPECT_TRUE(world.drained);
}

TEST(Shutdown, UnaryCallsFinishFirst) {
  World world;
  GrpcClient client(world);
  const http2::StreamId stream = client.call(kPut, put_message());
  world.shut_down();
  world.run_for(1s);
  EXPECT_TRUE(client.session.going_away());
  EXPECT_FALSE(client.answer(stream).status);
  EXPECT_FALSE(world.drained);
  world.node.answer(0, apply::Response(apply::PutResponse{}));
  world.settle();
  EXPECT_EQ(client.answer(stream).status, http2::GrpcStatus{});
  EXPECT_TRUE(client.ended);
}

TEST(Shutdown, ARequestOnItsWayWhenTheGoodbyeWasSentIsStillServed) {
  World world;
  GrpcClient client(world);
  client.pause();
  // The read that was under way gives what it gets.
  client.call("/grpc.health.v1.Health/Check", "");
  world.shut_down();
  world.settle();
  const http2::StreamId stream = client.call(kPut, put_message());
  ASSERT_EQ(world.node.calls.size(), 2U);
  client.resume();
  world.run_for(10ms);
  world.node.answer(1, apply::Response(apply::PutResponse{}));
  world.settle();
  EXPECT_EQ(client.answer(stream).status, http2::GrpcStatus{});
}

TEST(Shutdown, CallsThatTakeTooLongAreCutAndMayHaveBeenProcessed) {
  World world;
  GrpcClient client(world);
  const http2::StreamId stream = client.call(kPut, put_message());
  world.shut_down();
  world.run_for(11s);
  EXPECT_TRUE(world.drained);
  ASSERT_EQ(client.ends.size(), 1U);
  EXPECT_EQ(client.ends[0].stream, stream);
  EXPECT_EQ(client.ends[0].status.code, 14U);
  EXPECT_TRUE(client.ends[0].processed);
  EXPECT_EQ(world.node.forgotten.size(), 1U);
}

// A Go client's watch would stop for good on a status; it comes back after a lost connection.
TEST(Shutdown, StreamingCallsGetNoStatusAndHoldNothingUp) {
  World world;
  GrpcClient client(world);
  const http2::StreamId watch = client.call("/grpc.health.v1.Health/Watch", "");
  world.shut_down();
  world.settle();
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(client.answer(watch).messages.size(), 1U);
  ASSERT_EQ(client.ends.size(), 1U);
  EXPECT_EQ(client.ends[0].status.code, 14U);
  EXPECT_TRUE(client.ends[0].processed);
}

TEST(Shutdown, NewClientsFindNobody) {
  World world;
  world.shut_down();
  world.settle();
  EXPECT_TRUE(world.drained);
  EXPECT_EQ(world.listener->connections(), 0U);
}

TEST(Shutdown, ConnectionsThatHaveSaidNothingYetEndAtOnce) {
  World world;
  RawClient client(world);
  world.shut_down();
  world.settle();
  EXPECT_TRUE(world.drained);
  EXPECT_TRUE(client.ended);
}

TEST(Shutdown, HttpRequestsFinishAndTheirConnectionCloses) {
  World world;
  RawClient idle(world);
  idle.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
  RawClient busy(world);
  busy.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
  world.shut_down();
  world.settle();
  EXPECT_TRUE(idle.ended);
  EXPECT_FALSE(busy.ended);
  world.node.answer(0, server::HealthResponse{.healthy = true});
  world.settle();
  EXPECT_TRUE(busy.received.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(busy.received.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(busy.ended);
  EXPECT_TRUE(world.drained);
}

TEST(Shutdown, DestroyingTheListenerResetsItsClientsAndForgetsTheirCalls) {
  World world;
  GrpcClient client(world);
  client.call(kPut, put_message());
  world.listener.reset();
  world.settle();
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(world.node.forgotten.size(), 1U);
}

}  // namespace
}  // namespace detcd::api
