#include "wire/watch_codec.h"

#include <string>

#include <gtest/gtest.h>

namespace detcd::wire {
namespace {

watch::Request round_trip(const watch::Request& request) {
  const Result<watch::Request> parsed = parse_watch_request(serialize(request));
  EXPECT_TRUE(parsed);
  return parsed ? *parsed : watch::Request(watch::Nothing{});
}

watch::Event event(std::string key, std::string value) {
  watch::Event made;
  made.kv = {.key = Bytes(key),
             .value = Bytes(value),
             .create_revision = 2,
             .mod_revision = 3,
             .version = 2,
             .lease = 9};
  return made;
}

TEST(WatchCodec, RequestsComeBackAsTheyWere) {
  const watch::Create all{.key = "k",
                          .range_end = std::string("\0", 1),
                          .start_revision = -7,
                          .id = -3,
                          .progress_notify = true,
                          .no_put = true,
                          .no_delete = true,
                          .prev_kv = true,
                          .fragment = true};
  EXPECT_EQ(round_trip(all), watch::Request(all));
  EXPECT_EQ(round_trip(watch::Create{}), watch::Request(watch::Create{}));
  EXPECT_EQ(round_trip(watch::Cancel{12}), watch::Request(watch::Cancel{12}));
  EXPECT_EQ(round_trip(watch::AskProgress{}), watch::Request(watch::AskProgress{}));
  EXPECT_EQ(round_trip(watch::Nothing{}), watch::Request(watch::Nothing{}));
}

// Bytes as protobuf's own encoder writes them: {create_request: {key: "a", filters: [NODELETE]}}.
TEST(WatchCodec, FiltersArePackedAndAreReadEitherWay) {
  const watch::Create wanted{.key = "a", .no_delete = true};
  EXPECT_EQ(serialize(watch::Request(wanted)), std::string("\x0a\x06\x0a\x01"
                                                           "a"
                                                           "\x2a\x01\x01",
                                                           8));
  const Result<watch::Request> one_by_one =
      parse_watch_request(std::string("\x0a\x05\x0a\x01"
                                      "a"
                                      "\x28\x01",
                                      7));
  ASSERT_TRUE(one_by_one);
  EXPECT_EQ(*one_by_one, watch::Request(wanted));
  // A filter that doesn't exist filters nothing.
  EXPECT_TRUE(parse_watch_request(std::string("\x0a\x04\x2a\x02\x96\x01", 6)));
}

TEST(WatchCodec, TheLastMemberOfTheUnionCounts) {
  const std::string both = serialize(watch::Request(watch::Create{.key = "k"})) +
                           serialize(watch::Request(watch::Cancel{4}));
  const Result<watch::Request> parsed = parse_watch_request(both);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, watch::Request(watch::Cancel{4}));
}

TEST(WatchCodec, RubbishIsRefused) {
  for (const std::string& bytes :
       {std::string("\x0a\x05\x0a"), std::string("\xff"), std::string("\x0a\x02\x0a\x05"),
        std::string("\x0a\x03\x2a\x01\x80"), std::string("\x12\x01\x08"),
        std::string("\x1a\x01\x08")}) {
    EXPECT_FALSE(parse_watch_request(bytes));
  }
}

TEST(WatchCodec, AResponseSaysAllItsFields) {
  const Header header{.cluster_id = 1, .member_id = 2, .revision = 99, .raft_term = 4};
  watch::Response response{.id = -1,
                           .revision = 5,
                           .created = true,
                           .canceled = true,
                           .compact_revision = 6,
                           .cancel_reason = "why"};
  response.events = {event("a", "1"), event("b", "")};
  response.events[1].erased = true;
  response.events[1].prev_kv = event("b", "old").kv;
  const std::vector<Bytes> parts = serialize(header, response, 1 << 20);
  ASSERT_EQ(parts.size(), 1U);
  const Result<WatchAnswer> parsed = parse_watch_response(parts[0].view());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->header, (Header{1, 2, 5, 4}));
  EXPECT_EQ(parsed->id, -1);
  EXPECT_TRUE(parsed->created && parsed->canceled && !parsed->fragment);
  EXPECT_EQ(parsed->compact_revision, 6);
  EXPECT_EQ(parsed->cancel_reason, "why");
  EXPECT_EQ(parsed->events, response.events);
}

TEST(WatchCodec, ALongResponseIsCutBetweenEventsIfItMayBe) {
  watch::Response response{.id = 3, .revision = 5};
  for (int i = 0; i < 10; ++i) response.events.push_back(event("k", std::string(100, 'v')));
  EXPECT_EQ(serialize({}, response, 300).size(), 1U);
  response.may_fragment = true;
  const std::vector<Bytes> parts = serialize({}, response, 300);
  ASSERT_EQ(parts.size(), 5U);
  std::vector<watch::Event> events;
  for (const Bytes& part : parts) {
    const Result<WatchAnswer> parsed = parse_watch_response(part.view());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->fragment, &part != &parts.back());
    EXPECT_LT(part.size(), 300U);
    EXPECT_EQ(parsed->header.revision, 5);
    events.insert(events.end(), parsed->events.begin(), parsed->events.end());
  }
  EXPECT_EQ(events, response.events);
  // What is one event can't be cut, and each part has one.
  EXPECT_EQ(serialize({}, response, 1).size(), 10U);
  EXPECT_EQ(serialize({}, response, 1 << 20).size(), 1U);
}

// Whatever is remembered of the responses before, each is written as it would be alone.
TEST(WatchCodec, ResponsesInARowAreWrittenAsEachAlone) {
  const Header header{.cluster_id = 1, .member_id = 2, .raft_term = 4};
  const watch::Event first = event("a", "1");
  watch::Event leased = first;
  leased.kv.lease = 10;
  watch::Event erased = first;
  erased.erased = true;
  watch::Event with_before = first;
  with_before.prev_kv = event("a", "0").kv;
  std::vector<watch::Response> responses{
      {.id = 1, .revision = 5, .events = {first}},
      {.id = 300, .revision = 5, .events = {first}},
      {.id = 0, .revision = 6, .events = {first}},
      {.id = 2, .revision = 6},
      {.id = 2, .revision = 6, .events = {leased}},
      {.id = 2, .revision = 6, .events = {with_before}},
      {.id = 3, .revision = 6, .events = {with_before}},
      {.id = 2, .revision = 6, .events = {first, erased}},
      {.id = 2, .revision = 7, .events = {erased}},
      {.id = 4, .revision = 7, .canceled = true, .events = {erased}},
      {.id = -4, .revision = 7, .events = {event("a", "2")}},
  };
  WatchWriter writer(header, 1 << 20);
  for (const watch::Response& response : responses) writer.write(response);
  const std::vector<Bytes> written = writer.take();
  ASSERT_EQ(written.size(), responses.size());
  for (std::size_t i = 0; i < responses.size(); ++i) {
    EXPECT_EQ(written[i], serialize(header, responses[i], 1 << 20).front()) << i;
    const Result<WatchAnswer> parsed = parse_watch_response(written[i].view());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->id, responses[i].id);
    EXPECT_EQ(parsed->header.revision, responses[i].revision);
    EXPECT_EQ(parsed->events, responses[i].events);
  }
}

}  // namespace
}  // namespace detcd::wire
