// The passes against a predicate that says what a failure needs; and real failures, end to end.
#include "sim/campaign/shrink.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "sim/campaign/entries.h"
#include "sim/campaign/judge.h"
#include "sim/campaign/shrink_entries.h"
#include "sim/campaign/shrink_words.h"
#include "sim/campaign/story.h"
#include "sim/faults/registry.h"
#include "tests/sim_run/scenario.h"

namespace detcd::sim {
namespace {

using Predicate = std::function<bool(const RunOptions&)>;

// In place of running candidates.
FirstFailing asked(Predicate fails) {
  return [fails = std::move(fails)](std::size_t count,
                                    const MakeCandidate& candidate) -> std::optional<Failing> {
    for (std::size_t n = 0; n < count; ++n) {
      if (fails(candidate(n))) return Failing{n, Duration{}};
    }
    return std::nullopt;
  };
}

// Fails exactly when all of these are there.
struct Culprits {
  std::set<std::uint64_t> operations;
  std::vector<FaultEntry> faults;

  [[nodiscard]] bool all_in(const Plan& plan) const {
    for (const FaultEntry& fault : faults) {
      if (std::ranges::count(plan.faults, fault) == 0) return false;
    }
    const auto wanted = [this](const OperationEntry& entry) {
      return operations.contains(entry.id);
    };
    return std::ranges::count_if(plan.operations, wanted) ==
           static_cast<std::ptrdiff_t>(operations.size());
  }
  [[nodiscard]] FirstFailing judge() const {
    return asked([this](const RunOptions& options) { return all_in(options.plan); });
  }
};

RunOptions whole(std::uint64_t seed, std::string_view profile = "lite") {
  RunOptions options;
  options.seed = seed;
  options.settings = *draw_settings(seed, profile);
  options.settings.length = std::min(options.settings.length, Duration(9s));
  options.plan = draw_plan(seed, options.settings);
  return options;
}

Culprits culprits_of(const Plan& plan) {
  Culprits culprits;
  for (const std::size_t at : {std::size_t{5}, plan.operations.size() / 2}) {
    culprits.operations.insert(plan.operations[at].id);
  }
  culprits.faults.push_back(plan.faults.back());
  return culprits;
}

// One pass alone.
template <class Pass>
RunOptions after(const RunOptions& options, const Predicate& fails, const Pass& pass,
                 Duration failed_at = {}) {
  const ShrinkLimits limits;
  const FirstFailing judge = asked(fails);
  Search search(options, failed_at, limits, judge);
  pass(search);
  EXPECT_TRUE(fails(search.best()));
  return search.best();
}

bool always(const RunOptions&) {
  return true;
}

TEST(Shrink, FindsExactlyWhatTheFailureNeeds) {
  for (const std::uint64_t seed : {2, 3, 5}) {
    const RunOptions options = whole(seed);
    ASSERT_GT(options.plan.operations.size(), 100U);
    ASSERT_FALSE(options.plan.faults.empty());
    const Culprits culprits = culprits_of(options.plan);
    const Shrunk shrunk = shrink(options, Duration{}, {}, culprits.judge());
    EXPECT_TRUE(shrunk.finished);
    EXPECT_EQ(shrunk.options.plan.size(), 3U) << "seed " << seed;
    EXPECT_TRUE(culprits.all_in(shrunk.options.plan));
    EXPECT_EQ(shrunk.options.plan, shrink(options, Duration{}, {}, culprits.judge()).options.plan);
  }
}

TEST(Shrink, WhatHangsOnTimingIsFoundWithAnotherSeed) {
  const RunOptions options = whole(3);
  const Culprits culprits = culprits_of(options.plan);
  // A small plan fails under one seed of sixteen.
  const auto fails = [&](const RunOptions& candidate) {
    return culprits.all_in(candidate.plan) &&
           (candidate.plan.size() >= options.plan.size() || candidate.seed % 16 == 5);
  };
  const Shrunk shrunk = shrink(options, Duration{}, {}, asked(fails));
  EXPECT_EQ(shrunk.options.plan.size(), 3U);
  EXPECT_EQ(shrunk.options.seed % 16, 5U) << "the seed it was found with";
}

TEST(Shrink, EndsAtALimitWithTheBestSoFar) {
  const RunOptions options = whole(3);
  const Culprits culprits = culprits_of(options.plan);
  const ShrinkLimits few{.judged = 8, .elapsed = {}, .on_step = {}};
  Shrunk shrunk = shrink(options, Duration{}, few, culprits.judge());
  EXPECT_FALSE(shrunk.finished);
  EXPECT_LE(shrunk.judged, 8U);
  EXPECT_TRUE(culprits.all_in(shrunk.options.plan));
  unsigned per_mille = 0;
  std::size_t steps = 0;
  const ShrinkLimits soon{.judged = 100'000,
                          .elapsed = [&] { return std::min(1000U, ++per_mille); },
                          .on_step = [&](const ShrinkStep&) { ++steps; }};
  per_mille = 990;
  shrunk = shrink(options, Duration{}, soon, culprits.judge());
  EXPECT_FALSE(shrunk.finished);
  EXPECT_GT(steps, 0U);
  EXPECT_TRUE(culprits.all_in(shrunk.options.plan));
}

// What it needs lies so far apart that no stretch has it: looking for one takes only its share.
TEST(Shrink, AVainSearchForAStretchLeavesTimeForTheRest) {
  const RunOptions options = whole(3, "perf");
  ASSERT_GT(options.plan.operations.size(), 1000U);
  const Culprits culprits{{options.plan.operations[40].id, options.plan.operations.back().id}, {}};
  std::size_t runs = 0;
  const auto fails = [&](const RunOptions& candidate) {
    ++runs;
    return culprits.all_in(candidate.plan);
  };
  const ShrinkLimits limits{
      .judged = 100'000,
      .elapsed = [&] { return static_cast<unsigned>(std::min<std::size_t>(1000, runs * 3)); },
      .on_step = {}};
  const Shrunk shrunk = shrink(options, Duration{}, limits, asked(fails));
  EXPECT_EQ(shrunk.options.plan.size(), 2U) << "after " << runs << " runs";
}

TEST(ShrinkPass, TheHorizonIsCutAtTheFailure) {
  const RunOptions options = whole(2);
  const Duration failed_at = options.plan.operations[10].at;
  const RunOptions cut = after(options, always, cut_horizon, failed_at);
  EXPECT_LT(cut.plan.size(), options.plan.size() / 4);
  EXPECT_LE(cut.plan.operations.back().at, failed_at);
  EXPECT_LT(cut.settings.length, failed_at + options.settings.election * 3);
}

// A judge that speaks at the end only doesn't say when it went wrong: it is found in a few runs,
// and those are the cheap ones.
TEST(ShrinkPass, TheHorizonIsBisectedWhenNobodyKnowsTheMoment) {
  const RunOptions options = whole(3);
  for (const Duration moment : {Duration(700ms), Duration(2300ms), Duration(6s)}) {
    std::int64_t run_ms = 0;
    const RunOptions shorter = after(
        options,
        [&](const RunOptions& candidate) {
          run_ms += candidate.settings.length / 1ms;
          return candidate.settings.length >= moment;
        },
        cut_horizon, options.settings.length + 20s);
    EXPECT_GE(shorter.settings.length, moment);
    EXPECT_LE(shorter.settings.length, std::max(moment + moment / 4, Duration(2s)));
    EXPECT_TRUE(std::ranges::all_of(shorter.plan.operations, [&](const OperationEntry& entry) {
      return entry.at <= shorter.settings.length;
    }));
    EXPECT_LE(run_ms, options.settings.length / 1ms * 8) << "of virtual time, in all runs";
  }
}

TEST(ShrinkPass, ADensePlanIsHalvedInFewRuns) {
  RunOptions options = whole(3);
  for (int n = 0; n < 4000; ++n) {
    OperationEntry entry = options.plan.operations.front();
    entry.at = options.settings.length / 4000 * n;
    entry.id = 50'000'000 + static_cast<std::uint64_t>(n);
    options.plan.operations.push_back(entry);
  }
  std::ranges::sort(options.plan.operations, {},
                    [](const OperationEntry& entry) { return std::pair(entry.at, entry.id); });
  const Culprits culprits = culprits_of(options.plan);
  std::size_t entries = 0;
  std::size_t runs = 0;
  const Shrunk shrunk =
      shrink(options, options.settings.length + 20s, {}, asked([&](const RunOptions& candidate) {
               ++runs;
               // What is judged while the plan is still large.
               if (candidate.plan.size() > 100) entries += candidate.plan.size();
               return culprits.all_in(candidate.plan);
             }));
  EXPECT_EQ(shrunk.options.plan.size(), 3U);
  EXPECT_LE(entries, options.plan.size() * 40) << "entries in all large candidates together";
  EXPECT_LE(runs, 3000U);
}

TEST(ShrinkPass, AStretchOfThePlanMovesToItsBeginning) {
  const RunOptions options = whole(2);
  const std::size_t middle = options.plan.operations.size() / 2;
  const std::set<std::uint64_t> needed{options.plan.operations[middle].id,
                                       options.plan.operations[middle + 2].id};
  const Culprits culprits{needed, {}};
  const RunOptions stretch =
      after(options, [&](const RunOptions& o) { return culprits.all_in(o.plan); }, keep_stretch);
  EXPECT_LE(stretch.plan.size(), 16U);
  EXPECT_EQ(time_of(entries_of(stretch.plan).front()), options.settings.election * 2);
  EXPECT_LT(stretch.settings.length, options.settings.length);
}

TEST(ShrinkPass, FamiliesAndClientsGoAsAWhole) {
  const RunOptions options = whole(4, "swarm");
  ASSERT_FALSE(options.plan.faults.empty());
  const Family* kept = family_of(options.plan.faults.front().fault);
  const auto has_kind = [&](const RunOptions& o) {
    return std::ranges::any_of(
        o.plan.faults, [&](const FaultEntry& entry) { return family_of(entry.fault) == kept; });
  };
  const RunOptions one_family = after(options, has_kind, drop_families);
  EXPECT_TRUE(one_family.plan.operations.empty());
  for (const FaultEntry& entry : one_family.plan.faults) {
    EXPECT_EQ(family_of(entry.fault), kept);
  }
  const auto has_operations = [](const RunOptions& o) { return !o.plan.operations.empty(); };
  const RunOptions one_client = after(whole(3), has_operations, drop_clients);
  EXPECT_EQ(one_client.settings.clients, 1U);
  for (const OperationEntry& entry : one_client.plan.operations) EXPECT_EQ(entry.client, 1U);
}

TEST(ShrinkPass, WritesTakeTheRevisionsTheyMadeAlong) {
  RunOptions options = scenario(puts(10, 300ms, 100ms) + "op at 2s c1 #99 compact 8\n");
  // The last of the log's revisions is compacted.
  const auto fails = [](const RunOptions& o) {
    if (o.plan.operations.empty()) return false;
    const auto* compact =
        std::get_if<apply::CompactionRequest>(&o.plan.operations.back().operation);
    return compact != nullptr &&
           compact->revision + 3 == static_cast<std::int64_t>(o.plan.operations.size());
  };
  options.plan.operations.back().operation = apply::CompactionRequest{8, false};
  ASSERT_TRUE(fails(options));
  const RunOptions fewer = after(options, fails, drop_writes_with_revisions);
  EXPECT_LT(fewer.plan.size(), 6U);
}

TEST(ShrinkPass, TwoEntriesThatNeedEachOtherGoTogether) {
  const RunOptions options = scenario(puts(6, 300ms, 100ms));
  const auto even = [](const RunOptions& o) { return o.plan.size() % 2 == 0; };
  EXPECT_EQ(after(options, even, drop_pairs).plan.size(), 0U);
}

TEST(ShrinkPass, MembersGoInPairs) {
  const RunOptions options =
      scenario("set nodes 5\nfault at 1s crash n5 down 1s\nfault at 2s partition n1,n2 for 1s\n");
  const auto crashes = [](const RunOptions& o) {
    return o.settings.nodes >= 3 && !o.plan.faults.empty() &&
           o.plan.faults.front().fault.starts_with("crash ");
  };
  const RunOptions fewer = after(options, crashes, [](Search& search) { drop_nodes(search, 0); });
  EXPECT_EQ(fewer.settings.nodes, 3U);
  EXPECT_TRUE(fewer.plan.faults.front().fault.starts_with("crash n3 "));
}

TEST(ShrinkPass, TimesMoveTogether) {
  const RunOptions options = whole(6);
  const auto fails = [](const RunOptions& o) {
    return std::ranges::is_sorted(entries_of(o.plan), {}, time_of);
  };
  const RunOptions close = after(options, fails, [](Search& s) { move_together(s, 0); });
  EXPECT_EQ(close.plan.size(), options.plan.size());
  const std::vector<Entry> entries = entries_of(close.plan);
  EXPECT_LE(time_of(entries.front()), options.settings.election * 2);
  EXPECT_LT(time_of(entries.back()), options.plan.operations.back().at);
  EXPECT_LT(close.settings.length, options.settings.length);
}

TEST(ShrinkPass, KeysValuesAndNamesGetShort) {
  const RunOptions options = whole(8);
  const RunOptions named = after(options, always, simplify_names);
  ASSERT_EQ(named.plan.size(), options.plan.size());
  std::uint64_t id = 0;
  for (const OperationEntry& entry : named.plan.operations) {
    EXPECT_EQ(entry.id, ++id);
    if (const auto* put = std::get_if<apply::PutRequest>(&entry.operation)) {
      EXPECT_EQ(put->key, "k");
      EXPECT_LT(put->value.size(), 6U);
    }
  }
}

TEST(ShrinkPass, KeysThatMustDifferStayDifferent) {
  const RunOptions options = scenario(puts(6, 300ms, 100ms));
  const auto two_keys = [](const RunOptions& o) {
    std::set<std::string> keys;
    for (const OperationEntry& entry : o.plan.operations) {
      keys.insert(std::get<apply::PutRequest>(entry.operation).key);
    }
    return keys.size() >= 2;
  };
  const RunOptions named = after(options, two_keys, simplify_names);
  std::set<std::string> keys;
  for (const OperationEntry& entry : named.plan.operations) {
    keys.insert(std::get<apply::PutRequest>(entry.operation).key);
  }
  EXPECT_EQ(keys.size(), 2U);
  EXPECT_TRUE(keys.contains("k"));
}

TEST(ShrinkPass, NumbersGetRoundAndWordsFew) {
  const RunOptions options = scenario(
      "fault at 1234567us power-loss leader down 731ms boundary 17\n"
      "op at 2345678us c1 #1000001 txn if 1 2 \"key\" number 3 ; then put \"key\" value "
      "\"vvvvvvvvvvvvvvvv\" prev-kv ; range \"key\" ; else end-txn\n");
  const auto long_power_loss = [](const RunOptions& o) {
    if (o.plan.faults.empty() || o.plan.operations.size() != 1) return false;
    Words words(o.plan.faults.front().fault);
    const bool loss = words.expect("power-loss");
    words.word();
    words.expect("down");
    return loss && words.duration() >= 300ms;
  };
  const RunOptions simple = after(options, long_power_loss, simplify_entries);
  EXPECT_EQ(print(simple.plan.faults.front()), "at 0s power-loss leader down 1s");
  EXPECT_EQ(print(simple.plan.operations.front()), "at 0s c1 #1000001 range \"k\"");
}

TEST(ShrinkPass, SettingsBecomeTheDefaultsOrRound) {
  RunOptions options = whole(4, "swarm");
  options.settings.snapshot_count = 77;
  const Settings usual;
  const RunOptions simple = after(options, always, simplify_settings);
  EXPECT_EQ(simple.settings.election, usual.election);
  EXPECT_EQ(simple.settings.snapshot_count, usual.snapshot_count);
  EXPECT_EQ(simple.settings.nodes, options.settings.nodes) << "how many isn't a matter of taste";
  const auto often = [](const RunOptions& o) { return o.settings.snapshot_count < 100; };
  EXPECT_EQ(after(options, often, simplify_settings).settings.snapshot_count, 1U);
}

TEST(ShrinkPass, MicroChoicesThatDoNotMatterGo) {
  RunOptions options = scenario("");
  for (std::uint64_t n = 0; n < 20; ++n) options.overrides.push_back({n, n, n, n});
  const Override needed = options.overrides[13];
  const auto fails = [&](const RunOptions& o) {
    return std::ranges::count(o.overrides, needed) == 1;
  };
  EXPECT_EQ(after(options, fails, drop_overrides).overrides, std::vector<Override>{needed});
}

TEST(Judge, SaysTheFirstHoweverManyRunAtOnce) {
  const auto candidate = [](std::size_t n) {
    RunOptions options = scenario("seed " + std::to_string(n + 1) + "\n");
    options.on_event = [n](const EventRecord& event) {
      if (n == 3) check(event.number < 2000, "nothing happens late");
      if (n == 5 || n == 6) check(event.number < 10, "nothing happens late");
      if (n == 2) check(event.number < 10, "something else");
    };
    return options;
  };
  const RunResult third = run_in_child(candidate(3)).result;
  ASSERT_TRUE(third.violation);
  for (const std::size_t jobs : {1, 2, 8}) {
    Judge judge(third.violation->fingerprint(), jobs);
    const std::optional<Failing> first = judge.first_failing(9, candidate);
    ASSERT_TRUE(first);
    // The check's line is part of the fingerprint; its number isn't.
    EXPECT_EQ(first->at, 3U) << jobs << " at once";
    EXPECT_FALSE(judge.first_failing(3, candidate));
  }
  Judge late(third.violation->fingerprint(), 2);
  late.stop_when([] { return true; });
  EXPECT_FALSE(late.first_failing(9, candidate)) << "the time is over";
}

TEST(Story, SaysWhatHappenedInOrder) {
  const RunOptions options =
      scenario("seed 6\n" + puts(3, 1s, 100ms) + "fault at 1500ms crash leader down 300ms\n");
  const std::string story = story_of(options);
  std::size_t at = 0;
  for (const char* next : {"3 members, 1 client", "leads term", "c1    asks #1000000 put",
                           "c1    is told #1000000 put@2", "fault crash leader down 300ms (the",
                           "is killed", "stands for election", "leads term", "starts again"}) {
    at = story.find(next, at);
    ASSERT_NE(at, std::string::npos) << next << "\n" << story;
  }
}

TEST(Story, FitsOnAPage) {
  std::vector<Happening> many(30, {1s, "n1", "commits up to index 7"});
  for (int n = 0; n < 500; ++n) many.push_back({n * 1s, "n2", "leads term " + std::to_string(n)});
  const std::string story = write_story(RunOptions{}, many, "two leaders");
  EXPECT_LE(std::ranges::count(story, '\n'), 52);
  EXPECT_NE(story.find(" more …"), std::string::npos);
  EXPECT_NE(story.find("leads term 499"), std::string::npos) << "the end is what matters";
  EXPECT_TRUE(story.ends_with("Then it went wrong: two leaders\n"));
  const std::string twice = write_story(RunOptions{}, {many.begin(), many.begin() + 30}, "");
  EXPECT_NE(twice.find("(30 times)"), std::string::npos) << twice;
}

}  // namespace
}  // namespace detcd::sim
