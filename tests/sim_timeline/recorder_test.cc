// What the recorder sees of real runs, and that the runs don't notice it.
#include "sim/timeline/recorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "base/check.h"
#include "sim/campaign/picture.h"
#include "sim/campaign/report.h"
#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

struct Recorded {
  RunResult result;
  Timeline timeline;
};

Recorded record(RunOptions options) {
  Recorder recorder(options.settings.nodes);
  options.watcher = &recorder;
  Recorded recorded;
  recorded.result = run(options);
  recorded.timeline = recorder.timeline();
  return recorded;
}

std::string page_of(const RunOptions& options, const Recorded& recorded) {
  return render_page(recorded.timeline,
                     page_facts(trace_of(options, recorded.result), recorded.result));
}

TEST(Recorder, ARunIsTheSameWithIt) {
  for (const std::uint64_t seed : {3, 4, 5}) {
    const RunOptions options = drawn(seed, "swarm");
    const RunResult alone = run(options);
    const Recorded watched = record(options);
    EXPECT_EQ(watched.result.hash, alone.hash) << "seed " << seed;
    EXPECT_EQ(watched.result.checkpoints, alone.checkpoints);
    EXPECT_EQ(watched.timeline.hash, alone.hash);
    EXPECT_EQ(watched.timeline.kernel_events, alone.events);
  }
}

