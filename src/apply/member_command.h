// A change of who the members are, as it is replicated, and its answer. The configuration that Raft
// votes by follows what these made of the table of members.
#pragma once

#include <cstdint>
#include <vector>

#include "membership/membership.h"

namespace detcd::apply {

struct MemberChange {
  membership::Change change;
  std::uint32_t learners_max = 1;  // By the proposer's flags.
  friend bool operator==(const MemberChange&, const MemberChange&) = default;
};
struct MemberResponse {
  membership::Change::Kind kind = membership::Change::Kind::kAdd;
  std::uint64_t id = 0;
  std::vector<membership::Member> members;  // All, after the change.
  friend bool operator==(const MemberResponse&, const MemberResponse&) = default;
};

}  // namespace detcd::apply
