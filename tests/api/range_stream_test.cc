// KV.RangeStream: what goes to the node, how pieces are put, and that the node hears what was
// taken.
#include <string>

#include <gtest/gtest.h>

#include "tests/api/world.h"
#include "wire/range_stream_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kStream = "/etcdserverpb.KV/RangeStream";

http2::StreamId ask(GrpcClient& client, const apply::RangeRequest& request) {
  return client.call(kStream, wire::serialize(request));
}

apply::RangePiece piece(const std::string& key, std::size_t value_bytes, bool last) {
  apply::RangePiece made;
  made.rows.kvs.push_back({.key = Bytes(key), .value = Bytes(std::string(value_bytes, 'v'))});
  made.bytes = key.size() + value_bytes;
  made.last = last;
  if (last) {
    made.rows.header_revision = 9;
    made.rows.count = 7;
    made.rows.more = true;
  }
  return made;
}

TEST(RangeStream, OnlyTheLastPieceHasAHeaderAndACount) {
  World world;
  GrpcClient client(world);
  const http2::StreamId id = ask(client, {.key = "a", .range_end = "b", .limit = 2});
  ASSERT_EQ(world.node.calls.size(), 1U);
  EXPECT_EQ(std::get<server::RangeStreamRequest>(world.node.calls[0].request).range,
            (apply::RangeRequest{.key = "a", .range_end = "b", .limit = 2}));
  world.node.answer(0, piece("a1", 10, false));
  world.settle();
  ASSERT_EQ(client.answer(id).messages.size(), 1U);
  EXPECT_FALSE(client.answer(id).status);
  world.node.answer(0, piece("a2", 10, true));
  world.settle();
  ASSERT_EQ(client.answer(id).messages.size(), 2U);
  ASSERT_TRUE(client.answer(id).status);
  EXPECT_EQ(client.answer(id).status->code, 0U);
  const Result<wire::ParsedResponse> first = wire::parse_range_piece(client.answer(id).messages[0]);
  const Result<wire::ParsedResponse> second =
      wire::parse_range_piece(client.answer(id).messages[1]);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->header, wire::Header{});
  EXPECT_EQ(second->header, (wire::Header{11, 12, 9, 2}));
  const auto& rows = std::get<apply::RangeResponse>(second->response);
  EXPECT_EQ(rows.count, 7);
  EXPECT_TRUE(rows.more);
  EXPECT_EQ(rows.kvs.at(0).key, Bytes("a2"));
  EXPECT_TRUE(world.node.forgotten.empty());
}

TEST(RangeStream, WhatTheClientTookIsToldToTheNode) {
  World world;
  GrpcClient client(world);
  ask(client, {.key = "a"});
  world.node.answer(0, piece("a1", 20'000, false));
  world.settle();
  ASSERT_EQ(world.node.credits.size(), 1U);
  EXPECT_EQ(world.node.credits[0].bytes, 20'002);
}

TEST(RangeStream, ItsEndByTheClientIsToldToTheNode) {
  World world;
  GrpcClient client(world);
  const http2::StreamId id = ask(client, {.key = "a"});
  world.node.answer(0, piece("a1", 10, false));
  world.settle();
  client.session.cancel(id);
  client.flush();
  world.settle();
  EXPECT_EQ(world.node.forgotten.size(), 1U);
}

TEST(RangeStream, AnErrorInBetweenEndsIt) {
  World world;
  GrpcClient client(world);
  const http2::StreamId id = ask(client, {.key = "a"});
  world.node.answer(0, piece("a1", 10, false));
  world.node.answer(0, apply::ApiError::kCompacted);
  world.settle();
  EXPECT_EQ(client.answer(id).messages.size(), 1U);
  EXPECT_EQ(client.answer(id).status,
            (http2::GrpcStatus{11, "etcdserver: mvcc: required revision has been compacted"}));
}

TEST(RangeStream, WhatItCannotDoIsUnimplemented) {
  World world;
  GrpcClient client(world);
  const http2::StreamId sorted = ask(client, {.key = "a", .sort_order = 2});
  EXPECT_EQ(client.answer(sorted).status,
            (http2::GrpcStatus{12, "RangeStream does not support custom sort orders"}));
  const http2::StreamId filtered = ask(client, {.key = "a", .max_mod_revision = 2});
  EXPECT_EQ(client.answer(filtered).status,
            (http2::GrpcStatus{12, "RangeStream does not support revision filters"}));
  const http2::StreamId empty = ask(client, {.sort_order = 2});
  EXPECT_EQ(client.answer(empty).status, (http2::GrpcStatus{3, "etcdserver: key is not provided"}));
  EXPECT_TRUE(world.node.calls.empty());
}

}  // namespace
}  // namespace detcd::api