TEST(Recorder, TheSameRunGivesTheSamePageByteForByte) {
  const RunOptions options = drawn(6, "swarm");
  const std::string page = page_of(options, record(options));
  EXPECT_GT(page.size(), 100'000U);
  EXPECT_TRUE(page == page_of(options, record(options)));
}

TEST(Recorder, SeesTheLivesOfAMember) {
  const Recorded run =
      record(scenario("seed 1\nfault at 2s crash n2 down 1s\n" + puts(5, 1s, 10ms)));
  std::vector<std::pair<Band, VirtualTime>> downs;
  for (const RoleRecord& role : run.timeline.roles) {
    if (role.node == 2 && (role.band == Band::kCrashed || role.band == Band::kOpening)) {
      downs.emplace_back(role.band, role.at);
    }
  }
  const std::vector<std::pair<Band, VirtualTime>> expected = {{Band::kOpening, VirtualTime()},
                                                              {Band::kCrashed, VirtualTime(2s)},
                                                              {Band::kOpening, VirtualTime(3s)}};
  EXPECT_EQ(downs, expected);
  EXPECT_TRUE(std::ranges::any_of(run.timeline.roles, [](const RoleRecord& role) {
    return role.band == Band::kLeader && role.term > 0;
  }));
}

TEST(Recorder, NamesWhoeverLedAsTheVictimOfAFaultAtTheLeader) {
  const Recorded run = record(scenario("seed 1\nfault at 2s crash leader down 1s\n"));
  ASSERT_EQ(run.timeline.faults.size(), 1U);
  const FaultRecord& fault = run.timeline.faults.front();
  EXPECT_TRUE(fault.done);
  EXPECT_EQ(fault.text, "crash leader down 1s");
  ASSERT_EQ(fault.nodes.size(), 1U);
  const auto crashed = std::ranges::find(run.timeline.roles, Band::kCrashed, &RoleRecord::band);
  ASSERT_NE(crashed, run.timeline.roles.end());
  EXPECT_EQ(crashed->node, fault.nodes.front());
}

TEST(Recorder, PlacesCallsInTheLog) {
  const Recorded run = record(scenario("seed 1\n" + puts(20, 1s, 10ms)));
  ASSERT_EQ(run.timeline.calls.size(), 21U);  // And the last read of everything.
  std::uint64_t last = 0;
  for (const Call& call : run.timeline.calls) {
    EXPECT_EQ(call.record.outcome, CallRecord::Outcome::kAnswered);
    EXPECT_GT(call.index, last == 0 ? 0 : last - 1);
    EXPECT_GE(call.node, 1U);
    EXPECT_LE(call.node, 3U);
    last = call.index;
  }
}

TEST(Recorder, MessagesOfAPartitionTakeItsTimeOrAreLost) {
  const Recorded run = record(scenario("seed 1\nfault at 2s partition n1 for 1500ms\n"));
  std::size_t arrived = 0;
  std::size_t hindered = 0;
  for (const MessageRecord& message : run.timeline.messages) {
    EXPECT_LE(message.sent, message.ended);
    EXPECT_NE(message.from, message.to);
    if (message.fate == Fate::kArrived) ++arrived;
    const bool across = message.from == 1 || message.to == 1;
    const bool during = message.sent > VirtualTime(2100ms) && message.sent < VirtualTime(3400ms);
    if (!across || !during) continue;
    EXPECT_TRUE(message.fate != Fate::kArrived || message.ended >= VirtualTime(3500ms));
    ++hindered;
  }
  EXPECT_GT(arrived, 200U);
  EXPECT_GT(hindered, 0U);
  EXPECT_TRUE(std::ranges::is_sorted(run.timeline.messages, {}, &MessageRecord::sent));
}

TEST(Recorder, FollowsAWatchThroughTheLossOfItsStreamToItsEnd) {
  const Recorded run =
      record(scenario("seed 1\nwatch at 0s c1 #1 watch \"\" end \"\\x00\" for 4s\n"
                      "fault at 2s reset n1 clients\nfault at 2s reset n2 clients\n"
                      "fault at 2s reset n3 clients\n" +
                      puts(5, 1s, 400ms)));
  ASSERT_TRUE(!run.result.violation);
  std::vector<WatchMarkKind> kinds;
  std::uint64_t told = 0;
  for (const WatchMark& mark : run.timeline.watches) {
    if (mark.kind != WatchMarkKind::kEvents) {
      kinds.push_back(mark.kind);
      continue;
    }
    EXPECT_GT(mark.first, told);
    EXPECT_GE(mark.node, 1U);
    EXPECT_EQ(mark.keys.size(), 1U);
    EXPECT_NE(mark.words.find("put " + mark.keys.front()), std::string::npos) << mark.words;
    told = mark.last;
  }
  using enum WatchMarkKind;
  const std::vector<WatchMarkKind> expected = {kWanted, kAsked,   kCreated, kLost,
                                               kAsked,  kResumed, kUnwanted};
  EXPECT_EQ(std::vector(kinds.begin(), kinds.begin() + std::min<std::size_t>(kinds.size(), 7)),
            expected);
  EXPECT_EQ(told, 6U);
}

TEST(Recorder, NamesTheKeysOfEveryKindOfOperation) {
  apply::TxnRequest txn;
  txn.compare.push_back({.key = "a"});
  txn.success.push_back({apply::PutRequest{.key = "b", .value = "x"}});
  txn.failure.push_back({apply::DeleteRangeRequest{.key = "c", .range_end = "d"}});
  const std::vector<std::string> expected = {"\"a\"", "\"b\"", "\"c\"..\"d\""};
  EXPECT_EQ(keys_of(txn), expected);
  EXPECT_TRUE(keys_of(apply::CompactionRequest{}).empty());
  EXPECT_EQ(keys_of(apply::PutRequest{.key = "a", .lease = 7}),
            (std::vector<std::string>{"lease 7", "\"a\""}));
  EXPECT_EQ(keys_of(KeepAlive{.lease = 7}), (std::vector<std::string>{"lease 7"}));
  EXPECT_EQ(keys_of(apply::LeaseGrantRequest{.id = 7}), (std::vector<std::string>{"lease 7"}));
  EXPECT_EQ(keys_of(auth::Change(auth::UserGrantRole{.user = "u", .role = "r"})),
            (std::vector<std::string>{"user u", "role r"}));
  EXPECT_EQ(keys_of(auth::Change(auth::UserAdd{.name = "u"})),
            (std::vector<std::string>{"user u"}));
}

class FailsACheck final : public Watcher {
 public:
  void on_calm() override { check(false, "the planted promise holds"); }
};

TEST(LastWords, AreSaidWhenACheckFailsInTheMiddle) {
  RunOptions options = scenario("seed 1\n");
  FailsACheck watcher;
  options.watcher = &watcher;
  const std::string path = testing::TempDir() + "last_words";
  const ChildResult child = run_in_child(
      options, 60, [&](const RunResult& result) { std::ofstream(path) << failure_text(result); });
  ASSERT_TRUE(child.result.violation);
  EXPECT_EQ(child.result.violation->oracle, "check");
  std::stringstream said;
  said << std::ifstream(path).rdbuf();
  EXPECT_EQ(said.str(), failure_text(child.result));
  EXPECT_NE(said.str().find("the planted promise holds"), std::string::npos);
}

TEST(Between, TakesTimesAsTraceFilesWriteThem) {
  const auto parsed = [](const std::vector<std::string>& words) {
    return between_of(*Arguments::parse(words, {"from", "to"}, {}));
  };
  const Result<Between> between = parsed({"--from", "1500ms", "--to=2s"});
  ASSERT_TRUE(between);
  EXPECT_FALSE(between->holds(VirtualTime(1499ms)));
  EXPECT_TRUE(between->holds(VirtualTime(1500ms)));
  EXPECT_TRUE(between->holds(VirtualTime(2s)));
  EXPECT_FALSE(between->holds(VirtualTime(2001ms)));
  EXPECT_FALSE(parsed({"--from", "soon"}));
  EXPECT_FALSE(parsed({"--from", "2s", "--to", "1s"}));
}

}  // namespace
}  // namespace detcd::sim
