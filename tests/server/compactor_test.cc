// Automatic compaction against etcd's rules, with the time as a value. What etcd notes for later it
// notes before each wait, so that it goes back a look further than the period.
#include "server/compactor.h"

#include <vector>

#include <gtest/gtest.h>

namespace detcd::server {
namespace {

constexpr TimePoint kStart = TimePoint(1000s);

struct Proposed {
  Duration at;  // Since the start.
  mvcc::Revision revision;
  friend bool operator==(const Proposed&, const Proposed&) = default;
};

// One write a second; a leader whose proposals are applied at once, while `leads` says so.
template <class Leads>
std::vector<Proposed> run(const AutoCompaction& how, Duration length, const Leads& leads) {
  Compactor compactor(how, kStart);
  std::vector<Proposed> out;
  mvcc::Revision compacted = -1;
  while (compactor.next_deadline() <= kStart + length) {
    const TimePoint now = compactor.next_deadline();
    const auto revision = static_cast<mvcc::Revision>(1 + (now - kStart) / Duration(1s));
    const auto at = compactor.look({now, revision, compacted, leads(now - kStart)});
    if (!at) continue;
    out.push_back({now - kStart, *at});
    compacted = *at;
    compactor.compacted(compacted, now);
  }
  return out;
}

bool always(Duration) {
  return true;
}

TEST(Compactor, OffNeverLooks) {
  EXPECT_EQ(Compactor({}, kStart).next_deadline(), kNever);
}

TEST(Compactor, AShortPeriodIsKeptAndCompactedOncePerPeriod) {
  const AutoCompaction how{.mode = AutoCompaction::Mode::kPeriodic, .period = 100s};
  EXPECT_EQ(run(how, 320s, always), (std::vector<Proposed>{{100s, 1}, {200s, 91}, {300s, 191}}));
}

TEST(Compactor, ALongPeriodIsCompactedEveryHour) {
  const AutoCompaction how{.mode = AutoCompaction::Mode::kPeriodic, .period = 3 * 3600s};
  EXPECT_EQ(run(how, 18'001s, always),
            (std::vector<Proposed>{{10'800s, 1}, {14'400s, 3241}, {18'000s, 6841}}));
}

TEST(Compactor, WhoeverTakesOverKnowsThePast) {
  const AutoCompaction how{.mode = AutoCompaction::Mode::kPeriodic, .period = 100s};
  EXPECT_EQ(run(how, 260s, [](Duration at) { return at >= 150s; }),
            (std::vector<Proposed>{{150s, 41}, {250s, 141}}));
}

TEST(Compactor, ByRevisionItKeepsSoManyEveryFiveMinutes) {
  const AutoCompaction how{.mode = AutoCompaction::Mode::kRevision, .revisions = 250};
  EXPECT_EQ(run(how, 901s, always), (std::vector<Proposed>{{300s, 51}, {600s, 351}, {900s, 651}}));
}

TEST(Compactor, NothingNewIsNotCompactedAgain) {
  Compactor compactor({.mode = AutoCompaction::Mode::kRevision, .revisions = 5}, kStart);
  const TimePoint first = compactor.next_deadline();
  EXPECT_EQ(compactor.look({first, 20, -1, true}), 15);
  compactor.compacted(15, first);
  EXPECT_EQ(compactor.look({compactor.next_deadline(), 20, 15, true}), std::nullopt);
  EXPECT_EQ(compactor.look({compactor.next_deadline(), 21, 15, true}), 16);
}

TEST(Compactor, WhatWasLostIsProposedAgainAndWhatAClientCompactedIsNot) {
  Compactor compactor({.mode = AutoCompaction::Mode::kPeriodic, .period = 10s}, kStart);
  const auto look = [&](mvcc::Revision compacted) {
    return compactor.look({compactor.next_deadline(), 50, compacted, true});
  };
  for (int i = 0; i < 10; ++i) EXPECT_EQ(look(-1), std::nullopt) << i;
  EXPECT_EQ(look(-1), 50);
  EXPECT_EQ(look(-1), 50) << "nobody said that it was done";
  EXPECT_EQ(look(50), std::nullopt) << "a client was faster";
  EXPECT_EQ(look(50), std::nullopt);
}

}  // namespace
}  // namespace detcd::server
