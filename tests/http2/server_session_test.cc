// What a server session says to clients that break rules, and how it ends streams and connections.
#include "http2/server_session.h"

#include <string>

#include <gtest/gtest.h>

#include "http2/gzip.h"
#include "pair.h"
#include "raw.h"

namespace detcd::http2 {
namespace {

// A server fed by hand. A client session that believes to have opened streams 1, 3, … reads the
// answers, because only a session can undo HPACK's compression.
struct ByHand {
  explicit ByHand(ServerLimits limits = {}, int calls = 2) : server(limits) {
    for (int i = 0; i < calls; ++i) (void)reader.open("/p.S/M", {}, std::nullopt);
    (void)reader.take_output(1 << 20);
    say(raw::hello());
    // The windows are the server's once its settings are acknowledged.
    hear();
    say(raw::write({raw::kSettings, raw::kAck, 0, ""}));
  }
  bool say(const std::string& bytes) {
    const bool alive = server.feed(bytes, now);
    for (ServerEvent& event : server.take_events()) events.push_back(std::move(event));
    return alive;
  }
  std::vector<raw::Frame> hear() {
    std::string all;
    for (std::string bytes; !(bytes = server.take_output(1 << 20)).empty();) all += bytes;
    reader.feed(all);
    for (ServerEvent& event : server.take_events()) events.push_back(std::move(event));
    return raw::read(all);
  }
  // How the only call that ended did.
  GrpcStatus status() {
    for (const ClientEvent& event : reader.take_events()) {
      if (const auto* end = std::get_if<CallEnded>(&event)) return end->status;
    }
    return {99, "none"};
  }
  template <class Event>
  std::size_t count() const {
    std::size_t out = 0;
    for (const ServerEvent& event : events) out += std::holds_alternative<Event>(event) ? 1 : 0;
    return out;
  }

  ServerSession server;
  ClientSession reader{"a"};
  TimePoint now{};
  std::vector<ServerEvent> events;
};

std::vector<raw::Frame> of_type(const std::vector<raw::Frame>& frames, std::uint8_t type) {
  std::vector<raw::Frame> out;
  for (const raw::Frame& frame : frames) {
    if (frame.type == type) out.push_back(frame);
  }
  return out;
}

TEST(ServerHeaders, ForeignContentTypeIsRefusedWith415) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request({}, "GET", "text/html")));
  const auto frames = hand.hear();
  EXPECT_TRUE(hand.events.empty());
  // Unknown to gRPC clients' table, hence what the trailers say.
  EXPECT_EQ(hand.status(), (GrpcStatus{3, "invalid gRPC request content-type \"text/html\""}));
  ASSERT_EQ(of_type(frames, raw::kReset).size(), 1u);
  EXPECT_EQ(of_type(frames, raw::kReset)[0].payload, raw::number(0, 4));
  EXPECT_EQ(hand.server.open_streams(), 0u);
}

TEST(ServerHeaders, OtherMethodsAreRefusedWith405) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request({}, "PUT"), true));
  const auto frames = hand.hear();
  EXPECT_EQ(hand.status(),
            (GrpcStatus{13, "Received a HEADERS frame with :method \"PUT\" which should be POST"}));
  // The request had ended: there is nothing to stop.
  EXPECT_TRUE(of_type(frames, raw::kReset).empty());
}

TEST(ServerHeaders, MalformedTimeoutIsRefused) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request({{"grpc-timeout", "1x"}}), true));
  hand.hear();
  EXPECT_EQ(hand.status(),
            (GrpcStatus{13,
                        "malformed grpc-timeout: transport: timeout unit is not recognized: "
                        "\"1x\""}));
}

TEST(ServerHeaders, UnknownEncodingIsUnimplemented) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request({{"grpc-encoding", "snappy"}})));
  hand.say(raw::data(1, raw::grpc("x", true), true));
  hand.hear();
  EXPECT_TRUE(hand.events.empty());
  EXPECT_EQ(hand.status(),
            (GrpcStatus{12, "grpc: Decompressor is not installed for grpc-encoding \"snappy\""}));
}

