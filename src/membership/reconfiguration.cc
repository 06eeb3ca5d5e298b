#include "membership/reconfiguration.h"

#include <algorithm>
#include <cstddef>

namespace detcd::membership {
namespace {

// Of the voters, without one that is left out.
struct Voters {
  std::size_t all = 0;
  std::size_t started = 0;
  std::size_t steady = 0;
};

Voters voters_of(const Membership& members, const Connections& connections,
                 std::uint64_t left_out = 0) {
  Voters voters;
  for (const Member& member : members.list()) {
    if (member.is_learner || member.id == left_out) continue;
    ++voters.all;
    if (!member.name.empty()) ++voters.started;
    if (member.id == connections.self || connections.steady.contains(member.id)) ++voters.steady;
  }
  return voters;
}

std::size_t quorum_of(std::size_t voters) {
  return voters / 2 + 1;
}

std::optional<Danger> danger_of_adding(const Voters& voters, bool learner) {
  // One that is alone may get a second that hasn't started yet.
  const bool second = voters.started == 1 && voters.all == 1;
  if (!learner && !second && voters.started < quorum_of(voters.all + 1)) {
    return Danger::kNotEnoughStarted;
  }
  if (voters.all > 1 && voters.steady < quorum_of(voters.all + 1)) return Danger::kUnhealthy;
  return std::nullopt;
}

std::optional<Danger> danger_of_removing(const Membership& members, std::uint64_t id,
                                         const Connections& connections) {
  const Member* const member = members.find(id);
  if (member != nullptr && member->is_learner) return std::nullopt;
  const Voters others = voters_of(members, connections, id);
  if (others.started < quorum_of(others.all)) return Danger::kNotEnoughStarted;
  // One that is down is no part of any quorum now.
  if (id != connections.self && !connections.now.contains(id)) return std::nullopt;
  const Voters all = voters_of(members, connections);
  if (all.steady < 2 + (all.all - 1) / 2) return Danger::kUnhealthy;
  return std::nullopt;
}

}  // namespace

std::optional<Danger> danger_of(const Membership& members, const Change& change,
                                const Connections& connections) {
  switch (change.kind) {
    case Change::Kind::kAdd:
      return danger_of_adding(voters_of(members, connections), change.member.is_learner);
    case Change::Kind::kRemove:
      return danger_of_removing(members, change.member.id, connections);
    case Change::Kind::kPromote: {
      const Voters voters = voters_of(members, connections);
      if (voters.started + 1 < quorum_of(voters.all + 1)) return Danger::kNotEnoughStarted;
      return std::nullopt;
    }
    case Change::Kind::kUpdate:
      return std::nullopt;
  }
  return std::nullopt;
}

Roles wanted_roles(const Membership& members, const Roles& in_force, const Ids& caught_up) {
  Roles wanted;
  for (const Member& member : members.list()) {
    const bool can = in_force.voters.contains(member.id) || caught_up.contains(member.id);
    (member.is_learner || !can ? wanted.learners : wanted.voters).insert(member.id);
  }
  if (!wanted.voters.empty()) return wanted;
  wanted.voters = in_force.voters;
  std::erase_if(wanted.learners, [&](std::uint64_t id) { return in_force.voters.contains(id); });
  return wanted;
}

}  // namespace detcd::membership
