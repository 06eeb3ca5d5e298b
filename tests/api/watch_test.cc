// A stream in both directions: requests go to the node as they come, answers as it gives them, and
// neither side can make the server hold more than is bounded.
#include <string>

#include <gtest/gtest.h>

#include "tests/api/world.h"
#include "wire/watch_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kWatch = "/etcdserverpb.Watch/Watch";

std::string create(std::string key) {
  return wire::serialize(watch::Request(watch::Create{.key = std::move(key)}));
}
server::WatchAnswer answer(std::vector<watch::Response> responses, std::uint32_t accepted = 1) {
  return {.accepted = accepted, .responses = std::move(responses)};
}
watch::Response with_value(std::size_t bytes) {
  watch::Response response{.revision = 7};
  watch::Event event;
  event.kv = {.key = Bytes("k"), .value = Bytes(std::string(bytes, 'v')), .mod_revision = 7};
  response.events.push_back(event);
  return response;
}

struct Stream {
  explicit Stream(World& world_given) : world(world_given), client(world), id(client.open(kWatch)) {
    client.flush();
    world.settle();
  }
  void send(std::string message) {
    client.session.send_message(id, Bytes::adopt(std::move(message)));
    client.flush();
    world.settle();
  }
  void reply(server::Outcome outcome) {
    world.node.answer(0, std::move(outcome));
    world.settle();
  }
  World& world;
  GrpcClient client;
  http2::StreamId id;
};

TEST(WatchStream, BeginsAtTheNodeBeforeItsFirstRequest) {
  World world;
  Stream stream(world);
  ASSERT_EQ(world.node.calls.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<server::WatchOpen>(world.node.calls[0].request));
  stream.send(create("a"));
  stream.send(create("b"));
  ASSERT_EQ(world.node.calls.size(), 3U);
  EXPECT_EQ(world.node.calls[2].call, world.node.calls[0].call);
  EXPECT_EQ(std::get<watch::Request>(world.node.calls[2].request),
            watch::Request(watch::Create{.key = "b"}));
}

TEST(WatchStream, AnswersComeInOrderWithTheirOwnRevisions) {
  World world;
  Stream stream(world);
  stream.send(create("a"));
  stream.reply(answer({{.id = 0, .revision = 5, .created = true}}));
  stream.reply(answer({with_value(3), {.id = 0, .canceled = true, .compact_revision = 4}}));
  const RawAnswer& got = stream.client.answer(stream.id);
  EXPECT_FALSE(got.status);
  ASSERT_EQ(got.messages.size(), 3U);
  const Result<wire::WatchAnswer> created = wire::parse_watch_response(got.messages[0]);
  ASSERT_TRUE(created);
  EXPECT_TRUE(created->created);
  EXPECT_EQ(created->header, (wire::Header{11, 12, 5, 2}));
  EXPECT_EQ(wire::parse_watch_response(got.messages[1])->events.size(), 1U);
  EXPECT_EQ(wire::parse_watch_response(got.messages[2])->header, (wire::Header{11, 12, 0, 2}));
}

// One-shot iterators of clients rely on it (DESIGN §5).
TEST(WatchStream, TheEndOfTheRequestsEndsNothingElse) {
  World world;
  Stream stream(world);
  stream.send(create("a"));
  stream.client.session.end_request(stream.id);
  stream.client.flush();
  world.settle();
  EXPECT_TRUE(world.node.forgotten.empty());
  stream.reply(answer({with_value(1)}));
  EXPECT_EQ(stream.client.answer(stream.id).messages.size(), 1U);
  EXPECT_FALSE(stream.client.answer(stream.id).status);
}

TEST(WatchStream, ACanceledOrLostStreamIsForgottenAtTheNode) {
  World world;
  Stream stream(world);
  const server::CallId call = world.node.calls[0].call;
  stream.client.session.cancel(stream.id);
  stream.client.flush();
  world.settle();
  EXPECT_EQ(world.node.forgotten, std::vector<server::CallId>{call});
  // What the node had sent before it knew goes nowhere.
  stream.reply(answer({with_value(1)}));
  EXPECT_TRUE(stream.client.answer(stream.id).messages.empty());
  Stream lost(world);
  lost.client.abort();
  world.settle();
  EXPECT_EQ(world.node.forgotten.size(), 2U);
}