// etcd's clients of 3.4 write the whole URL of an endpoint there.
TEST(ServerHeaders, AnyAuthorityIsTaken) {
  for (const char* authority : {"http://127.0.0.1:2379", "unix:///x y", ""}) {
    ByHand hand;
    Headers headers = raw::request();
    headers[3].second = authority;
    hand.say(raw::headers(1, headers, true));
    ASSERT_EQ(hand.count<StreamOpened>(), 1u) << authority;
    EXPECT_EQ(std::get<StreamOpened>(hand.events[0]).metadata[0].second, authority);
  }
}

TEST(ServerHeaders, BrokenRulesResetTheStreamOnly) {
  const auto with = [](Headers more) { return raw::request(more); };
  std::vector<Headers> broken = {with({{"X", "upper case"}}),
                                 with({{"a b", "a space"}}),
                                 with({{"x", "a\nb"}}),
                                 with({{"x", std::string(1, '\0')}}),
                                 with({{"connection", "close"}}),
                                 with({{"te", "gzip"}}),
                                 with({{":path", "/again"}}),
                                 with({{":protocol", "websocket"}}),
                                 with({{"transfer-encoding", ""}})};
  for (std::size_t missing = 0; missing < 3; ++missing) {
    Headers headers = raw::request();
    headers.erase(headers.begin() + static_cast<std::ptrdiff_t>(missing));
    broken.push_back(headers);
  }
  Headers late = raw::request();
  std::swap(late[0], late.back());
  broken.push_back(late);
  ByHand hand;
  std::uint32_t id = 1;
  for (const Headers& headers : broken) {
    hand.say(raw::headers(id, headers, true));
    const auto frames = of_type(hand.hear(), raw::kReset);
    ASSERT_EQ(frames.size(), 1u) << "case " << id / 2;
    EXPECT_EQ(frames[0].payload, raw::number(1, 4)) << "case " << id / 2;  // PROTOCOL_ERROR
    id += 2;
  }
  EXPECT_TRUE(hand.events.empty());
  EXPECT_TRUE(hand.say(raw::headers(id, raw::request(), true)));
  EXPECT_EQ(hand.count<StreamOpened>(), 1u);
}

TEST(ServerHeaders, TooManyHeaderBytesResetTheStreamOnly) {
  ByHand hand({.header_bytes_max = 4096});
  hand.say(raw::headers(1, raw::request({{"x", std::string(5000, 'y')}}), true));
  auto frames = hand.hear();
  ASSERT_EQ(of_type(frames, raw::kReset).size(), 1u);
  EXPECT_EQ(of_type(frames, raw::kReset)[0].payload, raw::number(6, 4));  // FRAME_SIZE_ERROR
  EXPECT_TRUE(hand.events.empty());
  EXPECT_TRUE(hand.say(raw::headers(3, raw::request(), true)));
  EXPECT_EQ(hand.count<StreamOpened>(), 1u);
}

TEST(ServerHeaders, HeaderBombOfContinuationsEndsTheConnection) {
  ByHand hand;
  const std::string block = raw::pack({{"x", std::string(16'000, 'y')}});
  bool alive = hand.say(raw::write({raw::kHeaders, 0, 1, raw::pack(raw::request())}));
  int sent = 0;
  for (; alive && sent < 10'000; ++sent) {
    alive = hand.say(raw::write({raw::kContinuation, 0, 1, block}));
    hand.hear();
    alive = alive && !hand.server.closed();
  }
  EXPECT_LT(sent, 200);
  EXPECT_TRUE(hand.events.empty());
}

TEST(ServerHeaders, TeIsNotNeededAndRepeatedHeadersStayInOrder) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request({{"token", "a"}, {"token", "b"}})));
  ASSERT_EQ(hand.count<StreamOpened>(), 1u);
  EXPECT_EQ(std::get<StreamOpened>(hand.events[0]).metadata,
            (Headers{{":authority", "a"}, {"token", "a"}, {"token", "b"}}));
}

TEST(ServerMessages, TooLargeIsResourceExhausted) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request()));
  hand.say(raw::data(1, std::string(1, '\0') + raw::number(2'097'153, 4) + "begin"));
  const auto frames = hand.hear();
  EXPECT_EQ(hand.status(),
            (GrpcStatus{8, "grpc: received message larger than max (2097153 vs. 2097152)"}));
  EXPECT_EQ(of_type(frames, raw::kReset).size(), 1u);
  EXPECT_EQ(hand.count<StreamReset>(), 1u);
  // What is answered already changes nothing.
  hand.server.send_message(StreamId(1), Bytes("late"));
  hand.server.finish(StreamId(1), {});
  EXPECT_TRUE(hand.hear().empty());
}

