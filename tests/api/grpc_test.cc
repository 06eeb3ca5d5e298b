#include <string>

#include <gtest/gtest.h>

#include "tests/api/world.h"
#include "wire/admin_codec.h"
#include "wire/kv_codec.h"
#include "wire/member_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kPut = "/etcdserverpb.KV/Put";
constexpr std::string_view kRange = "/etcdserverpb.KV/Range";
constexpr std::string_view kTxn = "/etcdserverpb.KV/Txn";

std::string put_message(std::string key, std::string value) {
  return wire::serialize(apply::PutRequest{.key = std::move(key), .value = std::move(value)});
}
http2::GrpcStatus status(apply::GrpcCode code, std::string text) {
  return {static_cast<std::uint32_t>(code), std::move(text)};
}

TEST(Grpc, PutReachesTheNodeAndItsAnswerTheClient) {
  World world;
  GrpcClient client(world);
  const http2::StreamId stream = client.call(kPut, put_message("k", "v"));
  ASSERT_EQ(world.node.calls.size(), 1U);
  EXPECT_EQ(std::get<apply::PutRequest>(world.node.calls[0].request),
            (apply::PutRequest{.key = "k", .value = "v"}));
  EXPECT_EQ(world.node.calls[0].deadline, kNever);
  EXPECT_FALSE(client.answer(stream).status);
  world.node.answer(0, apply::Response(apply::PutResponse{}));
  world.settle();
  EXPECT_EQ(client.answer(stream).status, http2::GrpcStatus{});
  ASSERT_EQ(client.answer(stream).messages.size(), 1U);
  const Result<wire::ParsedResponse> parsed =
      wire::parse_put_response(client.answer(stream).messages[0]);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->header, (wire::Header{11, 12, 13, 2}));
}

TEST(Grpc, EveryMethodAsksTheNodeItsQuestion) {
  World world;
  GrpcClient client(world);
  client.call(kRange, wire::serialize(apply::RangeRequest{.key = "k", .limit = 3}));
  client.call("/etcdserverpb.KV/DeleteRange",
              wire::serialize(apply::DeleteRangeRequest{.key = "k"}));
  client.call(kTxn, wire::serialize(apply::TxnRequest{}));
  client.call("/etcdserverpb.KV/Compact",
              wire::serialize(apply::CompactionRequest{.revision = 5, .physical = true}));
  client.call("/etcdserverpb.Cluster/MemberList", wire::serialize_member_list_request(true));
  client.call("/etcdserverpb.Maintenance/Status", "");
  client.call("/etcdserverpb.Maintenance/HashKV", wire::serialize_hash_kv_request(9));
  ASSERT_EQ(world.node.calls.size(), 7U);
  EXPECT_EQ(std::get<apply::RangeRequest>(world.node.calls[0].request).limit, 3);
  EXPECT_EQ(std::get<apply::DeleteRangeRequest>(world.node.calls[1].request).key, "k");
  EXPECT_TRUE(std::holds_alternative<apply::TxnRequest>(world.node.calls[2].request));
  EXPECT_EQ(std::get<apply::CompactionRequest>(world.node.calls[3].request),
            (apply::CompactionRequest{.revision = 5, .physical = true}));
  EXPECT_TRUE(std::get<server::MemberListRequest>(world.node.calls[4].request).linearizable);
  EXPECT_TRUE(std::holds_alternative<server::StatusRequest>(world.node.calls[5].request));
  EXPECT_EQ(std::get<server::HashKvRequest>(world.node.calls[6].request).revision, 9);
}

TEST(Grpc, AlarmsAreAskedForAndAnsweredAsTheyCome) {
  World world;
  GrpcClient client(world);
  const apply::AlarmRequest asked{.action = 1, .member_id = 7, .alarm = 2};
  const http2::StreamId call =
      client.call("/etcdserverpb.Maintenance/Alarm", wire::serialize_alarm_request(asked));
  ASSERT_EQ(world.node.calls.size(), 1U);
  EXPECT_EQ(std::get<apply::AlarmRequest>(world.node.calls[0].request), asked);
  const apply::AlarmResponse alarms{.header_revision = 13, .alarms = {{7, 2}, {8, 1}}};
  world.node.answer(0, apply::Response(alarms));
  world.settle();
  EXPECT_EQ(client.answer(call).status, http2::GrpcStatus{});
  ASSERT_EQ(client.answer(call).messages.size(), 1U);
  const Result<wire::ParsedResponse> told =
      wire::parse_alarm_response(client.answer(call).messages[0]);
  ASSERT_TRUE(told);
  EXPECT_EQ(std::get<apply::AlarmResponse>(told->response), alarms);
}