TEST(WatchStream, AnErrorOfTheNodeIsItsEnd) {
  World world;
  Stream stream(world);
  stream.reply(apply::ApiError::kNoLeader);
  EXPECT_EQ(stream.client.answer(stream.id).status,
            (http2::GrpcStatus{14, "etcdserver: no leader"}));
  EXPECT_TRUE(world.node.forgotten.empty());
}

TEST(WatchStream, ARequestThatIsNoneEndsTheStream) {
  World world;
  Stream stream(world);
  stream.send("\x0a\x05\x0a");
  ASSERT_TRUE(stream.client.answer(stream.id).status);
  EXPECT_EQ(stream.client.answer(stream.id).status->code, 13U);
  EXPECT_EQ(stream.client.answer(stream.id).status->message,
            "grpc: failed to unmarshal the received message: proto: cannot parse invalid "
            "wire-format data");
  EXPECT_EQ(world.node.forgotten.size(), 1U);
}

TEST(WatchStream, ItsDeadlineEndsIt) {
  World world;
  GrpcClient client(world);
  const http2::StreamId id = client.open(kWatch, 2s);
  client.flush();
  world.run_for(3s);
  EXPECT_EQ(client.answer(id).status, (http2::GrpcStatus{4, "context deadline exceeded"}));
  EXPECT_EQ(world.node.forgotten.size(), 1U);
}

// A clientv3 watch never comes back from a status, but from a lost connection (ETCD.md §3.4).
TEST(WatchStream, AShutdownGivesItNoStatus) {
  World world;
  Stream stream(world);
  world.shut_down();
  world.run_for(20s);
  EXPECT_TRUE(world.drained);
  ASSERT_EQ(stream.client.ends.size(), 1U);
  EXPECT_EQ(stream.client.ends[0].status.code, 14U) << "what a client makes of a lost connection";
  EXPECT_TRUE(stream.client.ends[0].trailers.empty());
}

// The node gets its credit back as the client takes, and only then.
TEST(WatchStream, CreditComesBackWithWhatIsTaken) {
  World world;
  Stream stream(world);
  std::int64_t sent = 0;
  for (int i = 0; i < 4; ++i) {
    const watch::Response response = with_value(8 << 10);
    sent += static_cast<std::int64_t>(watch::kResponseBytes + watch::bytes_of(response.events[0]));
    stream.reply(answer({response}, 0));
  }
  std::int64_t responses = 0;
  std::int64_t bytes = 0;
  for (const server::Credit& credit : world.node.credits) {
    EXPECT_EQ(credit.call, world.node.calls[0].call);
    responses += credit.responses;
    bytes += credit.bytes;
  }
  EXPECT_EQ(responses, 4);
  EXPECT_EQ(bytes, sent);
}

TEST(WatchStream, AClientThatTakesNothingGivesNoCredit) {
  World world;
  Stream stream(world);
  stream.client.pause();
  world.settle();
  // Until windows and sockets are full.
  for (int i = 0; i < 400; ++i) stream.reply(answer({with_value(64 << 10)}, 0));
  const std::size_t credits = world.node.credits.size();
  for (int i = 0; i < 20; ++i) stream.reply(answer({with_value(64 << 10)}, 0));
  EXPECT_EQ(world.node.credits.size(), credits);
  stream.client.resume();
  world.run_for(1s);
  EXPECT_GT(world.node.credits.size(), credits);
  EXPECT_EQ(stream.client.answer(stream.id).messages.size(), 420U);
}

// Requests that the node doesn't take stay with the client, but for one window.
TEST(WatchStream, RequestsThatAreNotTakenAreBounded) {
  World world;
  Stream stream(world);
  const std::string request = create(std::string(64 << 10, 'k'));
  for (int i = 0; i < 200; ++i) stream.send(request);
  const std::size_t asked = world.node.calls.size();
  EXPECT_LT(asked, 150U);
  EXPECT_GT(stream.client.session.queued_bytes(stream.id), 0U);
  stream.reply(answer({}, static_cast<std::uint32_t>(asked - 1)));
  world.run_for(1s);
  EXPECT_GT(world.node.calls.size(), asked);
}

}  // namespace
}  // namespace detcd::api
