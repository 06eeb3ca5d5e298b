#include <gtest/gtest.h>

#include "pair.h"

namespace detcd::http2 {
namespace {

// Answers each message with "re:" and itself, and ends the call when the request has ended.
void echo(Pair& pair) {
  pair.serve = [&pair](const ServerEvent& event) {
    if (const auto* message = std::get_if<MessageReceived>(&event)) {
      pair.server.send_message(message->stream, Bytes("re:" + message->message.str()));
    }
    if (const auto* end = std::get_if<RequestEnded>(&event)) pair.server.finish(end->stream, {});
  };
}

TEST(Unary, CallGoesThereAndBack) {
  Pair pair;
  echo(pair);
  const auto stream = pair.client.open("/etcdserverpb.KV/Put", {{"token", "abc"}}, 5'000'000'000);
  ASSERT_TRUE(stream);
  pair.client.send_message(*stream, Bytes("hello"));
  pair.client.end_request(*stream);
  pair.settle();

  const auto opened = pair.seen_by_server<StreamOpened>();
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(opened[0].method, "POST");
  EXPECT_EQ(opened[0].path, "/etcdserverpb.KV/Put");
  EXPECT_EQ(opened[0].content_type, "application/grpc");
  EXPECT_EQ(opened[0].timeout_ns, 5'000'000'000);
  EXPECT_EQ(opened[0].metadata, (Headers{{":authority", "localhost:2379"}, {"token", "abc"}}));
  EXPECT_EQ(pair.seen_by_server<RequestEnded>().size(), 1u);
  EXPECT_TRUE(pair.seen_by_server<StreamReset>().empty());

  const auto answers = pair.seen_by_client<AnswerMessage>();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].message.str(), "re:hello");
  const auto ends = pair.seen_by_client<CallEnded>();
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].status, (GrpcStatus{0, ""}));
  EXPECT_TRUE(ends[0].processed);
  EXPECT_EQ(pair.server.open_streams(), 0u);
  EXPECT_EQ(pair.client.open_streams(), 0u);
}

TEST(Unary, ErrorWithoutAnswerTravelsWithItsText) {
  Pair pair;
  pair.serve = [&pair](const ServerEvent& event) {
    if (const auto* end = std::get_if<RequestEnded>(&event)) {
      pair.server.finish(end->stream, {14, "etcdserver: 100% kaputt, \xc3\xa4h"});
    }
  };
  const auto stream = pair.client.open("/p.S/M", {}, std::nullopt);
  pair.client.send_message(*stream, Bytes());
  pair.client.end_request(*stream);
  pair.settle();
  EXPECT_TRUE(pair.seen_by_client<AnswerMessage>().empty());
  const auto ends = pair.seen_by_client<CallEnded>();
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].status, (GrpcStatus{14, "etcdserver: 100% kaputt, \xc3\xa4h"}));
}

}  // namespace
}  // namespace detcd::http2
