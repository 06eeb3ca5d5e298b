#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/api/world.h"

namespace detcd::api {
namespace {

TEST(Listener, GoesOnAfterErrorsOfAccept) {
  World world;
  for (int i = 0; i < 5; ++i) {
    world.network.fail_next_accept(std::string(kAddress),
                                   {Errc::kUnavailable, "too many open files"});
  }
  world.run_for(10s);
  EXPECT_EQ(world.sink.records.size(), 5U);
  GrpcClient client(world);
  const http2::StreamId stream = client.call("/grpc.health.v1.Health/Check", "");
  EXPECT_EQ(client.answer(stream).status, http2::GrpcStatus{});
}

TEST(Listener, TooManyConnectionsWaitForOthersToEnd) {
  World world(0, {.connections_max = 2});
  GrpcClient first(world);
  GrpcClient second(world);
  GrpcClient third(world);
  const http2::StreamId stream = third.call("/grpc.health.v1.Health/Check", "");
  EXPECT_EQ(world.listener->connections(), 2U);
  EXPECT_FALSE(third.answer(stream).status);
  first.abort();
  world.settle();
  EXPECT_EQ(third.answer(stream).status, http2::GrpcStatus{});
}

TEST(Listener, OneConnectionsEndDoesntTouchAnother) {
  World world;
  GrpcClient kept(world);
  std::vector<std::unique_ptr<GrpcClient>> others;
  for (int i = 0; i < 20; ++i) others.push_back(std::make_unique<GrpcClient>(world));
  EXPECT_EQ(world.listener->connections(), 21U);
  others.clear();
  world.settle();
  EXPECT_EQ(world.listener->connections(), 1U);
  const http2::StreamId stream = kept.call("/grpc.health.v1.Health/Check", "");
  EXPECT_EQ(kept.answer(stream).status, http2::GrpcStatus{});
}

}  // namespace
}  // namespace detcd::api