TEST(ServerMessages, BombIsStoppedAndTheConnectionLives) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request({{"grpc-encoding", "gzip"}})));
  const std::string bomb = raw::grpc(gzip(std::string(100 << 20, '\0')), true);
  for (std::size_t at = 0; at < bomb.size(); at += 16'000) {
    hand.say(raw::data(1, std::string_view(bomb).substr(at, 16'000)));
  }
  hand.hear();
  EXPECT_EQ(hand.status(),
            (GrpcStatus{8, "grpc: received message after decompression larger than max 2097152"}));
  EXPECT_EQ(hand.count<MessageReceived>(), 0u);
  EXPECT_FALSE(hand.server.closed());
}

TEST(ServerMessages, GzipIsUnderstoodAndMirrored) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request({{"grpc-encoding", "gzip"}})));
  hand.say(raw::data(1, raw::grpc(gzip("packed"), true) + raw::grpc("plain"), true));
  ASSERT_EQ(hand.count<MessageReceived>(), 2u);
  EXPECT_EQ(std::get<MessageReceived>(hand.events[1]).message.view(), "packed");
  EXPECT_EQ(std::get<MessageReceived>(hand.events[2]).message.view(), "plain");
  hand.server.send_message(StreamId(1), Bytes(std::string(10'000, 'z')));
  hand.server.send_message(StreamId(1), Bytes());
  hand.server.finish(StreamId(1), {});
  const auto data = of_type(hand.hear(), raw::kData);
  ASSERT_EQ(data.size(), 1u);
  EXPECT_LT(data[0].payload.size(), 200u);
  EXPECT_EQ(data[0].payload[0], '\1');
  const auto events = hand.reader.take_events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(std::get<AnswerMessage>(events[0]).message.view(), std::string(10'000, 'z'));
  EXPECT_TRUE(std::get<AnswerMessage>(events[1]).message.empty());
  EXPECT_EQ(std::get<CallEnded>(events[2]).status.code, 0u);
}

TEST(ServerMessages, WrongFramingIsInternal) {
  ByHand hand({}, 3);
  hand.say(raw::headers(1, raw::request()));
  hand.say(raw::data(1, raw::grpc("x", true), true));
  hand.hear();
  EXPECT_EQ(hand.status(),
            (GrpcStatus{13, "grpc: compressed flag set with identity or empty encoding"}));
  hand.say(raw::headers(3, raw::request()));
  hand.say(raw::data(3, raw::grpc("unfinished").substr(0, 8), true));
  hand.hear();
  EXPECT_EQ(hand.status(), (GrpcStatus{13, "unexpected EOF"}));
  hand.say(raw::headers(5, raw::request()));
  hand.say(raw::data(5,
                     "\x09"
                     "aaaa"));
  hand.hear();
  EXPECT_EQ(hand.status().code, 8u);
  EXPECT_EQ(hand.count<StreamReset>(), 3u);
  EXPECT_EQ(hand.server.open_streams(), 0u);
}

TEST(ServerConnection, OversizedFrameEndsItAndResetsItsStreams) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request()));
  hand.say(raw::write({raw::kData, 0, 1, std::string(16'385, 'x')}));
  const auto frames = hand.hear();
  const auto goaway = of_type(frames, raw::kGoAway);
  ASSERT_EQ(goaway.size(), 1u);
  EXPECT_EQ(goaway[0].payload.substr(0, 8), raw::number(1, 4) + raw::number(6, 4));
  EXPECT_TRUE(hand.server.closed());
  EXPECT_EQ(hand.count<StreamReset>(), 1u);
  EXPECT_FALSE(hand.say(raw::ping()));
}

TEST(ServerConnection, WrongPrefaceEndsItAtOnce) {
  ServerSession server({});
  EXPECT_FALSE(server.feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n", {}));
  EXPECT_TRUE(server.closed());
}

TEST(ServerConnection, ThirdPingStrikeIsCalledTooMany) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request()));
  EXPECT_TRUE(hand.say(raw::ping()));
  EXPECT_TRUE(hand.say(raw::ping()));
  EXPECT_TRUE(hand.say(raw::ping()));
  EXPECT_EQ(of_type(hand.hear(), raw::kPing).size(), 3u);
  EXPECT_FALSE(hand.say(raw::ping()));
  const auto goaway = of_type(hand.hear(), raw::kGoAway);
  ASSERT_EQ(goaway.size(), 1u);
  EXPECT_EQ(goaway[0].payload, raw::number(1, 4) + raw::number(11, 4) + "too_many_pings");
  EXPECT_EQ(hand.count<StreamReset>(), 1u);
  EXPECT_TRUE(hand.server.closed());
}

TEST(ServerConnection, AnswersForgivePings) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request()));
  for (int round = 0; round < 50; ++round) {
    EXPECT_TRUE(hand.say(raw::ping() + raw::ping()));
    hand.server.send_message(StreamId(1), Bytes("event"));
    hand.hear();
  }
}

