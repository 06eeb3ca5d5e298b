// Both sessions against each other under random cuts of the bytes, random load, and damage.
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "pair.h"
#include "raw.h"
#include "tests/support/replay.h"

namespace detcd::http2 {
namespace {

std::string describe(const ServerEvent& event) {
  const std::string id =
      std::to_string(std::visit([](const auto& e) { return e.stream.value(); }, event));
  if (const auto* opened = std::get_if<StreamOpened>(&event)) return id + " open " + opened->path;
  if (const auto* message = std::get_if<MessageReceived>(&event)) {
    return id + " message " + message->message.str();
  }
  if (std::holds_alternative<RequestEnded>(event)) return id + " end";
  return std::holds_alternative<StreamReset>(event) ? id + " reset" : id + " drained";
}

// What the server saw of every stream, and what the client did.
struct Record {
  std::map<std::uint64_t, std::vector<std::string>> server;
  std::map<std::uint64_t, std::vector<std::string>> client;
  friend bool operator==(const Record&, const Record&) = default;
};

Record record(const Pair& pair) {
  Record out;
  for (const ServerEvent& event : pair.server_events) {
    if (std::holds_alternative<StreamDrained>(event)) continue;  // Depends on when output is taken.
    const auto id = std::visit([](const auto& e) { return e.stream.value(); }, event);
    out.server[id].push_back(describe(event));
  }
  for (const ClientEvent& event : pair.client_events) {
    if (const auto* answer = std::get_if<AnswerMessage>(&event)) {
      out.client[answer->stream.value()].push_back(answer->message.str());
    } else {
      const auto& end = std::get<CallEnded>(event);
      out.client[end.stream.value()].push_back(std::to_string(end.status.code) +
                                               end.status.message);
    }
  }
  return out;
}

Record converse(const std::vector<std::vector<std::string>>& calls,
                std::function<std::size_t()> piece) {
  Pair pair;
  pair.piece = std::move(piece);
  pair.serve = [&pair](const ServerEvent& event) {
    if (const auto* message = std::get_if<MessageReceived>(&event)) {
      pair.server.send_message(message->stream, Bytes("re:" + message->message.str()));
    }
    if (const auto* end = std::get_if<RequestEnded>(&event)) {
      pair.server.finish(end->stream, {static_cast<std::uint32_t>(end->stream.value() % 5), "m%"});
    }
  };
  for (const std::vector<std::string>& messages : calls) {
    const auto stream = *pair.client.open("/p.S/M", {{"k", "v"}}, std::nullopt);
    for (const std::string& message : messages) pair.client.send_message(stream, Bytes(message));
    pair.client.end_request(stream);
  }
  pair.settle();
  return record(pair);
}

TEST(Sessions, AnyCutOfTheBytesGivesTheSameEvents) {
  EXPECT_TRUE(rc::check("any cut gives the same events", [] {
    auto calls = *rc::gen::container<std::vector<std::vector<std::string>>>(
        rc::gen::container<std::vector<std::string>>(rc::gen::arbitrary<std::string>()));
    calls.resize(std::min<std::size_t>(calls.size(), 20));
    if (!calls.empty()) calls[0].push_back(std::string(30'000, 'x'));
    Dice dice(*rc::gen::arbitrary<std::uint64_t>());
    const std::uint64_t longest = *rc::gen::element<std::uint64_t>(3, 50, 2000, 100'000);
    const Record whole = converse(calls, [] { return std::size_t{1} << 20; });
    const Record cut = converse(calls, [&] { return 1 + dice.below(longest); });
    RC_ASSERT(whole.client.size() == calls.size());
    RC_ASSERT(whole == cut);
  }));
}

// FACTS: consuming the connection's window only when a message is complete starves all streams.
TEST(Sessions, ManyStreamsAndAStormOfResetsNeverDeadlock) {
  constexpr int kStreams = 900;
  constexpr int kMessages = 30'000;
  Dice dice(7);
  Pair pair({.resets_per_second_max = 1'000'000});
  pair.piece = [&] { return 1 + dice.below(60'000); };
  std::size_t received = 0;
  pair.serve = [&](const ServerEvent& event) {
    const auto* message = std::get_if<MessageReceived>(&event);
    if (message == nullptr) return;
    ++received;
    pair.server.send_message(message->stream, message->message);
  };
  std::map<std::uint64_t, std::size_t> outstanding;  // By live stream, in bytes not yet echoed.
  std::size_t sent = 0;
  std::size_t cancelled = 0;
  std::size_t answered = 0;
  int idle_rounds = 0;
  while (sent < kMessages || !outstanding.empty()) {
    ASSERT_LT(idle_rounds, 1000) << "nothing moves with " << outstanding.size() << " calls open";
    while (sent < kMessages && outstanding.size() < kStreams) {
      const auto stream = pair.client.open("/p.S/M", {}, std::nullopt);
      if (!stream) break;
      for (int i = 0; i < 3; ++i) {
        const std::size_t size = dice.below(20) == 0 ? 100'000 : dice.below(3000);
        pair.client.send_message(*stream, Bytes::adopt(std::string(size, 'm')));
        outstanding[stream->value()] += 1;
        ++sent;
      }
    }
    // Cancel some in the middle of their messages.
    for (int i = 0; i < 3 && !outstanding.empty(); ++i) {
      const auto victim = std::next(outstanding.begin(),
                                    static_cast<std::ptrdiff_t>(dice.below(outstanding.size())));
      pair.client.cancel(StreamId(victim->first));
      outstanding.erase(victim);
      ++cancelled;
    }
    pair.to_server();
    pair.to_client();
    const std::size_t before = pair.client_events.size();
    for (const ClientEvent& event : pair.client_events) {
      const auto* answer = std::get_if<AnswerMessage>(&event);
      ASSERT_NE(answer, nullptr);
      const auto call = outstanding.find(answer->stream.value());
      if (call == outstanding.end()) continue;
      ++answered;
      if (--call->second > 0) continue;
      pair.client.cancel(StreamId(call->first));
      outstanding.erase(call);
    }
    idle_rounds = before == 0 ? idle_rounds + 1 : 0;
    pair.client_events.clear();
    pair.server_events.clear();
  }
  pair.settle();
  EXPECT_GT(cancelled, 1000u);
  EXPECT_GT(answered, 1000u);
  EXPECT_GT(received, 1000u);
  EXPECT_EQ(pair.server.open_streams(), 0u);
  EXPECT_EQ(pair.client.open_streams(), 0u);
}

TEST(Sessions, OneLongAnswerDoesNotStarveTheOthers) {
  Pair pair;
  pair.serve = [&pair](const ServerEvent& event) {
    const auto* end = std::get_if<RequestEnded>(&event);
    if (end == nullptr) return;
    const std::size_t size = end->stream == StreamId(1) ? 20 << 20 : 100;
    pair.server.send_message(end->stream, Bytes::adopt(std::string(size, 'x')));
    pair.server.finish(end->stream, {});
  };
  pair.piece = [] { return std::size_t{64} << 10; };
  for (int i = 0; i < 10; ++i) {
    pair.client.end_request(*pair.client.open("/p.S/M", {}, std::nullopt));
  }
  for (int round = 0; round < 10; ++round) {
    pair.to_server();
    pair.to_client();
  }
  EXPECT_EQ(pair.seen_by_client<CallEnded>().size(), 9u);
  pair.settle();
  EXPECT_EQ(pair.seen_by_client<CallEnded>().size(), 10u);
}

// A good conversation, damaged: whatever comes, the session answers or closes, and every stream
// that was opened ends at most once.
TEST(Sessions, DamagedBytesNeverCrashTheServer) {
  EXPECT_TRUE(rc::check("damage ends streams at most once", [] {
    ClientSession client("a");
    for (int i = 0; i < 4; ++i) {
      const auto stream = *client.open("/p.S/M", {{"k", std::string(100, 'v')}}, 1'000'000);
      client.send_message(stream, Bytes(std::string(300, 'm')));
      client.end_request(stream);
    }
    std::string bytes = client.take_output(1 << 20);
    Dice dice(*rc::gen::arbitrary<std::uint64_t>());
    const std::uint64_t damages = dice.below(6);
    for (std::uint64_t i = 0; i < damages; ++i) {
      const std::size_t at = 24 + dice.below(bytes.size() - 24);
      if (dice.below(3) == 0)
        bytes.erase(at, 1 + dice.below(20));
      else if (dice.below(2) == 0)
        bytes.insert(at, std::string(1 + dice.below(9), '\x5'));
      else
        bytes[at] = static_cast<char>(dice.below(256));
    }
    ServerSession server({});
    std::set<std::uint64_t> open;
    const auto look = [&] {
      for (const ServerEvent& event : server.take_events()) {
        const auto id = std::visit([](const auto& e) { return e.stream.value(); }, event);
        if (std::holds_alternative<StreamOpened>(event)) {
          RC_ASSERT(open.insert(id).second);
          continue;
        }
        RC_ASSERT(open.count(id) == 1);
        if (std::holds_alternative<StreamReset>(event)) open.erase(id);
        if (std::holds_alternative<RequestEnded>(event)) {
          server.send_message(StreamId(id), Bytes("answer"));
          server.finish(StreamId(id), {});
          open.erase(id);
        }
      }
    };
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = 1 + dice.below(200);
      server.feed(std::string_view(bytes).substr(at, size), {});
      at += size;
      look();
      client.feed(server.take_output(1 << 16));
      look();
    }
    server.connection_lost();
    look();
    RC_ASSERT(open.empty());
  }));
}

TEST(Sessions, RandomFramesNeverCrashEitherEnd) {
  EXPECT_TRUE(rc::check("random frames are survived", [] {
    Dice dice(*rc::gen::arbitrary<std::uint64_t>());
    ServerSession server({.plain_http = dice.below(2) == 0});
    ClientSession client("a");
    for (int i = 0; i < 5; ++i) (void)client.open("/p.S/M", {}, std::nullopt);
    (void)client.take_output(1 << 20);
    server.feed(raw::hello(), {});
    client.feed(raw::write({raw::kSettings, 0, 0, ""}));
    for (int i = 0; i < 60; ++i) {
      raw::Frame frame{.type = static_cast<std::uint8_t>(dice.below(11)),
                       .flags = static_cast<std::uint8_t>(dice.below(2) == 0 ? 4 : dice.below(64)),
                       .stream = static_cast<std::uint32_t>(dice.below(12))};
      const std::uint64_t size = dice.below(3) == 0 ? 4 + dice.below(2) * 4 : dice.below(40);
      for (std::uint64_t j = 0; j < size; ++j) {
        frame.payload.push_back(static_cast<char>(dice.below(dice.below(2) == 0 ? 4 : 256)));
      }
      if (frame.type == raw::kHeaders && dice.below(2) == 0) {
        frame.payload = raw::pack(raw::request());
      }
      if (frame.type == raw::kHeaders && dice.below(4) == 0) {
        frame.payload = raw::pack(raw::request({}, "GET", "text/html"));
      }
      if (frame.type == raw::kHeaders && dice.below(3) == 0) {
        frame.payload = raw::pack({{":status", "200"}, {"content-type", "application/grpc"}});
      }
      server.feed(raw::write(frame), {});
      client.feed(raw::write(frame));
      for (const ServerEvent& event : server.take_events()) {
        const auto* opened = std::get_if<StreamOpened>(&event);
        if (opened == nullptr) continue;
        if (opened->plain) server.answer_plain(opened->stream, 200, {{"a", "b"}});
        server.send_message(opened->stream, Bytes("x"));
        if (dice.below(2) == 0) server.finish(opened->stream, {});
      }
      (void)client.take_events();
      (void)server.take_output(1 << 16);
      (void)client.take_output(1 << 16);
    }
  }));
}

}  // namespace
}  // namespace detcd::http2
