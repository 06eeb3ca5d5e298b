// How calls end at the client, whatever the server does.
#include "http2/client_session.h"

#include <string>

#include <gtest/gtest.h>

#include "pair.h"
#include "raw.h"

namespace detcd::http2 {
namespace {

// A client fed by hand.
struct ByHand {
  ByHand() {
    stream = *client.open("/p.S/M", {}, std::nullopt);
    client.send_message(stream, Bytes("ask"));
    sent = client.take_output(1 << 20);
    client.feed(raw::write({raw::kSettings, 0, 0, ""}));
  }
  CallEnded ended() {
    CallEnded last{.stream = {}, .status = {99, "none"}, .trailers = {}};
    for (ClientEvent& event : client.take_events()) {
      if (auto* end = std::get_if<CallEnded>(&event)) last = std::move(*end);
    }
    return last;
  }

  ClientSession client{"host:1"};
  StreamId stream;
  std::string sent;
};

TEST(ClientCalls, TrailersAreGivenWithTheStatus) {
  ByHand hand;
  hand.client.feed(
      raw::headers(1, {{":status", "200"}, {"content-type", "application/grpc"}, {"first", "x"}}));
  hand.client.feed(raw::data(1, raw::grpc("answer")));
  hand.client.feed(
      raw::headers(1, {{"grpc-status", "9"}, {"grpc-message", "a%20b"}, {"k", "v"}}, true));
  const auto events = hand.client.take_events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(std::get<AnswerMessage>(events[0]).message.view(), "answer");
  const auto& end = std::get<CallEnded>(events[1]);
  EXPECT_EQ(end.status, (GrpcStatus{9, "a b"}));
  EXPECT_EQ(end.trailers, (Headers{{"k", "v"}}));
}

TEST(ClientCalls, HttpErrorsBecomeGrpcCodes) {
  ByHand hand;
  hand.client.feed(raw::headers(1, {{":status", "503"}, {"content-type", "text/html"}}));
  EXPECT_EQ(hand.ended().status,
            (GrpcStatus{14, "unexpected HTTP status code received from server: 503"}));
  const auto frames = raw::read(hand.client.take_output(1 << 20));
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().type, raw::kReset);
}

TEST(ClientCalls, ForeignContentTypeIsUnknown) {
  ByHand hand;
  hand.client.feed(raw::headers(1, {{":status", "200"}, {"content-type", "text/html"}}, true));
  EXPECT_EQ(hand.ended().status,
            (GrpcStatus{2, "transport: received unexpected content-type \"text/html\""}));
}

TEST(ClientCalls, EndWithoutTrailersIsInternal) {
  ByHand hand;
  hand.client.feed(raw::headers(1, {{":status", "200"}, {"content-type", "application/grpc"}}));
  hand.client.feed(raw::data(1, raw::grpc("x"), true));
  EXPECT_EQ(hand.ended().status,
            (GrpcStatus{13, "server closed the stream without sending trailers"}));
}

TEST(ClientCalls, OkWithAnUnfinishedMessageIsInternal) {
  ByHand hand;
  hand.client.feed(raw::headers(1, {{":status", "200"}, {"content-type", "application/grpc"}}));
  hand.client.feed(raw::data(1, raw::grpc("half a message").substr(0, 9)));
  hand.client.feed(raw::headers(1, {{"grpc-status", "0"}}, true));
  EXPECT_EQ(hand.ended().status, (GrpcStatus{13, "unexpected EOF"}));
}

TEST(ClientCalls, ResetCodesAreMapped) {
  ByHand refused;
  refused.client.feed(raw::reset(1, 7));
  CallEnded end = refused.ended();
  EXPECT_EQ(end.status.code, 14u);
  EXPECT_FALSE(end.processed);
  ByHand calm;
  calm.client.feed(raw::reset(1, 11));
  end = calm.ended();
  EXPECT_EQ(end.status.code, 8u);
  EXPECT_TRUE(end.processed);
}

TEST(ClientCalls, LostConnectionEndsAllAndKnowsWhatWasSent) {
  ByHand hand;
  const auto unsent = hand.client.open("/p.S/M", {}, std::nullopt);
  hand.client.connection_lost();
  const auto events = hand.client.take_events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(std::get<CallEnded>(events[0]).status.code, 14u);
  EXPECT_TRUE(std::get<CallEnded>(events[0]).processed);
  EXPECT_EQ(std::get<CallEnded>(events[1]).stream, *unsent);
  EXPECT_FALSE(std::get<CallEnded>(events[1]).processed);
  EXPECT_FALSE(hand.client.open("/p.S/M", {}, std::nullopt));
  EXPECT_FALSE(hand.client.wants_write());
}

TEST(ClientCalls, GoAwayLeavesCallsBelowItAndTakesNoNewOnes) {
  ByHand hand;
  const auto second = *hand.client.open("/p.S/M", {}, std::nullopt);
  (void)hand.client.take_output(1 << 20);
  const auto queued = *hand.client.open("/p.S/M", {}, std::nullopt);
  hand.client.feed(raw::write({raw::kGoAway, 0, 0, raw::number(1, 4) + raw::number(0, 4)}));
  (void)hand.client.take_output(1 << 20);
  EXPECT_TRUE(hand.client.going_away());
  EXPECT_FALSE(hand.client.open("/p.S/M", {}, std::nullopt));
  const auto events = hand.client.take_events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(std::get<CallEnded>(events[0]).stream, second);
  EXPECT_EQ(std::get<CallEnded>(events[1]).stream, queued);
  for (const ClientEvent& event : events) {
    EXPECT_FALSE(std::get<CallEnded>(event).processed);
    EXPECT_EQ(std::get<CallEnded>(event).status.code, 14u);
  }
  EXPECT_EQ(hand.client.open_streams(), 1u);
  EXPECT_FALSE(hand.client.closed());
}

TEST(ClientCalls, CancelSendsResetAndSaysNothingMore) {
  ByHand hand;
  hand.client.cancel(hand.stream);
  const auto frames = raw::read(hand.client.take_output(1 << 20));
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().type, raw::kReset);
  EXPECT_EQ(frames.back().payload, raw::number(8, 4));
  hand.client.feed(raw::headers(1, {{":status", "200"}, {"content-type", "application/grpc"}}));
  EXPECT_TRUE(hand.client.take_events().empty());
  EXPECT_EQ(hand.client.open_streams(), 0u);
}