TEST(ServerConnection, PingIsAnsweredAheadOfQueuedData) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request()));
  hand.server.send_message(StreamId(1), Bytes(std::string(60'000, 'x')));
  (void)hand.server.take_output(20'000);
  hand.say(raw::ping());
  // One frame of DATA may have been begun before.
  const auto frames = raw::read(hand.server.take_output(1 << 20));
  ASSERT_GE(frames.size(), 3u);
  EXPECT_TRUE(frames[0].type == raw::kPing || frames[1].type == raw::kPing);
}

TEST(ServerConnection, ResetsAreLimitedByInjectedTime) {
  ByHand hand({.resets_per_second_max = 100});
  std::uint32_t stream = 1;
  for (int second = 0; second < 3; ++second) {
    for (int i = 0; i < 100; ++i, stream += 2) {
      ASSERT_TRUE(hand.say(raw::headers(stream, raw::request()) + raw::reset(stream)));
    }
    hand.now += 1s;
  }
  bool alive = true;
  for (int i = 0; alive && i < 200; ++i, stream += 2) {
    alive = hand.say(raw::headers(stream, raw::request()) + raw::reset(stream));
  }
  EXPECT_FALSE(alive);
  EXPECT_EQ(of_type(hand.hear(), raw::kGoAway).size(), 1u);
  EXPECT_EQ(hand.count<StreamOpened>(), hand.count<StreamReset>());
}

TEST(ServerConnection, KeepalivePingIsOutstandingUntilAnswered) {
  ByHand hand;
  hand.hear();
  hand.server.ping();
  EXPECT_TRUE(hand.server.ping_outstanding());
  const auto pings = of_type(hand.hear(), raw::kPing);
  ASSERT_EQ(pings.size(), 1u);
  hand.say(raw::write({raw::kPing, raw::kAck, 0, pings[0].payload}));
  EXPECT_FALSE(hand.server.ping_outstanding());
}

TEST(ServerConnection, LostTransportResetsWhatIsOpen) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request()) + raw::headers(3, raw::request()));
  hand.server.finish(StreamId(1), {});
  hand.server.connection_lost();
  hand.say("");
  EXPECT_EQ(hand.count<StreamReset>(), 1u);
  EXPECT_FALSE(hand.server.wants_write());
}

TEST(ServerGoAway, NamesTheHighestStreamHandedOut) {
  ByHand hand({}, 3);
  hand.say(raw::headers(1, raw::request()));
  EXPECT_EQ(hand.count<StreamOpened>(), 1u);
  // Stream 3 has arrived, but nobody took its events: it must look unprocessed.
  hand.server.feed(raw::headers(3, raw::request(), true), hand.now);
  hand.server.go_away(false);
  hand.server.go_away(true);
  hand.say(raw::headers(5, raw::request(), true));
  const auto goaway = of_type(hand.hear(), raw::kGoAway);
  ASSERT_EQ(goaway.size(), 2u);
  EXPECT_EQ(goaway[0].payload, raw::number(0x7fffffff, 4) + raw::number(0, 4));
  EXPECT_EQ(goaway[1].payload, raw::number(1, 4) + raw::number(0, 4));
  EXPECT_EQ(hand.count<StreamOpened>(), 1u);
  std::vector<StreamId> unprocessed;
  for (const ClientEvent& event : hand.reader.take_events()) {
    const auto& end = std::get<CallEnded>(event);
    EXPECT_FALSE(end.processed);
    EXPECT_EQ(end.status.code, 14u);
    unprocessed.push_back(end.stream);
  }
  EXPECT_EQ(unprocessed, (std::vector{StreamId(3), StreamId(5)}));
  EXPECT_TRUE(hand.reader.going_away());
  // The open stream goes on, and the connection ends after it.
  EXPECT_FALSE(hand.server.closed());
  hand.say(raw::data(1, raw::grpc("still"), true));
  EXPECT_EQ(hand.count<MessageReceived>(), 1u);
  hand.server.send_message(StreamId(1), Bytes("here"));
  hand.server.finish(StreamId(1), {});
  hand.hear();
  EXPECT_EQ(hand.status().code, 0u);
  EXPECT_TRUE(hand.server.closed());
}

