// What etcd's clients rely on, one claim at a time; tests/watch/world.h checks each response
// against the history as well.
#include <malloc.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/watch/world.h"

namespace detcd::watch {
namespace {

constexpr std::uint64_t kOne = 1;

std::string all() {
  return std::string(1, '\0');
}
std::size_t events_of(const World& world, WatchId id) {
  return world.streams.at(kOne).watches.at(id).events;
}

TEST(Hub, AWatchGetsWhatComesAfterItAndNothingElse) {
  World world;
  world.put_one("a", "0");
  world.open(kOne);
  world.ask(kOne, Create{.key = "a"});
  world.put_one("a", "1");
  world.put_one("b", "1");
  world.settle();
  EXPECT_EQ(events_of(world, 0), 1U);
}

TEST(Hub, IdsAreCountedAndTakenOnesAreRefused) {
  World world;
  world.open(kOne);
  world.ask(kOne, Create{.key = "a"});
  world.ask(kOne, Create{.key = "a", .id = 1});
  world.ask(kOne, Create{.key = "a"});
  world.ask(kOne, Create{.key = "a", .id = 1});
  world.ask(kOne, Create{.key = "b", .range_end = "a"});
  world.ask(kOne, Create{.key = "b", .range_end = "b"});
  world.ask(kOne, Create{.key = "b", .start_revision = -1});
  world.settle();
  const std::vector<Response>& said = world.streams.at(kOne).all;
  ASSERT_EQ(said.size(), 7U);
  EXPECT_EQ(said[0].id, 0);
  EXPECT_EQ(said[1].id, 1);
  EXPECT_EQ(said[2].id, 2);
  EXPECT_STREQ(said[3].cancel_reason, "mvcc: duplicate watch ID provided on the WatchStream");
  EXPECT_STREQ(said[4].cancel_reason, "mvcc: watcher range is empty");
  EXPECT_STREQ(said[5].cancel_reason, "mvcc: watcher range is empty");
  EXPECT_STREQ(said[6].cancel_reason, "etcdserver: mvcc: required revision has been compacted");
  for (std::size_t i = 3; i < said.size(); ++i) EXPECT_EQ(said[i].id, kNoWatch);
}

TEST(Hub, AStartBehindTheCompactionIsCanceledAfterItWasCreated) {
  World world;
  for (int i = 0; i < 5; ++i) world.put_one("a", "v");
  world.compact(4);
  world.open(kOne);
  world.ask(kOne, Create{.key = "a", .start_revision = 3});
  world.ask(kOne, Create{.key = "a", .start_revision = 4});
  world.settle();
  const std::vector<Response>& said = world.streams.at(kOne).all;
  ASSERT_EQ(said.size(), 4U);
  EXPECT_TRUE(said[0].created && said[1].created);
  EXPECT_TRUE(said[2].canceled && !said[2].created);
  EXPECT_EQ(said[2].compact_revision, 4);
  EXPECT_EQ(said[2].revision, 0);
  EXPECT_EQ(events_of(world, 1), 3U);
  // Its id is still its own until the client gives it back.
  world.ask(kOne, Create{.key = "a", .id = 5});
  world.ask(kOne, Cancel{0});
  world.ask(kOne, Cancel{77});
  world.settle();
  EXPECT_EQ(said.size(), 6U);
  EXPECT_TRUE(said[5].canceled);
  EXPECT_EQ(said[5].compact_revision, 0);
}

TEST(Hub, ARevisionIsWholeAndCatchingUpIsInBatches) {
  World world({.batch_revisions = 10});
  for (int i = 0; i < 25; ++i) {
    world.put("a", "v");
    world.put("b", "v");
    world.commit();
  }
  world.open(kOne);
  world.ask(kOne, Create{.key = "a", .range_end = "c", .start_revision = 2});
  world.settle();
  EXPECT_EQ(events_of(world, 0), 50U);
  EXPECT_EQ(world.streams.at(kOne).all.size(), 4U) << "created, and 10 + 10 + 5 revisions";
}

TEST(Hub, CompactingToTheHeadAfterEachPutCancelsNobody) {
  World world;
  world.open(kOne);
  world.ask(kOne, Create{.key = "", .range_end = all(), .prev_kv = true});
  world.open(2);
  world.ask(2, Create{.key = "k"});
  world.settle();
  world.set_slow(2, true);
  for (int i = 0; i < 100; ++i) {
    world.put_one("k", std::to_string(i));
    // The compaction comes before anybody was told.
    world.compact(world.store.revision());
    world.sweep_all();
    world.settle();
  }
  EXPECT_EQ(events_of(world, 0), 100U);
  world.expect_complete();
  EXPECT_EQ(world.streams.at(2).watches.at(0).events, 100U);
  world.compact(world.store.revision());
  world.sweep_all();
  EXPECT_FALSE(world.hub.kept()) << "nothing is kept for those who have everything";
}

TEST(Hub, WhoIsFurtherBehindThanIsKeptIsCanceledByACompaction) {
  World world({.credit_responses = 1, .owed_responses_max = 8});
  world.open(kOne);
  world.ask(kOne, Create{.key = "k"});
  world.settle();
  world.set_slow(kOne, true);
  for (int i = 0; i < 20; ++i) world.put_one("k", "v");
  world.settle();
  world.compact(world.store.revision());
  world.sweep_all();
  EXPECT_FALSE(world.hub.kept());
  world.expect_complete();
  EXPECT_EQ(world.streams.at(kOne).watches.at(0).compacted, 21);
}

// A client that takes nothing doesn't keep the history for ever, however little it is owed.
TEST(Hub, WhatIsKeptForTheSlowIsBoundedInBytes) {
  World world({.credit_responses = 1, .owed_log_bytes_max = 4000});
  world.open(kOne);
  world.ask(kOne, Create{.key = "k"});
  world.settle();
  world.set_slow(kOne, true);
  world.put_one("k", "1");
  world.put_one("k", "2");
  world.settle();
  world.compact(world.store.revision());
  EXPECT_TRUE(world.hub.kept());
  for (int i = 0; i < 100; ++i) {
    world.put_one("other", std::string(50, 'v'));
    world.settle();
  }
  EXPECT_FALSE(world.hub.kept());
}

TEST(Hub, ProgressIsAnsweredWhenAllOfTheStreamHasPassed) {
  World world;
  world.open(kOne);
  world.ask(kOne, AskProgress{});
  world.settle();
  EXPECT_EQ(world.streams.at(kOne).progress_answers, 0U) << "without watches there is no answer";
  for (int i = 0; i < 50; ++i) world.put_one("k", "v");
  world.ask(kOne, Create{.key = "k", .start_revision = 2});
  world.ask(kOne, Create{.key = "x"});
  world.ask(kOne, AskProgress{});
  world.put_one("k", "later");
  world.settle();
  EXPECT_EQ(world.streams.at(kOne).progress_answers, 1U);
  EXPECT_EQ(world.streams.at(kOne).last_progress, 51);
  // One that starts above the present: as etcd, nothing is said.
  world.ask(kOne, Create{.key = "y", .start_revision = 60});
  world.ask(kOne, AskProgress{});
  world.settle();
  EXPECT_EQ(world.streams.at(kOne).progress_answers, 1U);
}

// Consistent lists of Kubernetes wait for it while others write.
TEST(Hub, ProgressIsAnsweredThoughWritesGoOnAndTheClientIsSlow) {
  World world({.credit_bytes = 400, .credit_responses = 2});
  world.open(kOne);
  for (int i = 0; i < 50; ++i) world.ask(kOne, Create{.key = "k"});
  world.settle();
  for (int i = 0; i < 200; ++i) {
    world.put_one("k", "v");
    if (i % 20 == 0) world.ask(kOne, AskProgress{});
    static_cast<void>(world.advance(400));
  }
  EXPECT_GE(world.streams.at(kOne).progress_answers, 5U);
  world.expect_complete();
  EXPECT_EQ(world.streams.at(kOne).progress_answers, 10U);
}

TEST(Hub, TicksTellTheQuietAndSyncedOnly) {
  World world;
  world.open(kOne);
  world.ask(kOne, Create{.key = "a", .progress_notify = true});
  world.ask(kOne, Create{.key = "b", .progress_notify = true});
  world.ask(kOne, Create{.key = "c"});
  world.ask(kOne, Create{.key = "d", .start_revision = 99, .progress_notify = true});
  world.put_one("a", "1");
  world.settle();
  const std::vector<Response>& said = world.streams.at(kOne).all;
  const std::size_t before = said.size();
  world.hub.tick(StreamId(kOne));
  world.settle();
  ASSERT_EQ(said.size(), before + 1);
  EXPECT_EQ(said.back().id, 1);
  EXPECT_EQ(said.back().revision, 2);
  world.hub.tick(StreamId(kOne));
  world.settle();
  EXPECT_EQ(said.size(), before + 3) << "now both were quiet";
}

TEST(Hub, AStalledStreamKeepsNobodyWaiting) {
  World world;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    world.open(id);
    for (int i = 0; i < 20; ++i) world.ask(id, Create{.key = "k"});
  }
  world.settle();
  world.set_slow(2, true);
  for (int i = 0; i < 300; ++i) world.put_one("k", "v");
  world.settle();
  for (const std::uint64_t id : {std::uint64_t{1}, std::uint64_t{3}}) {
    EXPECT_EQ(world.streams.at(id).watches.at(19).events, 300U);
  }
  EXPECT_LE(world.streams.at(2).untaken, 128);
}

TEST(Hub, AnotherStoreIsReadOnFromWhereEverybodyWas) {
  World world;
  world.open(kOne);
  world.ask(kOne, Create{.key = "k", .range_end = "l"});
  world.ask(kOne, Create{.key = "k", .start_revision = 40});
  for (int i = 0; i < 10; ++i) world.put_one("k", "v");
  static_cast<void>(world.advance(3));
  mvcc::Store other(512);
  for (int i = 0; i < 30; ++i) {
    other.put({.key = "k", .value = "v", .lease = 7});
    other.commit();
    if (i >= 10) world.put("k", "v");
    if (i >= 10) world.commit();
  }
  // The model has the same history; the hub goes on with the other store.
  world.hub.replaced(other);
  std::vector<Output> out;
  for (int i = 0; i < 1000; ++i) {
    mvcc::Meter meter({.units = 20});
    if (std::holds_alternative<mvcc::Done>(world.hub.advance(other, meter, out))) break;
  }
  for (Output& output : out) {
    for (Response& response : output.responses) world.take(output.stream.value(), response);
  }
  EXPECT_EQ(events_of(world, 0), 30U);
  EXPECT_EQ(events_of(world, 1), 0U);
}

// 400 bytes each beyond the stream, with keys as Kubernetes has them.
TEST(Hub, AHundredThousandWatchesAreSmall) {
  World world;
  for (std::uint64_t id = 1; id <= 10; ++id) world.open(id);
  std::size_t events = 0;
  const auto drain = [&] {
    for (bool done = false; !done;) {
      std::vector<Output> out;
      mvcc::Meter meter({.units = 100'000});
      done = std::holds_alternative<mvcc::Done>(world.hub.advance(world.store, meter, out));
      for (const Output& output : out) {
        for (const Response& response : output.responses) events += response.events.size();
        world.hub.grant(output.stream, 1000, 1 << 20);
      }
      done = done && out.empty();
    }
  };
  const std::size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 100'000; ++i) {
    const std::string key = "/registry/pods/ns/" + std::to_string(1'000'000 + i);
    world.hub.ask(StreamId(static_cast<std::uint64_t>(1 + i % 10)), Create{.key = key},
                  world.store);
    if (i % 1000 == 999) drain();
  }
  const std::size_t each = (mallinfo2().uordblks - before) / 100'000;
  RecordProperty("bytes_per_watch", static_cast<int>(each));
  // A sanitizer has a heap of its own, which nobody counts.
  if (before != 0) {
    EXPECT_LE(each, 400U);
    EXPECT_GT(each, 100U) << "somebody else counts the memory of this program";
  }
  for (int i = 0; i < 100; ++i) {
    world.put_one("/registry/pods/ns/" + std::to_string(1'000'000 + i * 31), "v");
  }
  drain();
  EXPECT_EQ(events, 100U);
  EXPECT_EQ(world.hub.watchers(), 100'000U);
}

}  // namespace
}  // namespace detcd::watch
