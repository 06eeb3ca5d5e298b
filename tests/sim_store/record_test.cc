// What a campaign writes down comes back as it was; what was cut short or changed doesn't.
#include "sim/store/record.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "sim/store/summary.h"
#include "sim/store/totals.h"

namespace detcd::sim {
namespace {

RunRecord record(std::uint64_t number) {
  RunRecord run;
  run.number = number;
  run.seed = number;
  run.hash = 0xfedcba9876543210 + number;
  run.entries = 300;
  run.events = 12'345 + number;
  run.operations = 30;
  run.acknowledged = 29;
  run.faults = 3;
  run.leaders = 2;
  run.virtual_ms = 33'000;
  run.cpu_ms = 71;
  run.found = {7, 0xffffffff};
  return run;
}

RunRecord failed(std::uint64_t number, std::uint64_t events, std::string fingerprint) {
  RunRecord run = record(number);
  run.outcome = Outcome::kFail;
  run.events = events;
  run.fingerprint = std::move(fingerprint);
  run.message = run.fingerprint + " \"k\x01\"";
  return run;
}

CampaignPlan campaign() {
  CampaignPlan plan;
  plan.commit = "0123456789ab";
  plan.program = 0x1122334455667788;
  plan.last = 40;
  plan.guided_percent = 50;
  plan.twice_percent = 5;
  return plan;
}

TEST(Record, ComesBackAsItWas) {
  RunRecord full = failed(17, 99, "oracle: a \"b\" # c");
  full.changes = {203, 411};
  full.twice = true;
  full.probes = {{probe_id("one"), 1}, {probe_id("two"), 12'345}};
  const std::string text = print(record(1)) + print(full);
  const Result<Records> back = parse_records(text);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_FALSE(back->torn);
  EXPECT_EQ(back->whole_bytes, text.size());
  EXPECT_EQ(back->records, (std::vector<RunRecord>{record(1), full}));
}

TEST(Record, ALastLineThatWasCutShortIsLeftOutWhereverItWasCut) {
  const std::string first = print(record(1));
  const std::string second = print(record(2));
  for (std::size_t length = 1; length < second.size(); ++length) {
    const Result<Records> back = parse_records(first + second.substr(0, length));
    ASSERT_TRUE(back.ok()) << length;
    EXPECT_TRUE(back->torn);
    EXPECT_EQ(back->whole_bytes, first.size());
    EXPECT_EQ(back->records.size(), 1U);
  }
}

TEST(Record, AChangedByteIsNeverTakenForAResult) {
  const std::string text = print(record(1)) + print(record(2));
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const Result<Records> back = parse_records(changed);
    // The last line's newline may be what changed: then that line is unfinished.
    EXPECT_TRUE(!back.ok() || (back->torn && back->records.size() == 1)) << at;
  }
}

TEST(Record, ADamagedLineIsNamed) {
  std::string text = print(record(1)) + print(record(2)) + print(record(3));
  text[print(record(1)).size() + 20] = '!';
  const Result<Records> back = parse_records(text);
  ASSERT_FALSE(back.ok());
  EXPECT_NE(back.error().message.find("line 2"), std::string::npos) << back.error().message;
}

TEST(CampaignPlan, ComesBackAsItWas) {
  CampaignPlan plan = campaign();
  plan.shard = 3;
  plan.shards = 8;
  plan.nodes = 5;
  const Result<CampaignPlan> back = parse_campaign(print(plan));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, plan);
  plan.last.reset();
  EXPECT_EQ(parse_campaign(print(plan))->last, std::nullopt);
  std::string changed = print(plan);
  changed[30] ^= 1;
  EXPECT_FALSE(parse_campaign(changed).ok());
  EXPECT_FALSE(parse_campaign("").ok());
}

TEST(CampaignPlan, SaysInWhatAnotherCampaignDiffers) {
  EXPECT_EQ(difference(campaign(), campaign()), "");
  CampaignPlan other = campaign();
  other.profile = "lite";
  EXPECT_EQ(difference(campaign(), other), "profile swarm is not lite");
  other = campaign();
  other.program = 1;
  EXPECT_NE(difference(campaign(), other), "");
  other = campaign();
  other.shard = 2;  // Another part of the same.
  EXPECT_EQ(difference(campaign(), other), "");
}

TEST(CampaignPlan, ShardsCoverEveryRunOnce) {
  for (const std::uint64_t shards : {1, 3, 8, 64}) {
    std::set<std::uint64_t> covered;
    CampaignPlan plan = campaign();
    plan.first = 5;
    plan.last = 300;
    plan.shards = shards;
    for (plan.shard = 1; plan.shard <= shards; ++plan.shard) {
      for (std::uint64_t number = 1; number <= 310; ++number) {
        if (plan.covers(number)) EXPECT_TRUE(covered.insert(number).second) << number;
      }
    }
    EXPECT_EQ(covered.size(), 296U);
    EXPECT_EQ(*covered.begin(), 5U);
  }
}

TEST(Totals, FailuresAreMergedWhateverTheOrder) {
  const std::vector<RunRecord> runs = {failed(9, 50, "a: x"), failed(3, 70, "a: x"),
                                       failed(4, 50, "a: x"), failed(5, 10, "b: y"), record(1)};
  Totals forward;
  Totals backward;
  for (const RunRecord& run : runs) ASSERT_TRUE(forward.add(run).ok());
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) ASSERT_TRUE(backward.add(*run).ok());
  for (const Totals* totals : {&forward, &backward}) {
    ASSERT_EQ(totals->failures().size(), 2U);
    const Failure& failure = totals->failures().at("a: x");
    EXPECT_EQ(failure.count, 3U);
    EXPECT_EQ(failure.best.number, 4U);  // The fewest events, then the lowest number.
    EXPECT_EQ(failure.first, (std::vector<std::uint64_t>{3, 4, 9}));
    EXPECT_EQ(totals->numbers().failed, 4U);
    EXPECT_EQ(totals->states(), 2U);
  }
}

TEST(Totals, TheSameRunTwiceCountsOnceAndTwoResultsAreNoted) {
  Totals totals;
  RunRecord run = record(1);
  ASSERT_TRUE(totals.add(run).ok());
  run.cpu_ms += 100;  // Costs differ from time to time.
  EXPECT_TRUE(totals.add(run).ok());
  EXPECT_EQ(totals.numbers().runs, 1U);
  run.hash ^= 1;
  EXPECT_FALSE(totals.add(run).ok());
}

TEST(Summary, SaysWhatIsMissingAndWhatFailed) {
  Totals totals;
  ASSERT_TRUE(totals.add(record(1)).ok());
  Story story{campaign(), &totals, {{"reached", true}, {"rare", false}}, true, std::nullopt};
  EXPECT_EQ(verdict_of(story), "incomplete");
  for (std::uint64_t number = 2; number <= 40; ++number)
    ASSERT_TRUE(totals.add(record(number)).ok());
  EXPECT_EQ(verdict_of(story), "pass");
  ASSERT_TRUE(totals.add(failed(41, 3, "a: <x>")).ok());
  EXPECT_EQ(verdict_of(story), "FAIL");
  EXPECT_NE(summary_text(story).find("reproduce: detcd-sim run --seed 41 --profile swarm"),
            std::string::npos);
  EXPECT_NE(summary_json(story).find("\"verdict\": \"FAIL\""), std::string::npos);
  const std::string page = summary_page(story);
  EXPECT_NE(page.find("a: &lt;x&gt;"), std::string::npos);
  EXPECT_EQ(page.find("a: <x>"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos);
}

TEST(Summary, AProbeThatHadToBeReachedMakesALargeCampaignFail) {
  Totals totals;
  RunRecord run;
  for (run.number = 1; run.number <= kRunsThatReachAll; ++run.number) {
    run.probes.clear();
    if (run.number == 7 || run.number == 9) run.probes = {{probe_id("reached"), run.number}};
    ASSERT_TRUE(totals.add(run).ok());
  }
  CampaignPlan plan = campaign();
  plan.last = kRunsThatReachAll;
  Story story{plan, &totals, {{"reached", true}, {"rare", false}}, true, std::nullopt};
  EXPECT_EQ(verdict_of(story), "pass");
  story.probes.push_back({"never", true});
  EXPECT_EQ(missed_probes(story), std::vector<std::string>{"never"});
  EXPECT_EQ(verdict_of(story), "FAIL");
  const std::string text = summary_text(story);
  EXPECT_NE(text.find("in 2 runs, 16 times, first in run 7: reached"), std::string::npos) << text;
  EXPECT_NE(text.find("never: rare"), std::string::npos) << text;
  EXPECT_NE(text.find("NEVER REACHED: never"), std::string::npos) << text;
  const std::string json = summary_json(story);
  EXPECT_NE(json.find("\"reached\": 16"), std::string::npos) << json;
  const std::string page = summary_page(story);
  EXPECT_NE(page.find("16 times, first in run 7"), std::string::npos);
}

}  // namespace
}  // namespace detcd::sim