// A client that can't know the limit yet repeats what is refused; one that broke its word is cut
// off, and what it had opened before is reset.
TEST(ServerStreams, ConcurrencyLimitRefusesUnseenStreamsOnly) {
  ServerSession fresh({.concurrent_streams_max = 2});
  fresh.feed(raw::hello() + raw::headers(1, raw::request()) + raw::headers(3, raw::request()) +
                 raw::headers(5, raw::request()),
             {});
  EXPECT_EQ(fresh.take_events().size(), 2u);
  const auto resets = of_type(raw::read(fresh.take_output(1 << 20)), raw::kReset);
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(resets[0].stream, 5u);
  EXPECT_EQ(resets[0].payload, raw::number(7, 4));

  ByHand hand({.concurrent_streams_max = 2});
  hand.say(raw::headers(1, raw::request()) + raw::headers(3, raw::request()) +
           raw::headers(5, raw::request()));
  EXPECT_EQ(hand.count<StreamOpened>(), 2u);
  const auto goaway = of_type(hand.hear(), raw::kGoAway);
  ASSERT_EQ(goaway.size(), 1u);
  EXPECT_GE(goaway[0].payload.substr(0, 4), raw::number(3, 4));
  EXPECT_EQ(hand.count<StreamReset>(), 2u);
  EXPECT_TRUE(hand.server.closed());
}

