// detcd's own client against the API, end to end over streams in memory.
#include "client/client.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/api/world.h"

namespace detcd::api {
namespace {

template <class T>
runtime::Task<void> keep(runtime::Task<T> task, std::optional<T>& result) {
  T value = co_await std::move(task);
  result.emplace(std::move(value));
}

struct ClientWorld : World {
  explicit ClientWorld(client::Options options = {.endpoints = {std::string(kAddress)}},
                       std::uint64_t seed = 0)
      : World(seed, {}, {.seed = seed}),
        client(std::in_place, scheduler, network, random, std::move(options)) {}
  ~ClientWorld() { tasks.cancel(); }
  // Runs until the call has ended; empty when it takes longer than `limit`.
  template <class T>
  std::optional<T> run(runtime::Task<T> task, Duration limit = 60s) {
    std::optional<T> result;
    runtime::TaskGroup group(scheduler);
    group.spawn(keep(std::move(task), result));
    kernel.run_until([&result] { return result.has_value(); }, kernel.now() + limit);
    return result;
  }
  [[nodiscard]] TimePoint in(Duration duration) const { return clock.boot() + duration; }

  std::optional<client::Client> client;
};

template <class T>
const client::Failure& failure_of(const std::optional<client::Outcome<T>>& outcome) {
  check(outcome.has_value(), "the call has ended");
  return std::get<client::Failure>(*outcome);
}

TEST(Client, MakesEveryCall) {
  ClientWorld world;
  world.node.set_script([](const server::Request& request) -> std::optional<server::Outcome> {
    if (std::holds_alternative<apply::RangeRequest>(request)) {
      apply::RangeResponse response;
      response.kvs.push_back({.key = Bytes("k"), .value = Bytes("v"), .mod_revision = 7});
      response.count = 1;
      return apply::Response(response);
    }
    if (std::holds_alternative<apply::PutRequest>(request)) {
      return apply::Response(apply::PutResponse{});
    }
    if (std::holds_alternative<apply::DeleteRangeRequest>(request)) {
      return apply::Response(apply::DeleteRangeResponse{.deleted = 4});
    }
    if (std::holds_alternative<apply::TxnRequest>(request)) {
      return apply::Response(apply::TxnResponse{.succeeded = true});
    }
    if (std::holds_alternative<apply::CompactionRequest>(request)) {
      return apply::Response(apply::CompactionResponse{});
    }
    if (std::holds_alternative<server::MemberListRequest>(request)) {
      return server::MemberListResponse{.members = {{.id = 5, .name = "n"}}};
    }
    if (std::holds_alternative<server::StatusRequest>(request)) {
      return server::StatusResponse{.version = "3.7.1", .leader = 12};
    }
    return apply::HashKvAnswer{.hash = 99, .compact_revision = -1, .hash_revision = 3};
  });
  client::Client& client = *world.client;
  const auto range = world.run(client.range({.key = "k"}, world.in(1s)));
  const auto& kvs = std::get<client::Answer<apply::RangeResponse>>(range.value());
  EXPECT_EQ(kvs.header, (wire::Header{11, 12, 13, 2}));
  EXPECT_EQ(kvs.response.kvs.at(0).mod_revision, 7);
  const auto put = world.run(client.put({.key = "k"}, world.in(1s)));
  EXPECT_TRUE(std::holds_alternative<client::Answer<apply::PutResponse>>(put.value()));
  const auto deleted = world.run(client.delete_range({.key = "k"}, world.in(1s)));
  EXPECT_EQ(std::get<client::Answer<apply::DeleteRangeResponse>>(deleted.value()).response.deleted,
            4);
  const auto txn = world.run(client.txn({}, world.in(1s)));
  EXPECT_TRUE(std::get<client::Answer<apply::TxnResponse>>(txn.value()).response.succeeded);
  const auto compacted = world.run(client.compact({.revision = 3}, world.in(1s)));
  EXPECT_EQ(std::get<client::Answer<apply::CompactionResponse>>(compacted.value()).header.revision,
            13);
  const auto members = world.run(client.member_list(true, world.in(1s)));
  EXPECT_EQ(
      std::get<client::Answer<std::vector<membership::Member>>>(members.value()).response.at(0).id,
      5U);
  const auto status = world.run(client.status(0, world.in(1s)));
  EXPECT_EQ(std::get<client::Answer<wire::Status>>(status.value()).response.leader, 12U);
  const auto hash = world.run(client.hash_kv(0, 3, world.in(1s)));
  EXPECT_EQ(std::get<client::Answer<apply::HashKvAnswer>>(hash.value()).response.hash, 99U);
  // All over one connection.
  EXPECT_EQ(world.listener->connections(), 1U);
}

TEST(Client, ARefusalHadNoEffect) {
  ClientWorld world;
  const auto put = world.run(world.client->put({.key = ""}, world.in(1s)));
  EXPECT_EQ(failure_of(put), (client::Failure{{3, "etcdserver: key is not provided"}, false}));
}

TEST(Client, ADeadlineLeavesTheOutcomeOpenAndTakesTheCallBack) {
  ClientWorld world;
  const auto put = world.run(world.client->put({.key = "k"}, world.in(1s)));
  EXPECT_EQ(failure_of(put), (client::Failure{{4, "context deadline exceeded"}, true}));
  world.settle();
  EXPECT_EQ(world.node.calls.size(), 1U);
  EXPECT_EQ(world.node.forgotten.size(), 1U);
}

TEST(Client, ALostConnectionLeavesAWriteOpen) {
  ClientWorld world;
  std::optional<client::Outcome<apply::PutResponse>> put;
  world.tasks.spawn(keep(world.client->put({.key = "k"}, world.in(10s)), put));
  world.settle();
  ASSERT_EQ(world.node.calls.size(), 1U);
  world.listener.reset();
  world.settle();
  EXPECT_EQ(failure_of(put).status.code, 14U);
  EXPECT_TRUE(failure_of(put).maybe_applied);
}

TEST(Client, AReadIsRepeatedAfterALostConnection) {
  ClientWorld world({.endpoints = {std::string(kAddress), std::string(kAddress)}});
  std::optional<client::Outcome<apply::RangeResponse>> range;
  world.tasks.spawn(keep(world.client->range({.key = "k"}, world.in(10s)), range));
  world.settle();
  ASSERT_EQ(world.node.calls.size(), 1U);
  world.node.answer(0, apply::ApiError::kNoLeader);
  world.run_for(100ms);
  ASSERT_EQ(world.node.calls.size(), 2U);
  world.node.answer(1, apply::Response(apply::RangeResponse{}));
  world.settle();
  EXPECT_TRUE(std::holds_alternative<client::Answer<apply::RangeResponse>>(range.value()));
}

TEST(Client, WritesAreNotRepeatedOnceTheServerHasSeenThem) {
  ClientWorld world;
  world.node.set_script([](const server::Request&) -> std::optional<server::Outcome> {
    return apply::ApiError::kNoLeader;
  });
  const auto put = world.run(world.client->put({.key = "k"}, world.in(10s)));
  EXPECT_EQ(failure_of(put), (client::Failure{{14, "etcdserver: no leader"}, true}));
  EXPECT_EQ(world.node.calls.size(), 1U);
}

TEST(Client, ReadsGiveUpAfterAHundredAttempts) {
  ClientWorld world;
  world.node.set_script([](const server::Request&) -> std::optional<server::Outcome> {
    return apply::ApiError::kNoLeader;
  });
  const auto range = world.run(world.client->range({.key = "k"}, world.in(50s)));
  EXPECT_EQ(failure_of(range).status.code, 14U);
  EXPECT_EQ(world.node.calls.size(), 100U);
}

TEST(Client, WaitsForAServerThatCanBeReachedUntilTheDeadline) {
  ClientWorld world({.endpoints = {"memory:1", "memory:2"}});
  const auto put = world.run(world.client->put({.key = "k"}, world.in(2s)));
  EXPECT_EQ(failure_of(put), (client::Failure{{4, "context deadline exceeded"}, false}));
  EXPECT_EQ(world.clock.boot(), TimePoint(1s) + 2s);
}

TEST(Client, AWriteFindsTheEndpointThatCanBeReached) {
  ClientWorld world({.endpoints = {"memory:1", "memory:2", std::string(kAddress)}});
  world.node.set_script([](const server::Request&) -> std::optional<server::Outcome> {
    return apply::Response(apply::PutResponse{});
  });
  const auto put = world.run(world.client->put({.key = "k"}, world.in(2s)));
  EXPECT_TRUE(std::holds_alternative<client::Answer<apply::PutResponse>>(put.value()));
}

TEST(Client, WithoutRetriesAnUnreachableServerIsTheAnswer) {
  ClientWorld world({.endpoints = {"memory:1"}, .retry = client::RetryPolicy::kNever});
  const auto put = world.run(world.client->put({.key = "k"}, world.in(2s)));
  EXPECT_EQ(failure_of(put).status.code, 14U);
  EXPECT_FALSE(failure_of(put).maybe_applied);
}

TEST(Client, WorksOnAfterTheServerSaidGoodbye) {
  ClientWorld world;
  world.node.set_script([](const server::Request&) -> std::optional<server::Outcome> {
    return apply::Response(apply::PutResponse{});
  });
  const auto first = world.run(world.client->put({.key = "k"}, world.in(2s)));
  ASSERT_TRUE(std::holds_alternative<client::Answer<apply::PutResponse>>(first.value()));
  world.shut_down();
  world.run_for(20s);
  EXPECT_TRUE(world.drained);
  world.listener.emplace(Environment{.scheduler = world.scheduler,
                                     .log = telemetry::Log(world.sink, telemetry::Level::kDebug),
                                     .service = world.node.service(),
                                     .settings = {}},
                         world.network.open(std::string(kAddress)));
  world.listener->start();
  const auto second = world.run(world.client->put({.key = "k"}, world.in(2s)));
  EXPECT_TRUE(std::holds_alternative<client::Answer<apply::PutResponse>>(second.value()));
}

TEST(Client, ManyCallsAtOnceShareAConnectionWhateverThePieces) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    ClientWorld world({.endpoints = {std::string(kAddress)}}, seed);
    world.node.set_script([](const server::Request& request) -> std::optional<server::Outcome> {
      apply::PutResponse response;
      response.prev_kv = apply::KeyValue{.key = Bytes(std::get<apply::PutRequest>(request).key)};
      return apply::Response(response);
    });
    std::vector<std::optional<client::Outcome<apply::PutResponse>>> results(100);
    for (std::size_t i = 0; i < results.size(); ++i) {
      apply::PutRequest put{.key = std::to_string(i), .value = std::string(i * 50, 'x')};
      world.tasks.spawn(keep(world.client->put(std::move(put), world.in(5s)), results[i]));
    }
    world.run_for(1s);
    for (std::size_t i = 0; i < results.size(); ++i) {
      ASSERT_TRUE(results[i]) << "seed " << seed;
      const auto& answer = std::get<client::Answer<apply::PutResponse>>(*results[i]);
      EXPECT_EQ(answer.response.prev_kv->key.view(), std::to_string(i));
    }
    EXPECT_EQ(world.listener->connections(), 1U);
  }
}

TEST(Client, CallsThatAreDestroyedAreCancelledOnTheWire) {
  ClientWorld world;
  std::optional<client::Outcome<apply::PutResponse>> put;
  {
    runtime::TaskGroup group(world.scheduler);
    group.spawn(keep(world.client->put({.key = "k"}, world.in(10s)), put));
    world.settle();
    ASSERT_EQ(world.node.calls.size(), 1U);
  }
  world.settle();
  EXPECT_EQ(world.node.forgotten.size(), 1U);
}

}  // namespace
}  // namespace detcd::api