TEST(Grpc, ASnapshotComesInPiecesAsTheClientTakesThem) {
  World world;
  GrpcClient client(world);
  const http2::StreamId call = client.call("/etcdserverpb.Maintenance/Snapshot", "");
  ASSERT_EQ(world.node.calls.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<server::SnapshotRequest>(world.node.calls[0].request));
  const Bytes piece(std::string(32'768, 'x'));
  world.node.answer(0, server::SnapshotPiece{32'768, piece, "3.7.0", false});
  world.node.answer(0, server::SnapshotPiece{0, piece, "3.7.0", false});
  world.settle();
  EXPECT_FALSE(client.answer(call).status) << "the checksum is still to come";
  world.node.answer(0, server::SnapshotPiece{0, Bytes(std::string("sum")), "3.7.0", true});
  world.settle();
  EXPECT_EQ(client.answer(call).status, http2::GrpcStatus{});
  ASSERT_EQ(client.answer(call).messages.size(), 3U);
  EXPECT_EQ(client.answer(call).messages[2],
            wire::serialize(wire::SnapshotPiece{0, "sum", "3.7.0"}).view());
}

TEST(Grpc, WhatSaysNothingIsAnsweredWithNothing) {
  World world;
  GrpcClient client(world);
  const http2::StreamId move =
      client.call("/etcdserverpb.Maintenance/MoveLeader", wire::serialize_move_leader_request(77));
  const http2::StreamId defragment = client.call("/etcdserverpb.Maintenance/Defragment", "");
  ASSERT_EQ(world.node.calls.size(), 2U);
  EXPECT_EQ(std::get<server::MoveLeaderRequest>(world.node.calls[0].request).target, 77U);
  world.node.answer(0, apply::ApiError::kBadLeaderTransferee);
  world.node.answer(1, server::Acknowledged{});
  world.settle();
  EXPECT_EQ(client.answer(move).status,
            status(apply::GrpcCode::kFailedPrecondition, "etcdserver: bad leader transferee"));
  EXPECT_EQ(client.answer(defragment).status, http2::GrpcStatus{});
  ASSERT_EQ(client.answer(defragment).messages.size(), 1U);
  EXPECT_EQ(client.answer(defragment).messages[0], "");
}

TEST(Grpc, AnswersKeepTheirCallsWhateverTheirOrder) {
  World world;
  GrpcClient client(world);
  const http2::StreamId first = client.call(kPut, put_message("a", ""));
  const http2::StreamId second = client.call(kPut, put_message("b", ""));
  world.node.answer(1, apply::Response(apply::PutResponse{}));
  world.settle();
  EXPECT_FALSE(client.answer(first).status);
  EXPECT_TRUE(client.answer(second).status);
  world.node.answer(0, apply::ApiError::kNoLeader);
  world.settle();
  EXPECT_EQ(client.answer(first).status,
            status(apply::GrpcCode::kUnavailable, "etcdserver: no leader"));
}

TEST(Grpc, ChangesOfMembersAskTheNodeAndBadUrlsDoNot) {
  using membership::Change;
  World world;
  GrpcClient client(world);
  const Change add{Change::Kind::kAdd, {.peer_urls = {" http://b:1", "http://a:1"}}};
  client.call("/etcdserverpb.Cluster/MemberAdd", wire::serialize_member_request(add));
  for (const Change::Kind kind :
       {Change::Kind::kRemove, Change::Kind::kUpdate, Change::Kind::kPromote}) {
    const Change change{kind, {.id = 7}};
    const char* const name = kind == Change::Kind::kRemove   ? "MemberRemove"
                             : kind == Change::Kind::kUpdate ? "MemberUpdate"
                                                             : "MemberPromote";
    client.call(std::string("/etcdserverpb.Cluster/") + name,
                wire::serialize_member_request(change));
    EXPECT_EQ(std::get<Change>(world.node.calls.back().request), change);
  }
  ASSERT_EQ(world.node.calls.size(), 4U);
  EXPECT_EQ(std::get<Change>(world.node.calls[0].request).member.peer_urls,
            (std::vector<std::string>{"http://a:1", "http://b:1"}));
  for (const std::vector<std::string>& urls :
       {std::vector<std::string>{}, {"nonsense"}, {"http://a"}, {"ftp://a:1"}, {"http://a:1/x"}}) {
    const Change bad{Change::Kind::kAdd, {.peer_urls = urls}};
    const http2::StreamId stream =
        client.call("/etcdserverpb.Cluster/MemberAdd", wire::serialize_member_request(bad));
    EXPECT_EQ(client.answer(stream).status, status(apply::GrpcCode::kInvalidArgument,
                                                   "etcdserver: given member URLs are invalid"));
  }
  EXPECT_EQ(world.node.calls.size(), 4U);
}

TEST(Grpc, AnAddedMemberIsNamed) {
  World world;
  world.node.set_script([](const server::Request&) -> std::optional<server::Outcome> {
    return server::MemberListResponse{.members = {{.id = 1}, {.id = 2}},
                                      .added = membership::Member{.id = 2, .is_learner = true}};
  });
  GrpcClient client(world);
  const membership::Change add{membership::Change::Kind::kAdd, {.peer_urls = {"http://a:1"}}};
  const http2::StreamId stream =
      client.call("/etcdserverpb.Cluster/MemberAdd", wire::serialize_member_request(add));
  ASSERT_EQ(client.answer(stream).messages.size(), 1U);
  const Result<wire::MemberList> list =
      wire::parse_member_add_response(client.answer(stream).messages[0]);
  ASSERT_TRUE(list && list->added);
  EXPECT_EQ(list->added->id, 2U);
  EXPECT_TRUE(list->added->is_learner);
  EXPECT_EQ(list->members.size(), 2U);
  EXPECT_EQ(list->header.revision, 0);
}

TEST(Grpc, MemberListCarriesNoRevision) {
  World world;
  world.node.set_script([](const server::Request&) -> std::optional<server::Outcome> {
    return server::MemberListResponse{.members = {{.id = 1, .name = "a"}}};
  });
  GrpcClient client(world);
  const http2::StreamId stream = client.call("/etcdserverpb.Cluster/MemberList", "");
  ASSERT_EQ(client.answer(stream).messages.size(), 1U);
  const Result<wire::MemberList> list =
      wire::parse_member_list_response(client.answer(stream).messages[0]);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->header.revision, 0);
  EXPECT_EQ(list->header.raft_term, 2U);
  EXPECT_EQ(list->members.at(0).name, "a");
}

struct Refused {
  std::string path;
  std::string message;
  http2::GrpcStatus status;
};
class GrpcRefusal : public testing::TestWithParam<Refused> {};

TEST_P(GrpcRefusal, IsAnsweredAtOnceWithoutAskingTheNode) {
  World world;
  GrpcClient client(world);
  const http2::StreamId stream = client.call(GetParam().path, GetParam().message);
  ASSERT_TRUE(client.answer(stream).status);
  EXPECT_EQ(*client.answer(stream).status, GetParam().status);
  EXPECT_TRUE(client.answer(stream).messages.empty());
  EXPECT_TRUE(world.node.calls.empty());
  // The connection goes on.
  client.call(kPut, put_message("k", "v"));
  EXPECT_EQ(world.node.calls.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, GrpcRefusal,
    testing::Values(
        Refused{"/etcdserverpb.Ledger/Enable", "",
                status(apply::GrpcCode::kUnimplemented, "unknown service etcdserverpb.Ledger")},
        Refused{"/etcdserverpb.KV/Rank", "",
                status(apply::GrpcCode::kUnimplemented,
                       "unknown method Rank for service etcdserverpb.KV")},
        Refused{"/a/b/c", "", status(apply::GrpcCode::kUnimplemented, "unknown service a/b")},
        Refused{"/nothing", "",
                status(apply::GrpcCode::kUnimplemented, "malformed method name: \"/nothing\"")},
        Refused{std::string(kPut), "\x0a\x05k",
                status(apply::GrpcCode::kInternal,
                       "grpc: error unmarshalling request: "
                       "proto: cannot parse invalid wire-format data")},
        Refused{std::string(kPut), "",
                status(apply::GrpcCode::kInvalidArgument, "etcdserver: key is not provided")},
        Refused{std::string(kPut),
                wire::serialize(apply::PutRequest{.key = "k", .value = "v", .ignore_value = true}),
                status(apply::GrpcCode::kInvalidArgument, "etcdserver: value is provided")},
        Refused{std::string(kRange),
                wire::serialize(apply::RangeRequest{.key = "k", .sort_order = 7}),
                status(apply::GrpcCode::kInvalidArgument, "etcdserver: invalid sort option")},
        Refused{std::string(kPut), put_message("k", std::string(1'572'864, 'x')),
                status(apply::GrpcCode::kInvalidArgument, "etcdserver: request is too large")},
        Refused{"/grpc.health.v1.Health/Check", wire::serialize_health_check_request("x"),
                status(apply::GrpcCode::kNotFound, "unknown service")}));

TEST(Grpc, AMessageBeyondTheTransportsLimitIsRefused) {
  World world;
  GrpcClient client(world);
  const http2::StreamId stream = client.call(kPut, std::string(2'097'153, 'x'));
  world.run_for(1ms);
  ASSERT_TRUE(client.answer(stream).status);
  EXPECT_EQ(*client.answer(stream).status,
            status(apply::GrpcCode::kResourceExhausted,
                   "grpc: received message larger than max (2097153 vs. 2097152)"));
  EXPECT_TRUE(world.node.calls.empty());
}

TEST(Grpc, ARequestThatEndsWithoutAMessageIsRefusedAsGrpcGoDoes) {
  World world;
  GrpcClient client(world);
  const http2::StreamId stream = client.open(kPut);
  client.session.end_request(stream);
  client.flush();
  EXPECT_EQ(client.answer(stream).status, status(apply::GrpcCode::kUnknown, "EOF"));
}

TEST(Grpc, ASecondMessageOfAUnaryCallIsIgnored) {
  World world;
  GrpcClient client(world);
  const http2::StreamId stream = client.open(kPut);
  client.session.send_message(stream, Bytes(put_message("a", "1")));
  client.session.send_message(stream, Bytes(put_message("b", "2")));
  client.session.end_request(stream);
  client.flush();
  ASSERT_EQ(world.node.calls.size(), 1U);
  world.node.answer(0, apply::Response(apply::PutResponse{}));
  world.settle();
  EXPECT_EQ(client.answer(stream).status, http2::GrpcStatus{});
}

TEST(Grpc, ACancelledCallIsForgottenAndItsLateReplyDropped) {
  World world;
  GrpcClient client(world);
  const http2::StreamId stream = client.call(kPut, put_message("k", "v"));
  client.session.cancel(stream);
  client.flush();
  EXPECT_EQ(world.node.forgotten, std::vector{world.node.calls.at(0).call});
  world.node.answer(0, apply::Response(apply::PutResponse{}));
  world.settle();
  EXPECT_TRUE(client.answer(stream).messages.empty());
  client.call(kPut, put_message("k", "v"));
  EXPECT_EQ(world.node.calls.size(), 2U);
  EXPECT_EQ(world.node.forgotten.size(), 1U);
}

TEST(Grpc, ALostConnectionForgetsItsCalls) {
  World world;
  GrpcClient client(world);
  client.call(kPut, put_message("a", ""));
  client.call(kPut, put_message("b", ""));
  EXPECT_EQ(world.listener->connections(), 1U);
  client.abort();
  EXPECT_EQ(world.node.forgotten.size(), 2U);
  EXPECT_EQ(world.listener->connections(), 0U);
}

TEST(Grpc, ADeadlineIsPassedOnAndEndsTheCall) {
  World world;
  GrpcClient client(world);
  const TimePoint now = world.clock.boot();
  const http2::StreamId stream = client.call(kPut, put_message("k", "v"), 100ms);
  const http2::StreamId later = client.call(kPut, put_message("k", "v"), 200ms);
  ASSERT_EQ(world.node.calls.size(), 2U);
  EXPECT_GE(world.node.calls[0].deadline, now + 100ms);
  EXPECT_LE(world.node.calls[0].deadline, now + 101ms);
  world.run_for(99ms);
  EXPECT_FALSE(client.answer(stream).status);
  world.run_for(2ms);
  EXPECT_EQ(client.answer(stream).status,
            status(apply::GrpcCode::kDeadlineExceeded, "context deadline exceeded"));
  EXPECT_EQ(world.node.forgotten, std::vector{world.node.calls[0].call});
  EXPECT_FALSE(client.answer(later).status);
  world.run_for(100ms);
  EXPECT_TRUE(client.answer(later).status);
}

TEST(Grpc, ADeadlinePassesAlsoBeforeTheRequestIsWhole) {
  World world;
  GrpcClient client(world);
  const http2::StreamId stream = client.open(kPut, 50ms);
  client.flush();
  world.run_for(60ms);
  EXPECT_EQ(client.answer(stream).status,
            status(apply::GrpcCode::kDeadlineExceeded, "context deadline exceeded"));
  EXPECT_TRUE(world.node.calls.empty());
}

TEST(Grpc, AnAnsweredCallHasNoDeadlineAnyMore) {
  World world;
  GrpcClient client(world);
  const http2::StreamId stream = client.call(kPut, put_message("k", "v"), 100ms);
  world.node.answer(0, apply::Response(apply::PutResponse{}));
  world.run_for(1s);
  EXPECT_EQ(client.answer(stream).status, http2::GrpcStatus{});
  EXPECT_TRUE(world.node.forgotten.empty());
}

TEST(Grpc, AHalfSentRequestWaitsAndHoldsNothingUp) {
  World world;
  GrpcClient client(world);
  const http2::StreamId half = client.open(kPut);
  client.flush();
  const http2::StreamId whole = client.call(kPut, put_message("k", "v"));
  ASSERT_EQ(world.node.calls.size(), 1U);
  world.node.answer(0, apply::Response(apply::PutResponse{}));
  world.settle();
  EXPECT_TRUE(client.answer(whole).status);
  EXPECT_FALSE(client.answer(half).status);
  client.session.send_message(half, Bytes(put_message("h", "")));
  client.session.end_request(half);
  client.flush();
  EXPECT_EQ(world.node.calls.size(), 2U);
}

TEST(Grpc, WithoutANodeCallsAreRefusedAsStopped) {
  World world;
  world.node.stop();
  world.settle();
  GrpcClient client(world);
  const http2::StreamId stream = client.call(kPut, put_message("k", "v"));
  EXPECT_EQ(client.answer(stream).status,
            status(apply::GrpcCode::kUnavailable, "etcdserver: server stopped"));
}

TEST(Grpc, HealthIsWhatTheNodeSaysAndItsWatchIsToldOfChanges) {
  World world;
  GrpcClient client(world);
  const http2::StreamId check = client.call("/grpc.health.v1.Health/Check", "");
  EXPECT_EQ(client.answer(check).messages, std::vector<std::string>{"\x08\x01"});
  const http2::StreamId list = client.call("/grpc.health.v1.Health/List", "");
  EXPECT_EQ(client.answer(list).status, http2::GrpcStatus{});
  EXPECT_TRUE(client.answer(list).messages.at(0).ends_with("\x08\x01"));
  const http2::StreamId watch = client.call("/grpc.health.v1.Health/Watch", "");
  EXPECT_EQ(client.answer(watch).messages, std::vector<std::string>{"\x08\x01"});
  const http2::StreamId unknown =
      client.call("/grpc.health.v1.Health/Watch", wire::serialize_health_check_request("x"));
  EXPECT_EQ(client.answer(unknown).messages, std::vector<std::string>{"\x08\x03"});
  world.run_for(1000s);
  world.node.answer(2, server::ServingAnswer{false});
  world.settle();
  EXPECT_EQ(client.answer(watch).messages, (std::vector<std::string>{"\x08\x01", "\x08\x02"}));
  EXPECT_FALSE(client.answer(watch).status);
  world.node.set_script([](const server::Request&) { return server::ServingAnswer{false}; });
  const http2::StreamId doubts = client.call("/grpc.health.v1.Health/Check", "");
  EXPECT_EQ(client.answer(doubts).messages, std::vector<std::string>{"\x08\x02"});
  const http2::StreamId listed = client.call("/grpc.health.v1.Health/List", "");
  EXPECT_TRUE(client.answer(listed).messages.at(0).ends_with("\x08\x02"));
  const http2::StreamId empty = client.open("/grpc.health.v1.Health/Watch");
  client.session.end_request(empty);
  client.flush();
  EXPECT_EQ(client.answer(empty).status,
            status(apply::GrpcCode::kInternal,
                   "cardinality violation: received no request message from "
                   "non-client-streaming RPC"));
  EXPECT_EQ(world.node.calls.size(), 5U);
}

TEST(Grpc, AMemberThatRefusesItsHealthEndsTheCall) {
  World world;
  world.node.set_script(
      [](const server::Request&) { return apply::ApiError::kNotSupportedForLearner; });
  GrpcClient client(world);
  for (const std::string method : {"Check", "List", "Watch"}) {
    const http2::StreamId call = client.call("/grpc.health.v1.Health/" + method, "");
    EXPECT_EQ(client.answer(call).status, status(apply::GrpcCode::kFailedPrecondition,
                                                 "etcdserver: rpc not supported for learner"));
  }
}

TEST(Grpc, BytesInAnyPiecesMeanTheSame) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    World world(seed, {}, {.seed = seed});
    world.node.set_script([](const server::Request& request) -> std::optional<server::Outcome> {
      apply::PutResponse response;
      const auto& put = std::get<apply::PutRequest>(request);
      response.prev_kv = apply::KeyValue{.key = Bytes(put.key), .value = Bytes(put.value)};
      return apply::Response(response);
    });
    GrpcClient client(world);
    std::vector<std::pair<http2::StreamId, std::string>> calls;
    for (int i = 0; i < 50; ++i) {
      const std::string value(mix64(seed, i) % 20'000, static_cast<char>('a' + i % 26));
      calls.emplace_back(client.call(kPut, put_message(std::to_string(i), value)), value);
    }
    world.run_for(10ms);
    for (const auto& [stream, value] : calls) {
      ASSERT_EQ(client.answer(stream).status, http2::GrpcStatus{}) << "seed " << seed;
      const Result<wire::ParsedResponse> parsed =
          wire::parse_put_response(client.answer(stream).messages.at(0));
      ASSERT_TRUE(parsed);
      EXPECT_EQ(std::get<apply::PutResponse>(parsed->response).prev_kv->value.view(), value);
    }
  }
}

TEST(Grpc, BytesThatAreNoHttp2EndTheConnection) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    World world(seed);
    RawClient client(world);
    std::string bytes(http2::ClientSession("x").take_output(1 << 20));
    for (std::uint64_t i = 0; i < 64; ++i) bytes.push_back(static_cast<char>(mix64(seed, i)));
    client.send(bytes);
    world.run_for(200s);
    EXPECT_TRUE(world.node.calls.empty());
  }
}

TEST(Grpc, ASilentConnectionIsPingedAndEndedWhenItStaysSilent) {
  World world;
  GrpcClient client(world);
  client.pause();
  // The read that was under way gives what it gets.
  client.call("/grpc.health.v1.Health/Check", "");
  world.run_for(7200s + 19s);
  EXPECT_EQ(world.listener->connections(), 1U);
  world.run_for(5s);
  EXPECT_EQ(world.listener->connections(), 0U);
}

TEST(Grpc, ASilentConnectionThatAnswersPingsLives) {
  World world;
  GrpcClient client(world);
  client.call("/grpc.health.v1.Health/Check", "");
  world.run_for(7200s * 4);
  EXPECT_EQ(world.listener->connections(), 1U);
}

TEST(Grpc, AClientThatTakesNoAnswersIsNotReadForever) {
  World world(0, {.untaken_bytes_high = 1 << 20}, {.seed = 0, .capacity = 64 << 10});
  world.node.set_script([](const server::Request&) -> std::optional<server::Outcome> {
    apply::RangeResponse response;
    response.kvs.push_back({.key = Bytes("k"), .value = Bytes(std::string(30'000, 'x'))});
    return apply::Response(response);
  });
  GrpcClient client(world);
  client.call(kRange, wire::serialize(apply::RangeRequest{.key = "k"}));
  client.pause();
  const std::string message = wire::serialize(apply::RangeRequest{.key = "k"});
  for (int i = 0; i < 400; ++i) client.call(kRange, message);
  world.run_for(5ms);
  const std::size_t asked = world.node.calls.size();
  EXPECT_LT(asked, 200U);
  client.resume();
  world.run_for(1s);
  EXPECT_EQ(world.node.calls.size(), 401U);
  for (const auto& [stream, answer] : client.answers) EXPECT_EQ(answer.status, http2::GrpcStatus{});
}

// Room that answers hold, as the node gives it away.
class CountedRoom final : public server::Held {
 public:
  explicit CountedRoom(int& held) : held_(held) { ++held_; }
  ~CountedRoom() override { --held_; }

 private:
  int& held_;
};

struct LargeAnswers {
  LargeAnswers() : world(0, {}, {.seed = 0, .capacity = 64 << 10}), client(world) {
    client.call(kRange, wire::serialize(apply::RangeRequest{.key = "first"}));
    client.pause();
    for (int i = 0; i < 3; ++i) {
      streams.push_back(client.call(kRange, wire::serialize(apply::RangeRequest{.key = "k"}), 10s));
    }
    apply::RangeResponse response;
    response.kvs.push_back({.key = Bytes("k"), .value = Bytes(std::string(1 << 20, 'x'))});
    for (std::size_t i = 0; i < 4; ++i) {
      world.node.answer(i, apply::Response(response), std::make_unique<CountedRoom>(held));
    }
    world.run_for(5ms);
  }

  int held = 0;
  World world;
  GrpcClient client;
  std::vector<http2::StreamId> streams;
};

TEST(Grpc, ALargeAnswerHoldsItsRoomUntilTheClientTookIt) {
  LargeAnswers test;
  EXPECT_GE(test.held, 3);
  test.client.resume();
  test.world.run_for(1s);
  EXPECT_EQ(test.held, 0);
  for (const http2::StreamId stream : test.streams) {
    EXPECT_EQ(test.client.answer(stream).status, http2::GrpcStatus{});
  }
}

TEST(Grpc, ALargeAnswerThatIsResetHoldsNoRoom) {
  LargeAnswers test;
  const int before = test.held;
  test.client.session.cancel(test.streams[2]);
  test.client.flush();
  test.world.run_for(5ms);
  EXPECT_EQ(test.held, before - 1);
}

TEST(Grpc, AConnectionThatEndsHoldsNoRoom) {
  LargeAnswers test;
  test.client.abort();
  test.world.run_for(5ms);
  EXPECT_EQ(test.held, 0);
}

// 2100 times the same MiB, which the rows share.
TEST(Grpc, AnAnswerLongerThanEtcdSendsIsRefusedWithoutBeingMade) {
  World world;
  GrpcClient client(world);
  const http2::StreamId stream =
      client.call(kRange, wire::serialize(apply::RangeRequest{.key = "k"}));
  const Bytes value(std::string(1 << 20, 'x'));
  apply::RangeResponse response;
  for (int i = 0; i < 2100; ++i) response.kvs.push_back({.key = Bytes("k"), .value = value});
  int held = 0;
  world.node.answer(0, apply::Response(std::move(response)), std::make_unique<CountedRoom>(held));
  world.settle();
  ASSERT_TRUE(client.answer(stream).status);
  EXPECT_EQ(client.answer(stream).status->code, 8U);
  EXPECT_TRUE(client.answer(stream).status->message.starts_with(
      "grpc: trying to send message larger than max (2202"));
  EXPECT_TRUE(client.answer(stream).status->message.ends_with(" vs. 2147483647)"));
  EXPECT_EQ(held, 0);
}

TEST(Grpc, ALargeAnswerAfterItsDeadlineHoldsNoRoom) {
  World world;
  GrpcClient client(world);
  client.call(kRange, wire::serialize(apply::RangeRequest{.key = "k"}), 1s);
  world.run_for(2s);
  int held = 0;
  world.node.answer(0, apply::Response(apply::RangeResponse{}),
                    std::make_unique<CountedRoom>(held));
  EXPECT_EQ(held, 1);
  world.settle();
  EXPECT_EQ(held, 0);
}

}  // namespace
}  // namespace detcd::api
