// The judge of watches against histories that keep every rule, and against one for each rule that
// breaks it and nothing else.
#include "sim/oracles/watch.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace detcd::sim {
namespace {

constexpr std::uint64_t kWatch = 5;

// A log of writes, and one client with a watch of everything but what a test says.
struct World {
  World()
      : judge({history, probes, [this](std::string oracle, std::string message) {
                 EXPECT_EQ(oracle, "watch");
                 if (failure.empty()) failure = message.substr(0, message.find_first_of("(:"));
                 while (failure.ends_with(' ')) failure.pop_back();
               }}) {}

  void write(Operation operation) {
    const std::uint64_t index = history.log.size() + 1;
    const apply::RequestId request{1, index};
    CallRecord& call = history.calls[index];
    call.id = index;
    call.operation = std::move(operation);
    history.proposed[request] = index;
    history.log[index] = AppliedRecord{.term = 1, .request = request};
    judge.on_applied(1, {});
  }
  void put(const std::string& key, const std::string& value) {
    write(apply::PutRequest{.key = key, .value = value});
  }
  void erase(const std::string& key) { write(apply::DeleteRangeRequest{.key = key}); }
  void two(const std::string& one, const std::string& other) {
    apply::TxnRequest txn;
    txn.success.push_back({apply::PutRequest{.key = one, .value = "1"}});
    txn.success.push_back({apply::PutRequest{.key = other, .value = "2"}});
    write(txn);
  }
  void compact(apply::Revision revision) { write(apply::CompactionRequest{revision, false}); }

  void say(WatchNote::Kind kind) {
    WatchNote note{.kind = kind, .client = 1, .watch = kWatch, .create = create};
    judge.on_watch(note);
  }
  // Wants it, asks for it and is told that it is there.
  void begin(apply::Revision now) {
    say(WatchNote::Kind::kWanted);
    ask(create.start_revision);
    answer({.header = {.revision = now}, .created = true});
  }
  void ask(apply::Revision start) {
    watch::Create asked = create;
    asked.start_revision = start;
    judge.on_watch(
        {.kind = WatchNote::Kind::kAsked, .client = 1, .watch = kWatch, .create = asked});
  }
  void lose() { judge.on_watch({.kind = WatchNote::Kind::kLost, .client = 1}); }
  void answer(wire::WatchAnswer said) {
    judge.on_watch({.kind = WatchNote::Kind::kAnswered,
                    .client = 1,
                    .watch = kWatch,
                    .answer = std::move(said)});
  }
  void tell(apply::Revision header, std::vector<watch::Event> events, bool fragment = false) {
    wire::WatchAnswer said{.header = {.revision = header}, .fragment = fragment};
    said.events = std::move(events);
    answer(std::move(said));
  }
  void progress(apply::Revision revision) { answer({.header = {.revision = revision}}); }
  void progress_of_all(apply::Revision revision) {
    judge.on_watch({.kind = WatchNote::Kind::kAnswered,
                    .client = 1,
                    .answer = {.header = {.revision = revision}, .id = watch::kNoWatch}});
  }
  void end_compacted(apply::Revision compacted) {
    answer({.canceled = true, .compact_revision = compacted});
  }