TEST(ClientCalls, CancelBeforeTheRequestLeftSendsNothing) {
  ByHand hand;
  (void)hand.client.take_output(1 << 20);
  const auto unsent = *hand.client.open("/p.S/M", {}, std::nullopt);
  hand.client.cancel(unsent);
  EXPECT_TRUE(hand.client.take_output(1 << 20).empty());
  EXPECT_TRUE(hand.client.take_events().empty());
  EXPECT_EQ(hand.client.open_streams(), 1u);
}

TEST(ClientCalls, ConcurrencyLimitOfTheServerIsKept) {
  Pair pair({.concurrent_streams_max = 3});
  pair.settle();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pair.client.open("/p.S/M", {}, std::nullopt));
  EXPECT_FALSE(pair.client.open("/p.S/M", {}, std::nullopt));
  EXPECT_FALSE(pair.client.going_away());
  pair.settle();
  pair.server.finish(StreamId(1), {});
  pair.settle();
  EXPECT_TRUE(pair.client.open("/p.S/M", {}, std::nullopt));
}

TEST(ClientCalls, AnswerLongerThanAnyWindowArrives) {
  Pair pair;
  pair.serve = [&pair](const ServerEvent& event) {
    const auto* opened = std::get_if<StreamOpened>(&event);
    if (opened == nullptr) return;
    pair.server.send_message(opened->stream, Bytes::adopt(std::string(50 << 20, 'x')));
    pair.server.finish(opened->stream, {});
  };
  const auto stream = *pair.client.open("/p.S/M", {}, std::nullopt);
  pair.client.end_request(stream);
  pair.settle();
  ASSERT_EQ(pair.seen_by_client<AnswerMessage>().size(), 1u);
  EXPECT_EQ(pair.seen_by_client<AnswerMessage>()[0].message.size(), 50u << 20);
  EXPECT_EQ(pair.seen_by_client<CallEnded>()[0].status.code, 0u);
}

TEST(ClientCalls, KeepalivePingIsAnswered) {
  Pair pair;
  pair.client.ping();
  EXPECT_TRUE(pair.client.ping_outstanding());
  pair.settle();
  EXPECT_FALSE(pair.client.ping_outstanding());
}

TEST(ClientCalls, ServerMayEndACallWhoseRequestIsOpen) {
  Pair pair;
  const auto stream = *pair.client.open("/p.S/M", {}, std::nullopt);
  pair.client.send_message(stream, Bytes(std::string(1 << 20, 'x')));
  pair.settle();
  pair.server.finish(stream, {7, "no"});
  pair.client.send_message(stream, Bytes("late"));
  pair.settle();
  const auto ends = pair.seen_by_client<CallEnded>();
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].status, (GrpcStatus{7, "no"}));
  EXPECT_EQ(pair.client.open_streams(), 0u);
  EXPECT_EQ(pair.server.open_streams(), 0u);
  EXPECT_TRUE(pair.seen_by_server<StreamReset>().empty());
}

}  // namespace
}  // namespace detcd::http2
