#include "membership/reconfiguration.h"

#include <gtest/gtest.h>

namespace detcd::membership {
namespace {

using Kind = Change::Kind;

// Members 1..voters, of which the first `started` have a name, and a learner 9 if asked for.
Membership cluster(std::uint64_t voters, std::uint64_t started, bool learner = false) {
  Membership members;
  for (std::uint64_t id = 1; id <= voters; ++id) members.apply({Kind::kAdd, {.id = id}});
  for (std::uint64_t id = 1; id <= started; ++id) members.publish(id, "n", {});
  if (learner) members.apply({Kind::kAdd, {.id = 9, .is_learner = true}});
  return members;
}

std::optional<Danger> adding(const Membership& members, const Connections& connections,
                             bool learner = false) {
  return danger_of(members, {Kind::kAdd, {.id = 20, .is_learner = learner}}, connections);
}
std::optional<Danger> removing(const Membership& members, const Connections& connections,
                               std::uint64_t id) {
  return danger_of(members, {Kind::kRemove, {.id = id}}, connections);
}

// ETCD.md §2.11: the table of the strict check.
TEST(StrictCheck, AVoterIsAddedWhenAQuorumOfTheNewSizeRuns) {
  EXPECT_EQ(adding(cluster(1, 1), {.self = 1}), std::nullopt) << "alone";
  EXPECT_EQ(adding(cluster(1, 0), {.self = 1}), Danger::kNotEnoughStarted);
  EXPECT_EQ(adding(cluster(2, 1), {.self = 1}), Danger::kNotEnoughStarted);
  EXPECT_EQ(adding(cluster(2, 2), {.self = 1}), Danger::kUnhealthy);
  EXPECT_EQ(adding(cluster(2, 2), {.self = 1, .now = {2}, .steady = {2}}), std::nullopt);
  EXPECT_EQ(adding(cluster(3, 3), {.self = 1, .now = {2, 3}, .steady = {2}}), Danger::kUnhealthy)
      << "three of four";
  EXPECT_EQ(adding(cluster(3, 3), {.self = 1, .now = {2, 3}, .steady = {2, 3}}), std::nullopt);
  EXPECT_EQ(adding(cluster(3, 2), {.self = 1, .now = {2, 3}, .steady = {2, 3}}),
            Danger::kNotEnoughStarted);
}

TEST(StrictCheck, ALearnerNeedsOnlyTheConnections) {
  EXPECT_EQ(adding(cluster(2, 1), {.self = 1, .now = {2}, .steady = {2}}, true), std::nullopt);
  EXPECT_EQ(adding(cluster(2, 1), {.self = 1}, true), Danger::kUnhealthy);
}

TEST(StrictCheck, LearnersCountForNothing) {
  EXPECT_EQ(adding(cluster(2, 2, true), {.self = 1, .now = {9}, .steady = {9}}),
            Danger::kUnhealthy);
}

TEST(StrictCheck, AVoterIsRemovedWhenTheOthersAreAQuorum) {
  const Connections all{.self = 1, .now = {2, 3}, .steady = {2, 3}};
  EXPECT_EQ(removing(cluster(3, 3), all, 2), std::nullopt);
  EXPECT_EQ(removing(cluster(3, 3), all, 1), std::nullopt);
  EXPECT_EQ(removing(cluster(3, 2), all, 1), Danger::kNotEnoughStarted) << "1 of 2 is left";
  EXPECT_EQ(removing(cluster(1, 1), {.self = 1}, 1), Danger::kNotEnoughStarted);
  // One that is down goes; one that is up only while enough are healthy without it.
  EXPECT_EQ(removing(cluster(3, 3), {.self = 1, .now = {2}, .steady = {2}}, 3), std::nullopt);
  EXPECT_EQ(removing(cluster(3, 3), {.self = 1, .now = {2}, .steady = {2}}, 2), Danger::kUnhealthy);
  EXPECT_EQ(removing(cluster(3, 3), {.self = 1, .now = {2, 3}, .steady = {}}, 2),
            Danger::kUnhealthy);
}

TEST(StrictCheck, ALearnerAndAnUnknownIdMayAlwaysBeAskedToGo) {
  EXPECT_EQ(removing(cluster(3, 3, true), {.self = 1}, 9), std::nullopt);
  EXPECT_EQ(removing(cluster(3, 3), {.self = 1}, 77), std::nullopt);
}

TEST(StrictCheck, APromotionCountsTheLearnerAsStarted) {
  const Change promote{Kind::kPromote, {.id = 9}};
  EXPECT_EQ(danger_of(cluster(1, 1, true), promote, {.self = 1}), std::nullopt);
  EXPECT_EQ(danger_of(cluster(3, 2, true), promote, {.self = 1}), std::nullopt);
  EXPECT_EQ(danger_of(cluster(3, 1, true), promote, {.self = 1}), Danger::kNotEnoughStarted);
}

TEST(StrictCheck, AnUpdateEndangersNothing) {
  EXPECT_EQ(danger_of(cluster(3, 0), {Kind::kUpdate, {.id = 1}}, {.self = 1}), std::nullopt);
}

TEST(WantedRoles, ANewVoterFollowsUntilItHasCaughtUp) {
  const Membership members = cluster(3, 2);
  const Roles in_force{{1, 2}, {}};
  EXPECT_EQ(wanted_roles(members, in_force, {1, 2}), (Roles{{1, 2}, {3}}));
  EXPECT_EQ(wanted_roles(members, in_force, {1, 2, 3}), (Roles{{1, 2, 3}, {}}));
  EXPECT_EQ(wanted_roles(members, {{1, 2, 3}, {}}, {1}), (Roles{{1, 2, 3}, {}}))
      << "who votes needn't be close";
}

TEST(WantedRoles, ALearnerNeverVotes) {
  EXPECT_EQ(wanted_roles(cluster(2, 2, true), {{1, 2}, {}}, {1, 2, 9}), (Roles{{1, 2}, {9}}));
}

TEST(WantedRoles, RemovedMembersGoAtOnce) {
  EXPECT_EQ(wanted_roles(cluster(2, 2), {{1, 2, 3, 4}, {9}}, {1}), (Roles{{1, 2}, {}}));
}

TEST(WantedRoles, SomebodyAlwaysVotes) {
  Membership members = cluster(2, 1);
  members.apply({Kind::kRemove, {.id = 1}});
  EXPECT_EQ(wanted_roles(members, {{1}, {2}}, {1}), (Roles{{1}, {2}}));
  EXPECT_EQ(wanted_roles(members, {{1}, {2}}, {1, 2}), (Roles{{2}, {}}));
}

}  // namespace
}  // namespace detcd::membership