  History history;
  Probes probes;
  std::string failure;
  watch::Create create{.key = "a", .range_end = "z", .fragment = true};
  WatchOracle judge;
};

watch::Event event(const std::string& key, const std::string& value, apply::Revision mod,
                   apply::Revision made = 0, std::int64_t version = 1) {
  watch::Event event;
  event.kv = {.key = Bytes(key),
              .value = Bytes(value),
              .create_revision = made == 0 ? mod : made,
              .mod_revision = mod,
              .version = version};
  return event;
}
watch::Event gone(const std::string& key, apply::Revision mod) {
  watch::Event event{.erased = true};
  event.kv = {.key = Bytes(key), .mod_revision = mod};
  return event;
}
watch::Event with_before(watch::Event event, const watch::Event& before) {
  event.prev_kv = before.kv;
  return event;
}

TEST(WatchJudge, EverythingInOrderIsRight) {
  World world;
  world.begin(1);
  world.put("b", "x");  // 2
  world.two("c", "d");  // 3
  world.erase("b");     // 4
  world.tell(4, {event("b", "x", 2)});
  world.tell(4, {event("c", "1", 3)}, true);
  world.tell(4, {event("d", "2", 3), gone("b", 4)});
  world.progress_of_all(4);
  EXPECT_EQ(world.failure, "");
  EXPECT_EQ(world.judge.awaited(), "");
}

TEST(WatchJudge, WhatWasCommittedMustBeToldInTheEnd) {
  World world;
  world.begin(1);
  world.put("b", "x");
  EXPECT_EQ(world.judge.awaited(), "watch w5 of c1 hasn't been told of revision 2");
  world.tell(2, {event("b", "x", 2)});
  EXPECT_EQ(world.judge.awaited(), "");
  world.lose();
  EXPECT_EQ(world.judge.awaited(), "watch w5 of c1 isn't created");
  world.say(WatchNote::Kind::kUnwanted);
  EXPECT_EQ(world.judge.awaited(), "");
}

TEST(WatchJudge, AnEventThatIsLeftOutIsSeen) {
  World world;
  world.begin(1);
  world.put("b", "x");
  world.put("c", "y");
  world.tell(3, {event("c", "y", 3)});
  EXPECT_EQ(world.failure, "a watch was not told of something");
}

TEST(WatchJudge, AnEventThatComesTwiceIsSeen) {
  World world;
  world.begin(1);
  world.put("b", "x");
  world.put("c", "y");
  world.tell(3, {event("b", "x", 2)});
  world.tell(3, {event("b", "x", 2)});
  EXPECT_EQ(world.failure, "a watch was told of something twice, or not in order");
}

TEST(WatchJudge, AWrongOrderWithinARevisionIsSeen) {
  World world;
  world.begin(1);
  world.two("c", "d");
  world.tell(2, {event("d", "2", 2), event("c", "1", 2)});
  EXPECT_EQ(world.failure, "a watch was told otherwise than it happened");
}

TEST(WatchJudge, ARevisionThatIsSplitIsSeen) {
  World world;
  world.begin(1);
  world.two("c", "d");
  world.tell(2, {event("c", "1", 2)});
  EXPECT_EQ(world.failure, "a revision was split over responses");
}

TEST(WatchJudge, PartsAreForThoseWhoTakeThem) {
  World world;
  world.create.fragment = false;
  world.begin(1);
  world.two("c", "d");
  world.tell(2, {event("c", "1", 2)}, true);
  EXPECT_EQ(world.failure, "a watch was told in parts that doesn't take them");
}

TEST(WatchJudge, ValuesVersionsAndRevisionsMustBeRight) {
  for (const watch::Event& wrong :
       {event("b", "z", 3, 2, 2), event("b", "y", 3, 2, 1), event("b", "y", 3, 3, 2)}) {
    World world;
    world.put("b", "x");
    world.begin(2);
    world.put("b", "y");
    world.tell(3, {wrong});
    EXPECT_EQ(world.failure, "a watch was told otherwise than it happened");
  }
  World world;
  world.begin(1);
  world.put("b", "y");
  world.tell(2, {event("b", "y", 3)});
  EXPECT_EQ(world.failure, "a watch was told of what never happened");
}

TEST(WatchJudge, FiltersAndRangesHold) {
  World world;
  world.create.no_delete = true;
  world.begin(1);
  world.put("b", "x");
  world.put("zz", "x");
  world.erase("b");
  world.tell(4, {event("b", "x", 2)});
  EXPECT_EQ(world.judge.awaited(), "") << "what it doesn't want isn't awaited";
  world.tell(4, {gone("b", 4)});
  EXPECT_EQ(world.failure, "a watch was told of something twice, or not in order");
}

TEST(WatchJudge, WhatWasBeforeMustBeRightAndThere) {
  const watch::Event first = event("b", "x", 2);
  const watch::Event second = event("b", "y", 3, 2, 2);
  const auto after = [&](const watch::Event& told, bool wanted) {
    World world;
    world.create.prev_kv = wanted;
    world.put("b", "x");
    world.begin(2);
    world.put("b", "y");
    world.tell(3, {told});
    return world.failure;
  };
  EXPECT_EQ(after(with_before(second, first), true), "");
  EXPECT_EQ(after(second, true), "a watch was not told what was before");
  EXPECT_EQ(after(second, false), "");
  EXPECT_EQ(after(with_before(second, first), false), "a watch was told wrongly what was before");
  EXPECT_EQ(after(with_before(second, event("b", "z", 2)), true),
            "a watch was told wrongly what was before");
}

TEST(WatchJudge, WhatWasBeforeMayBeGoneWithACompaction) {
  World world;
  world.create.prev_kv = true;
  world.create.start_revision = 3;
  world.put("b", "x");
  world.put("b", "y");
  world.compact(3);
  world.begin(3);
  world.tell(3, {event("b", "y", 3, 2, 2)});
  EXPECT_EQ(world.failure, "");
}

TEST(WatchJudge, ProgressAheadOfEventsIsSeen) {
  for (const bool of_all : {false, true}) {
    World world;
    world.create.progress_notify = true;
    world.begin(1);
    world.put("b", "x");
    world.put("zz", "x");
    world.tell(3, {event("b", "x", 2)});
    of_all ? world.progress_of_all(3) : world.progress(3);
    EXPECT_EQ(world.failure, "");
    world.put("c", "y");
    of_all ? world.progress_of_all(4) : world.progress(4);
    EXPECT_EQ(world.failure, "progress was told ahead of events");
  }
}

TEST(WatchJudge, ProgressThatNobodyAskedForIsSeen) {
  World world;
  world.begin(1);
  world.progress(1);
  EXPECT_EQ(world.failure, "a watch was told progress unasked");
}

TEST(WatchJudge, ARevisionFromTheFutureIsSeen) {
  World world;
  world.begin(2);
  EXPECT_EQ(world.failure, "a watch was told a revision that isn't there yet");
}

TEST(WatchJudge, AWatchOfTheFutureIsToldNothingOlder) {
  World world;
  world.create.start_revision = 3;
  world.begin(1);
  world.put("b", "x");
  world.tell(2, {event("b", "x", 2)});
  EXPECT_EQ(world.failure, "a watch was told of what was before its start");
}

TEST(WatchJudge, ACompactionEndsOnlyWhoIsBehindIt) {
  const auto after = [](apply::Revision compacted, bool tell) {
    World world;
    world.create.start_revision = 2;
    world.put("b", "x");
    world.put("b", "y");
    world.compact(3);
    world.begin(3);
    if (tell) world.tell(3, {event("b", "x", 2), event("b", "y", 3, 2, 2)});
    world.end_compacted(compacted);
    return world.failure;
  };
  EXPECT_EQ(after(3, false), "");
  EXPECT_EQ(after(4, false), "a watch was ended by a compaction that never was");
  EXPECT_EQ(after(3, true), "a compaction ended a watch that isn't behind it");
}

TEST(WatchJudge, NobodyButItsClientCancelsAWatch) {
  World world;
  world.begin(1);
  world.answer({.header = {.revision = 1}, .canceled = true});
  EXPECT_EQ(world.failure, "a watch was canceled that nobody canceled");
  World halted;
  halted.begin(1);
  halted.say(WatchNote::Kind::kHalted);
  EXPECT_EQ(halted.failure, "a server ended a stream of watches for good");
}

TEST(WatchJudge, RefusalsMustBeRight) {
  World world;
  world.say(WatchNote::Kind::kWanted);
  world.ask(0);
  world.answer({.header = {.revision = 1}, .created = true, .canceled = true});
  EXPECT_EQ(world.failure, "a watch was refused that must be created");
  World empty;
  empty.create.range_end = "a";
  empty.begin(1);
  EXPECT_EQ(empty.failure, "a watch was created that must be refused");
}

TEST(WatchJudge, NothingComesBeforeTheCreation) {
  World world;
  world.put("b", "x");
  world.say(WatchNote::Kind::kWanted);
  world.ask(1);
  world.tell(2, {event("b", "x", 2)});
  EXPECT_EQ(world.failure, "a watch was told something before it was created");
}

TEST(WatchJudge, AResumptionGoesOnWhereItWas) {
  const auto after = [](apply::Revision start) {
    World world;
    world.begin(1);
    world.put("b", "x");
    world.put("c", "y");
    world.tell(3, {event("b", "x", 2)});
    world.lose();
    world.ask(start);
    if (!world.failure.empty()) return world.failure;
    world.answer({.header = {.revision = 3}, .created = true});
    world.tell(3, {event("c", "y", 3)});
    return world.failure;
  };
  EXPECT_EQ(after(3), "");
  EXPECT_EQ(after(2), "a resumed watch asks again for what it was told");
  EXPECT_EQ(after(4), "a resumed watch leaves out what it was never told");
  EXPECT_EQ(after(0), "a resumed watch leaves out what it was never told");
}

// What came in parts, and not to its end, its client hasn't.
TEST(WatchJudge, AResumptionAfterPartsAsksForTheWholeAgain) {
  World world;
  world.begin(1);
  world.two("c", "d");
  world.tell(2, {event("c", "1", 2)}, true);
  world.lose();
  world.ask(2);
  world.answer({.header = {.revision = 2}, .created = true});
  world.tell(2, {event("c", "1", 2), event("d", "2", 2)});
  EXPECT_EQ(world.failure, "");
}

}  // namespace
}  // namespace detcd::sim
