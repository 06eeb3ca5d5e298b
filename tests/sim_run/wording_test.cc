#include "sim/campaign/wording.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/campaign/entries.h"
#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

bool proposes(std::string_view line, std::string_view other) {
  return std::ranges::count(simpler_lines(line), other) > 0;
}

TEST(Wording, RoundsDurationsAndNumbers) {
  const std::vector<std::string> times = simpler_words("2531ms");
  EXPECT_EQ(times.front(), "0s");
  EXPECT_EQ(std::ranges::count(times, "2s"), 1);
  EXPECT_EQ(std::ranges::count(times, "3s"), 1);
  EXPECT_EQ(std::ranges::count(times, "2500ms"), 1);
  EXPECT_EQ(simpler_words("0s"), std::vector<std::string>{});
  EXPECT_EQ(simpler_words("-157ppm"), std::vector<std::string>{});
  EXPECT_EQ(std::ranges::count(simpler_words("-157"), "-100"), 1);
  EXPECT_EQ(simpler_words("7"), (std::vector<std::string>{"0"}));
  EXPECT_EQ(simpler_words("\"vvvvvvvv\""), (std::vector<std::string>{"\"v\"", "\"vvvv\""}));
}

TEST(Wording, LeavesOutFlagsNumbersAndClauses) {
  EXPECT_TRUE(proposes("at 1s crash n1 down 1s boundary 7", "at 1s crash n1 down 1s"));
  EXPECT_TRUE(proposes("at 1s c1 #2 put \"k\" prev-kv", "at 1s c1 #2 put \"k\""));
  EXPECT_TRUE(proposes("at 1s c1 #2 txn if 1 2 \"k\" number 3 ; then else end-txn",
                       "at 1s c1 #2 txn then else end-txn"));
}

TEST(Wording, EveryProposalIsSimpler) {
  RunOptions options = drawn(7, "swarm");
  ASSERT_GT(options.plan.operations.size(), 80U);
  options.plan.operations.resize(80);
  for (const Entry& entry : entries_of(options.plan)) {
    const std::string line = line_of(entry);
    EXPECT_EQ(with_line(entry, line), entry) << line;
    for (const std::string& other : simpler_lines(line)) EXPECT_LT(weight(other), weight(line));
  }
}

TEST(Wording, AFaultOfAKindItDoesNotKnowIsWordsAllTheSame) {
  EXPECT_TRUE(
      proposes("at 1s meteor n1 down 1234ms where 99999", "at 1s meteor n1 down 1s where 99999"));
  EXPECT_TRUE(proposes("at 1s meteor n1 down 1s where 99999", "at 1s meteor n1 down 1s where 0"));
}

TEST(Entries, AreFaultsAndOperationsByTime) {
  const Plan plan = drawn(5, "swarm").plan;
  const std::vector<Entry> entries = entries_of(plan);
  EXPECT_EQ(entries.size(), plan.size());
  EXPECT_TRUE(std::ranges::is_sorted(entries, {}, time_of));
  EXPECT_EQ(plan_of(entries), plan);
}

TEST(Entries, MembersThatGoTakeTheirFaultsAlong) {
  const RunOptions five = scenario(
      "set nodes 5\nfault at 1s crash n2 down 1s\nfault at 2s crash n4 down 1s\n"
      "fault at 3s partition n2,n5 for 1s\nfault at 4s pause leader for 1s\n"
      "fault at 5s delay n1 n3 by 10ms for 1s\n" +
      puts(2, 1s, 1s));
  const RunOptions three = scenario(
      "fault at 2s crash n2 down 1s\nfault at 3s partition n3 for 1s\n"
      "fault at 4s pause leader for 1s\n" +
      puts(2, 1s, 1s));
  EXPECT_EQ(without_nodes(five.plan, {2, 3}), three.plan);
}

}  // namespace
}  // namespace detcd::sim