TEST(ServerStreams, DrainedIsSaidWhenAllWasHandedOut) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request()));
  hand.server.send_message(StreamId(1), Bytes(std::string(40'000, 'x')));
  EXPECT_EQ(hand.server.queued_bytes(StreamId(1)), 40'005u);
  (void)hand.server.take_output(1000);
  EXPECT_EQ(hand.count<StreamDrained>(), 0u);
  EXPECT_LT(hand.server.queued_bytes(StreamId(1)), 40'005u);
  hand.hear();
  EXPECT_EQ(hand.count<StreamDrained>(), 1u);
  EXPECT_EQ(hand.server.queued_bytes(StreamId(1)), 0u);
  hand.server.send_message(StreamId(1), Bytes("x"));
  hand.hear();
  EXPECT_EQ(hand.count<StreamDrained>(), 2u);
}

// Who takes nothing of one stream, but says that it took the bytes off the connection, has its
// other answers at once. What it doesn't take off the connection holds up everything behind it:
// there no server may send.
TEST(ServerStreams, OneThatIsNotReadHoldsUpOthersOnlyByTheConnectionsWindow) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request(), true) + raw::headers(3, raw::request(), true));
  hand.server.send_message(StreamId(1), Bytes(std::string(1 << 20, 'x')));
  hand.hear();
  EXPECT_GT(hand.server.queued_bytes(StreamId(1)), 900'000u);
  hand.server.send_message(StreamId(3), Bytes("answer"));
  hand.server.finish(StreamId(3), {});
  hand.hear();
  EXPECT_EQ(hand.status().code, 99u);
  hand.say(raw::write({raw::kWindowUpdate, 0, 0, raw::number(60'000, 4)}));
  hand.hear();
  EXPECT_EQ(hand.status(), GrpcStatus{});
  EXPECT_GT(hand.server.queued_bytes(StreamId(1)), 900'000u);
}

TEST(ServerStreams, FinishWhileAFrameWaitsKeepsOrder) {
  ByHand hand;
  hand.say(raw::headers(1, raw::request()));
  hand.server.send_message(StreamId(1), Bytes("first"));
  for (int i = 0; i < 5; ++i) (void)hand.reader.feed(hand.server.take_output(1));
  hand.server.send_message(StreamId(1), Bytes("second"));
  hand.server.finish(StreamId(1), {5, "end"});
  hand.server.send_message(StreamId(1), Bytes("never"));
  for (int i = 0; i < 20; ++i) (void)hand.reader.feed(hand.server.take_output(1));
  const auto events = hand.reader.take_events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(std::get<AnswerMessage>(events[0]).message.view(), "first");
  EXPECT_EQ(std::get<AnswerMessage>(events[1]).message.view(), "second");
  EXPECT_EQ(std::get<CallEnded>(events[2]).status, (GrpcStatus{5, "end"}));
}

TEST(ServerPlain, RequestsOfOtherContentTypesAreHandedOverWhenAskedFor) {
  ByHand hand({.plain_http = true});
  hand.say(raw::headers(1, raw::request({}, "PUT", "application/json")));
  hand.say(raw::data(1, "{\"a\":") + raw::data(1, "1}", true));
  ASSERT_EQ(hand.events.size(), 3u);
  EXPECT_TRUE(std::get<StreamOpened>(hand.events[0]).plain);
  EXPECT_EQ(std::get<StreamOpened>(hand.events[0]).method, "PUT");
  EXPECT_EQ(std::get<MessageReceived>(hand.events[1]).message.view(), "{\"a\":1}");
  hand.server.answer_plain(StreamId(1), 200, {{"content-type", "text/plain"}});
  hand.server.send_message(StreamId(1), Bytes("hello "));
  hand.server.send_message(StreamId(1), Bytes("world"));
  hand.server.finish(StreamId(1), {});
  const auto data = of_type(hand.hear(), raw::kData);
  ASSERT_EQ(data.size(), 1u);
  EXPECT_EQ(data[0].payload, "hello world");
  EXPECT_EQ(data[0].flags, raw::kEndStream);
  EXPECT_EQ(hand.server.open_streams(), 0u);
}

TEST(ServerPlain, AnswerInPiecesEndsWithAnEmptyFrame) {
  ByHand hand({.plain_http = true});
  hand.say(raw::headers(1, raw::request({}, "GET", "text/html"), true));
  hand.server.answer_plain(StreamId(1), 200, {});
  hand.server.send_message(StreamId(1), Bytes("piece"));
  EXPECT_EQ(of_type(hand.hear(), raw::kData).size(), 1u);
  EXPECT_EQ(hand.count<StreamDrained>(), 1u);
  hand.server.finish(StreamId(1), {});
  const auto data = of_type(hand.hear(), raw::kData);
  ASSERT_EQ(data.size(), 1u);
  EXPECT_TRUE(data[0].payload.empty());
  EXPECT_EQ(data[0].flags, raw::kEndStream);
  EXPECT_EQ(hand.server.open_streams(), 0u);
}

TEST(ServerPlain, BodyBeyondTheLimitIsRefusedWith413) {
  ByHand hand({.message_bytes_max = 100, .plain_http = true});
  hand.say(raw::headers(1, raw::request({}, "POST", "application/json")));
  hand.say(raw::data(1, std::string(60, 'x')) + raw::data(1, std::string(60, 'x')));
  const auto frames = hand.hear();
  EXPECT_EQ(hand.count<StreamReset>(), 1u);
  EXPECT_EQ(hand.count<MessageReceived>(), 0u);
  EXPECT_EQ(hand.status(),
            (GrpcStatus{2, "unexpected HTTP status code received from server: 413"}));
  EXPECT_EQ(of_type(frames, raw::kReset).size(), 1u);
  EXPECT_EQ(hand.server.open_streams(), 0u);
}

TEST(ServerPlain, GrpcGoesOnBesideIt) {
  ByHand hand({.plain_http = true});
  hand.say(raw::headers(1, raw::request(), true));
  hand.server.finish(StreamId(1), {5, "x"});
  hand.hear();
  EXPECT_EQ(hand.status(), (GrpcStatus{5, "x"}));
  EXPECT_FALSE(std::get<StreamOpened>(hand.events[0]).plain);
}

}  // namespace
}  // namespace detcd::http2
