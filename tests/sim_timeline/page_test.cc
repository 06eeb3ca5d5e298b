// The page from made-up timelines: escaping, bounds, and what a judge's words point at.
#include "sim/timeline/page.h"

#include <gtest/gtest.h>

#include <string>

#include "base/codec.h"
#include "raft/codec.h"
#include "sim/timeline/json.h"
#include "sim/timeline/messages.h"

namespace detcd::sim {
namespace {

std::string json_of(std::string_view text) {
  Json json;
  json.text(text);
  return json.str();
}

PageFacts facts_of(std::uint32_t nodes, std::uint32_t clients) {
  PageFacts facts;
  facts.version = "0.1.0";
  facts.trace.settings.nodes = nodes;
  facts.trace.settings.clients = clients;
  return facts;
}

std::string between(const std::string& page, const std::string& begin, const std::string& end) {
  const auto from = page.find(begin);
  EXPECT_NE(from, std::string::npos) << begin;
  const auto to = page.find(end, from);
  return page.substr(from, to - from);
}

std::string data_in(const std::string& page) {
  return between(page, "id=\"data\">", "</script>");
}

Call put(std::uint64_t id, std::string key, std::string value) {
  Call call;
  call.record.id = id;
  call.record.client = 1;
  call.record.operation = apply::PutRequest{.key = std::move(key), .value = std::move(value)};
  call.record.called = VirtualTime(std::chrono::milliseconds(id));
  call.record.ended = call.record.called + 1ms;
  return call;
}

TEST(Json, NothingInATextEndsTheScriptElement) {
  EXPECT_EQ(json_of("</script><!-- & 'x'"),
            "\"\\u003c/script\\u003e\\u003c!-- \\u0026 \\u0027x\\u0027\"");
  EXPECT_EQ(json_of("a\"b\\c"), "\"a\\u0022b\\u005cc\"");
  EXPECT_EQ(json_of(std::string_view("\0\n\x1f\x7f", 4)), "\"\\u0000\\u000a\\u001f\\u007f\"");
  EXPECT_EQ(json_of("\u2028\u2029"), "\"\\u2028\\u2029\"");
}

TEST(Json, KeepsUtf8AndReplacesWhatIsNot) {
  EXPECT_EQ(json_of("grün 漢 😀"), "\"grün 漢 😀\"");
  EXPECT_EQ(json_of("\xff"), "\"\\ufffd\"");
  EXPECT_EQ(json_of("\xc3"), "\"\\ufffd\"");                        // Cut off.
  EXPECT_EQ(json_of("\xc0\xaf"), "\"\\ufffd\\ufffd\"");             // Too long a form.
  EXPECT_EQ(json_of("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");  // A surrogate.
  EXPECT_EQ(json_of("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

TEST(Json, PutsCommasWhereTheyBelong) {
  Json json;
  json.open('{').name("a").open('[').number(std::int64_t{-1}).number(std::uint64_t{2}).close();
  json.name("b").open('{').close().name("c").boolean(false).close();
  EXPECT_EQ(json.str(), "{\"a\":[-1,2],\"b\":{},\"c\":false}");
}

TEST(Page, HostileDataStaysData) {
  Timeline timeline;
  const std::string evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";
  timeline.calls.push_back(put(1, evil, evil));
  timeline.events.push_back({VirtualTime(), 1, evil, evil});
  timeline.end = VirtualTime(1s);
  PageFacts facts = facts_of(1, 1);
  facts.file = evil;
  facts.reproduce = evil;
  facts.trace.settings.profile = evil;
  facts.result.violation = Violation{evil, evil};
  const std::string page = render_page(timeline, facts);
  EXPECT_EQ(page.find("alert(1)</script>"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_NE(page.find("\\u003cscript\\u003ealert(1)"), std::string::npos);
}

TEST(Page, NeedsNothingFromOutside) {
  const std::string page = render_page({}, facts_of(3, 1));
  for (const char* word : {"http://", "https://", "src=", "@import", "url(", "fetch(",
                           "XMLHttpRequest", "import(", "eval("}) {
    EXPECT_EQ(page.find(word), std::string::npos) << word;
  }
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(page.find("<!--["), std::string::npos);
}

TEST(Page, StaysSmallWhateverHappenedAndSaysWhatItLeftOut) {
  Timeline timeline;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    MessageRecord message;
    message.sent = VirtualTime(std::chrono::microseconds(300 * i));
    message.ended = message.sent + 512345ns;
    message.from = 1 + i % 3;
    message.to = 1 + (i + 1) % 3;
    message.kind = i % 2 == 0 ? MessageKind::kHeartbeat : MessageKind::kAppendRequest;
    message.fate = i % 1000 == 0 ? Fate::kLost : Fate::kArrived;
    message.term = 1234;
    message.fields = {100'000 + i, 1234, 1, 100'000 + i};
    timeline.messages.push_back(message);
    timeline.commits.push_back({message.sent, message.from, 100'000 + i, 100'001 + i});
  }
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    timeline.calls.push_back(put(i, "k" + std::to_string(i), std::string(3000, 'v')));
    timeline.events.push_back(
        {VirtualTime(std::chrono::milliseconds(i)), 1, "info", std::string(3000, 'x')});
  }
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    WatchMark mark{.at = VirtualTime(std::chrono::milliseconds(i)), .client = 1, .watch = 1};
    mark.kind = i % 2 == 0 ? WatchMarkKind::kEvents : WatchMarkKind::kProgress;
    mark.words = std::string(500, 'w');
    timeline.watches.push_back(std::move(mark));
  }
  timeline.watches.front().kind = WatchMarkKind::kWanted;
  timeline.end = VirtualTime(60s);
  PageFacts facts = facts_of(3, 1);
  facts.result.violation = Violation{"linearizability", "call #17 of c1"};
  const std::string page = render_page(timeline, facts);
  EXPECT_LT(page.size(), 5'000'000U);
  const std::string left = between(page, "\"leftOut\":", "]}");
  for (const char* words : {"heartbeats", "messages before", "calls, the earliest", "commit",
                            "log lines", "were told of progress", "answers to watches"}) {
    EXPECT_NE(left.find(words), std::string::npos) << words << " in " << left;
  }
  // The call that the judge names is there all the same.
  EXPECT_NE(page.find("[17,1,17000000,18000000,"), std::string::npos);
  // So is what makes a watch, however early.
  EXPECT_NE(page.find("\"watches\":[[0,1,1,0,"), std::string::npos);
}

TEST(Page, AViolationStandsWhereItsWatchWasToldOrItsLeaseEnded) {
  Timeline timeline;
  timeline.end = VirtualTime(9s);
  timeline.watches.push_back({.at = VirtualTime(1s), .client = 1, .watch = 4});
  timeline.watches.push_back({.at = VirtualTime(2s), .client = 1, .watch = 4});
  timeline.watches.push_back({.at = VirtualTime(3s), .client = 1, .watch = 5});
  timeline.lease_entries[88] = VirtualTime(4s);
  const auto at = [&](const char* oracle, const char* message) {
    PageFacts facts = facts_of(3, 1);
    facts.result.violation = Violation{oracle, message};
    const std::string said = between(render_page(timeline, facts), "\"violation\":{", "}");
    return between(said + "}", "\"at\":", ",");
  };
  EXPECT_EQ(at("watch", "c1 is told w4 of revision 7"), "\"at\":2000000000");
  EXPECT_EQ(at("leases", "lease 2 ended at index 88"), "\"at\":4000000000");
  EXPECT_EQ(at("liveness", "watch w4 of c1 isn't created"), "\"at\":9000000000");
}

TEST(Page, HeartbeatsThatWereLostAreKept) {
  Timeline timeline;
  for (int i = 0; i < 1000; ++i) {
    MessageRecord message;
    message.sent = message.ended = VirtualTime(std::chrono::milliseconds(i));
    message.fate = i == 500 ? Fate::kLost : Fate::kArrived;
    timeline.messages.push_back(message);
  }
  timeline.end = VirtualTime(1s);
  PageFacts facts = facts_of(3, 1);
  facts.limits.messages_max = 100;
  const std::string page = render_page(timeline, facts);
  EXPECT_NE(between(page, "\"fate\":[", "]").find('2'), std::string::npos);
  EXPECT_NE(page.find("of 999 heartbeats"), std::string::npos);
}

TEST(Page, ShowsOnlyWhatIsAskedFor) {
  Timeline timeline;
  for (const int second : {1, 2, 3}) {
    const VirtualTime at{std::chrono::seconds(second)};
    timeline.events.push_back({at, 1, "info", "in second " + std::to_string(second)});
    timeline.roles.push_back({at, 1, Band::kFollower, static_cast<std::uint64_t>(second) + 70, 0});
  }
  timeline.end = VirtualTime(4s);
  PageFacts facts = facts_of(1, 1);
  facts.from = VirtualTime(1500ms);
  facts.to = VirtualTime(2500ms);
  const std::string data = data_in(render_page(timeline, facts));
  EXPECT_EQ(data.find("in second 1"), std::string::npos);
  EXPECT_NE(data.find("in second 2"), std::string::npos);
  EXPECT_EQ(data.find("in second 3"), std::string::npos);
  // The lane begins with what was so at its left edge.
  EXPECT_NE(data.find("\"term\":[71,72]"), std::string::npos);
}

TEST(Page, NamesMembersInsteadOfTheirIds) {
  Timeline timeline;
  timeline.members = {{0xabcdef1234567890ULL, 2}};
  timeline.events.push_back(
      {VirtualTime(), 1, "vote",
       "vote for abcdef1234567890, term 3, or " + std::to_string(0xabcdef1234567890ULL)});
  const std::string page = render_page(timeline, facts_of(3, 1));
  EXPECT_NE(page.find("vote for n2, term 3, or n2"), std::string::npos);
}

TEST(Involved, FindsCallsMembersAndIndexesOutsideQuotes) {
  const Involved involved = involved_in(
      "an answer differs at index 107: call #3000067 of c3 (put \"n9 #5 index 6\"), n2 and n2, "
      "#12 and n10; plain word index, mean3, n5th; w4 (\"w9\" = \"v\" mod 17 lease 3) as of "
      "revision 18, new5 and w6x");
  EXPECT_EQ(involved.calls, (std::vector<std::uint64_t>{3000067, 12}));
  EXPECT_EQ(involved.members, (std::vector<std::uint32_t>{2, 10}));
  EXPECT_EQ(involved.indexes, (std::vector<std::uint64_t>{107}));
  EXPECT_EQ(involved.watches, (std::vector<std::uint64_t>{4}));
  EXPECT_EQ(involved.leases, (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(involved.revisions, (std::vector<std::uint64_t>{17, 18}));
  EXPECT_EQ(involved_in(""), Involved{});
}

// ---- Frames -------------------------------------------------------------------------------------

std::string heartbeat_frame(std::uint64_t round) {
  Writer out;
  raft::encode(out, raft::Message{raft::NodeId(1), raft::NodeId(2), raft::Term(3),
                                  raft::Heartbeat{raft::Index(5), round}});
  return transport::frame(transport::Kind::kMessage, out.view());
}

Connection connection_of_members() {
  Connection connection;
  connection.id = ConnectionId(7);
  connection.pipes[0].from = connection.pipes[1].to = NodeNumber(1);
  connection.pipes[0].to = connection.pipes[1].from = NodeNumber(2);
  return connection;
}

TEST(MessageLog, PutsFramesTogetherHoweverTheyWereCut) {
  const Connection connection = connection_of_members();
  const std::string bytes =
      transport::encode(transport::Hello{}) + heartbeat_frame(1) + heartbeat_frame(2);
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    MessageLog log;
    Duration now{};
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      const std::string_view part = std::string_view(bytes).substr(at, piece);
      log.sent(connection, Side::kClient, part, VirtualTime(now));
      now += 1ms;
    }
    log.arrived(connection, Side::kClient, bytes.size() - 1, Fate::kArrived, VirtualTime(1s));
    log.arrived(connection, Side::kClient, 1, Fate::kArrived, VirtualTime(2s));
    const std::vector<MessageRecord> messages = log.messages();
    ASSERT_EQ(messages.size(), 3U) << "pieces of " << piece;
    EXPECT_EQ(messages[0].kind, MessageKind::kHello);
    const std::size_t second = bytes.size() - heartbeat_frame(2).size();
    EXPECT_EQ(messages[2].sent, VirtualTime(1ms * static_cast<int>(second / piece)));
    EXPECT_EQ(messages[1].ended, VirtualTime(1s));
    EXPECT_EQ(messages[2].ended, VirtualTime(2s));
    EXPECT_EQ(messages[2].fate, Fate::kArrived);
    EXPECT_EQ(messages[2].from, 1U);
    EXPECT_EQ(messages[2].to, 2U);
    EXPECT_EQ(messages[2].term, 3U);
    EXPECT_EQ(messages[2].fields, (std::array<std::uint64_t, 4>{5, 2, 0, 0}));
  }
}

TEST(MessageLog, AFrameOfWhichAPartIsLostIsLost) {
  const Connection connection = connection_of_members();
  MessageLog log;
  const std::string hello = transport::encode(transport::Hello{});
  log.sent(connection, Side::kClient, hello, VirtualTime());
  log.arrived(connection, Side::kClient, hello.size() - 4, Fate::kArrived, VirtualTime(1ms));
  log.arrived(connection, Side::kClient, 4, Fate::kLost, VirtualTime(2ms));
  log.sent(connection, Side::kClient, heartbeat_frame(1), VirtualTime(3ms));
  log.given_up(connection, Side::kClient, VirtualTime(4ms));
  const std::vector<MessageRecord> messages = log.messages();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(messages[0].fate, Fate::kLost);
  EXPECT_EQ(messages[0].ended, VirtualTime(2ms));
  EXPECT_EQ(messages[1].fate, Fate::kLost);
  EXPECT_EQ(messages[1].ended, VirtualTime(4ms));
}

TEST(MessageLog, PassesOverStreamsOfOtherProtocols) {
  const Connection connection = connection_of_members();
  MessageLog log;
  log.sent(connection, Side::kClient, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VirtualTime());
  log.sent(connection, Side::kClient, heartbeat_frame(1), VirtualTime());
  EXPECT_TRUE(log.messages().empty());
}

TEST(MessageLog, EveryKindOfMessageHasWords) {
  EXPECT_EQ(kinds_of_messages().size(), static_cast<std::size_t>(MessageKind::kSnapshotTaken) + 1);
  for (const MessageKindWords& kind : kinds_of_messages()) {
    EXPECT_FALSE(kind.name.empty());
    EXPECT_LE(kind.fields.size(), 4U);
  }
  MessageRecord record;
  describe_body({raft::NodeId(1), raft::NodeId(2), raft::Term(9), raft::TimeoutNow{}}, record);
  EXPECT_EQ(kinds_of_messages()[static_cast<std::size_t>(record.kind)].name, "timeout now");
}

}  // namespace
}  // namespace detcd::sim
