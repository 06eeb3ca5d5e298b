#include "sim/faults/registry.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "sim/profile/generate.h"

namespace detcd::sim {
namespace {

Settings with_families(const std::string& mask) {
  Settings settings;
  settings.families = mask;
  return settings;
}

std::vector<FaultEntry> of_family(const std::vector<FaultEntry>& all, std::string_view name) {
  std::vector<FaultEntry> some;
  for (const FaultEntry& entry : all) {
    if (family_of(entry.fault)->name() == name) some.push_back(entry);
  }
  return some;
}

TEST(Families, HaveNamesKeysAndProbesOfTheirOwn) {
  std::set<std::string_view> names;
  std::set<std::string_view> probes;
  std::set<std::uint64_t> keys;
  for (const Family* family : families()) {
    EXPECT_TRUE(names.insert(family->name()).second) << family->name();
    EXPECT_TRUE(keys.insert(family->key()).second) << family->name();
    if (!family->available()) continue;
    EXPECT_FALSE(family->info().probe.empty()) << family->name();
    EXPECT_TRUE(probes.insert(family->info().probe).second) << family->name();
  }
}

TEST(Families, WhatIsDrawnIsReadAndPrintedAsItWas) {
  Settings settings = with_families("all");
  settings.nodes = 5;
  std::set<std::string_view> seen;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    for (const FaultEntry& entry : draw_faults(seed, settings)) {
      const Result<FaultEntry> read = parse_fault(print(entry));
      ASSERT_TRUE(read) << print(entry);
      EXPECT_EQ(*read, entry);
      seen.insert(family_of(entry.fault)->name());
    }
  }
  for (const Family* family : families()) {
    if (family->possible(settings)) EXPECT_TRUE(seen.contains(family->name())) << family->name();
  }
}

TEST(Families, OneThatIsOffChangesNoFaultOfTheOthers) {
  const std::vector<FaultEntry> all = draw_faults(7, with_families("all"));
  for (const Family* off : families()) {
    if (!off->available()) continue;
    const std::string mask = "all -" + std::string(off->name());
    const std::vector<FaultEntry> others = draw_faults(7, with_families(mask));
    EXPECT_TRUE(of_family(others, off->name()).empty());
    for (const Family* family : families()) {
      if (family == off) continue;
      EXPECT_EQ(of_family(others, family->name()), of_family(all, family->name())) << mask;
    }
  }
}

TEST(Families, AMaskOfNoneNamesThoseThatAreOn) {
  for (const FaultEntry& entry : draw_faults(3, with_families("none crash pause"))) {
    const std::string_view name = family_of(entry.fault)->name();
    EXPECT_TRUE(name == "crash" || name == "pause") << print(entry);
  }
  EXPECT_TRUE(draw_faults(3, with_families("none")).empty());
}

TEST(Families, AMaskThatNamesWhatThereIsntIsRefused) {
  EXPECT_TRUE(check_mask("all"));
  EXPECT_TRUE(check_mask("all -rot -echo"));
  EXPECT_TRUE(check_mask("none"));
  for (const std::string mask :
       {"", "some", "all rot", "none -rot", "all -frobnicate", "none crash frobnicate"}) {
    EXPECT_FALSE(check_mask(mask)) << mask;
  }
  EXPECT_NE(check_mask("all -frobnicate").error().message.find("there are crash"),
            std::string::npos);
}

TEST(Families, WordsThatAreNoFaultAreRefused) {
  for (const std::string line :
       {"at 1s", "at 1s crash", "at 1s crash n1", "at 1s crash n0 down 1s",
        "at 1s crash n65 down 1s", "at 1s crash n1 down 1s boundary", "at 1s crash n1 down 1s more",
        "crash n1 down 1s", "at 1s partition n1, for 1s", "at 1s partition  for 1s",
        "at 1s reset n1 leader", "at 1s slow-disk n1 20 for 1s", "at 1s slow-disk n1 x for 1s",
        "at 1s swizzle n1 n1 for 1s", "at 1s bridge n1 for 1s", "at 1s loss n1 n2 ppm -1 for 1s",
        "at 1s frobnicate n1", "at 1x crash n1 down 1s"}) {
    EXPECT_FALSE(parse_fault(line)) << line;
  }
}

TEST(Families, FieldsSayWhomAFaultHitsAndForHowLong) {
  FieldsLook look;
  read_fault("partition-from leader,n2 for 3s")->fields(look);
  EXPECT_EQ(look.nodes, (std::vector<std::uint32_t>{kLeader, 2}));
  EXPECT_EQ(look.lasts, 3s);
  FieldsLook clients;
  read_fault("reset n3 clients")->fields(clients);
  EXPECT_EQ(clients.nodes, std::vector<std::uint32_t>{3});
}

}  // namespace
}  // namespace detcd::sim
