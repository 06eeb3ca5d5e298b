// What surrounds a change of the members: whether it would endanger the quorum (etcd's strict
// reconfiguration check, ETCD.md §2.11), and the configuration that Raft is led to by it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "membership/membership.h"

namespace detcd::membership {

using Ids = std::set<std::uint64_t>;

// As the member that is asked sees the others.
struct Connections {
  std::uint64_t self = 0;
  Ids now;
  Ids steady;  // For the last five seconds, and now.
};

enum class Danger : std::uint8_t { kNotEnoughStarted, kUnhealthy };

// None when the change may be proposed. What refuses it anyway (Membership::refuse) isn't looked
// at.
[[nodiscard]] std::optional<Danger> danger_of(const Membership& members, const Change& change,
                                              const Connections& connections);

// Who votes and who only follows.
struct Roles {
  Ids voters;
  Ids learners;
  friend bool operator==(const Roles&, const Roles&) = default;
};

// Where the configuration in force has to go. Dissertation §4.2.1: a new voter follows without a
// vote until it has caught up, so that the quorum never waits for it. Somebody always votes: the
// last ones that could are kept until others can.
[[nodiscard]] Roles wanted_roles(const Membership& members, const Roles& in_force,
                                 const Ids& caught_up);

}  // namespace detcd::membership
