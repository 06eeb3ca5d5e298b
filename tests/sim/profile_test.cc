#include "sim/profile/profile.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "sim/faults/registry.h"
#include "sim/profile/generate.h"

namespace detcd::sim {
namespace {

Profile parsed(const std::string& text) {
  const Result<Profile> profile = Profile::parse("own", text);
  if (!profile) ADD_FAILURE() << profile.error().message;
  return profile ? *profile : Profile();
}

std::string said(const std::string& text) {
  const Result<Profile> profile = Profile::parse("own", text);
  return profile ? "" : profile.error().message;
}

TEST(Profiles, OfTheProgramAreReadAndDrawn) {
  const std::set<std::string_view> names = [] {
    const std::vector<std::string_view> all = builtin_profiles();
    return std::set<std::string_view>(all.begin(), all.end());
  }();
  for (const std::string_view name : {"lite", "swarm", "corruption", "clock", "network",
                                      "membership", "liveness", "beyond-budget", "perf"}) {
    EXPECT_TRUE(names.contains(name)) << name;
    const Result<Profile> profile = Profile::builtin(name);
    ASSERT_TRUE(profile) << profile.error().message;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
      const Result<Settings> settings = profile->draw(seed);
      ASSERT_TRUE(settings) << settings.error().message;
      EXPECT_EQ(settings->profile, name);
      EXPECT_EQ(*settings, *draw_settings(seed, name)) << "a function of the seed";
    }
  }
  const Result<Profile> none = Profile::builtin("frobnicate");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("swarm"), std::string::npos) << "says which there are";
}

TEST(Profiles, DrawWithinTheirRanges) {
  const Profile profile = parsed(
      "# a comment\n\nset clients 2..5\nset heartbeat log 10ms..40ms\n"
      "set election 5..7 times heartbeat\nset keys one-of 3 9\n"
      "set link-latency 1us..heartbeat/10\nset wal-segment-bytes log 4096..65536 multiple-of "
      "4096\n");
  std::set<std::uint64_t> keys;
  std::set<std::uint32_t> clients;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Settings settings = *profile.draw(seed);
    clients.insert(settings.clients);
    keys.insert(settings.keys);
    EXPECT_GE(settings.heartbeat, 10ms);
    EXPECT_LE(settings.heartbeat, 40ms);
    const auto times = settings.election / settings.heartbeat;
    EXPECT_EQ(settings.election % settings.heartbeat, Duration{});
    EXPECT_TRUE(times >= 5 && times <= 7) << times;
    EXPECT_LE(settings.link_latency, settings.heartbeat / 10);
    EXPECT_EQ(settings.wal_segment_bytes % 4096, 0U);
    EXPECT_GE(settings.wal_segment_bytes, 4096U);
  }
  EXPECT_EQ(clients, (std::set<std::uint32_t>{2, 3, 4, 5}));
  EXPECT_EQ(keys, (std::set<std::uint64_t>{3, 9}));
}

TEST(Profiles, ALineMoreChangesNoOtherChoice) {
  const Profile before = parsed("set clients 1..60\nfamilies 1/2\n");
  const Profile after = parsed("set keys 1..500\nset clients 1..60\nfamilies 1/2\nfamily rot on\n");
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const Settings one = *before.draw(seed);
    const Settings other = *after.draw(seed);
    EXPECT_EQ(one.clients, other.clients);
    for (const Family* family : families()) {
      if (family->name() != "rot") EXPECT_EQ(is_on(*family, one), is_on(*family, other));
    }
    EXPECT_TRUE(is_on(*family_named("rot"), other));
  }
}

TEST(Profiles, LikeAnotherALineReplacesItsOwn) {
  const Profile profile = parsed("like swarm\nset nodes 5\nfamilies off\nfamily crash on\n");
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Settings settings = *profile.draw(seed);
    const Settings swarm = *draw_settings(seed, "swarm");
    EXPECT_EQ(settings.nodes, 5U);
    EXPECT_EQ(settings.heartbeat, swarm.heartbeat);
    EXPECT_EQ(settings.families, "none crash");
  }
}

TEST(Profiles, AConditionSeesWhatWasDrawnBefore) {
  const Profile profile = parsed("set nodes one-of 1 3\nset torn-ppm 7 if nodes 1\n");
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Settings settings = *profile.draw(seed);
    EXPECT_EQ(settings.torn_ppm == 7, settings.nodes == 1);
  }
}

TEST(Profiles, OddsAreAboutWhatTheySay) {
  const Profile profile = parsed("families 1/4\nfamily crash on\nfamily pause off\n");
  int delays = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    const Settings settings = *profile.draw(seed);
    EXPECT_TRUE(is_on(*family_named("crash"), settings));
    EXPECT_FALSE(is_on(*family_named("pause"), settings));
    delays += is_on(*family_named("delay"), settings) ? 1 : 0;
  }
  EXPECT_GT(delays, 180);
  EXPECT_LT(delays, 320);
}

TEST(Profiles, AWrongLineIsNamed) {
  const std::pair<std::string, std::string> cases[] = {
      {"set nodes 3\nfrobnicate\n", "line 2: unknown word \"frobnicate\""},
      {"set frobnicate 3\n", "line 1: there is no setting \"frobnicate\""},
      {"set profile 3\n", "there is no setting \"profile\""},
      {"set nodes\n", "no value"},
      {"set nodes three\n", "\"three\" is no value"},
      {"set nodes 0.5\n", "no value"},
      {"set nodes 5..3\n", "the range is empty"},
      {"set nodes 3..many\n", "is no range"},
      {"set keys log 0..10\n", "begins at 1"},
      {"set keys log 7\n", "comes a range"},
      {"set keys 1..9 times\n", "there is no setting"},
      {"set keys 1..9 multiple-of 0\n", "at least 1"},
      {"set keys 3 if nodes\n", "\"if\" needs"},
      {"set keys 3 when nodes 1\n", "unknown word \"when\""},
      {"families some\n", "odds are"},
      {"families 3/2\n", "odds are"},
      {"family crash\n", "odds are"},
      {"family frobnicate on\n", "there is no family of faults \"frobnicate\""},
      {"family add-learner on\n", "aren't available yet: they await changes of the members"},
      {"like frobnicate\n", "unknown profile"},
      {"set nodes 3\nlike swarm\n", "comes before everything else"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_NE(said(text).find(expected), std::string::npos) << text << said(text);
  }
}

TEST(Profiles, WhatMakesNoRunIsRefused) {
  for (const std::string text :
       {"set nodes 0\n", "set nodes 10\n", "set clients 0\n", "set heartbeat 0s\n",
        "set election 100ms\n", "set length 0s\n", "set keys 0\n", "set paces 5\n",
        "set fault-gap 0\n", "set keys 9..nodes\n"}) {
    const Result<Profile> profile = Profile::parse("own", text);
    ASSERT_TRUE(profile) << text;
    EXPECT_FALSE(profile->draw(1)) << text;
  }
}

TEST(Families, AwaitedOnesAreKnownButNeverHappen) {
  const Family* family = family_named("add-learner");
  ASSERT_NE(family, nullptr);
  EXPECT_FALSE(family->available());
  Settings settings;
  settings.families = "all";
  EXPECT_FALSE(is_on(*family, settings));
  const Result<FaultEntry> read = parse_fault("at 1s add-learner n4");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("aren't available yet"), std::string::npos);
  EXPECT_FALSE(check_mask("none add-learner"));
}

}  // namespace
}  // namespace detcd::sim
