// The exact judgement of a history whose answers carry revisions: they are the order, so nothing is
// searched for. Every write has a revision of its own, without a gap; every other call stands
// behind the write of the revision it was told. In that order the model must give the same answers,
// and the order must agree with real time (SIMULATION §2.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/check/etcd.h"
#include "sim/check/search.h"

namespace detcd::sim {

struct RevisionOrder {
  // None when revisions alone don't order the calls; `why_not` says what is missing.
  std::optional<Finding> finding;
  std::string why_not;
  std::string message;                // kIllegal: what contradicts what.
  std::vector<std::size_t> involved;  // kIllegal
  std::uint64_t ordered = 0;          // Calls with a place in the order.
};

[[nodiscard]] RevisionOrder judge_by_revision(const std::vector<EtcdCall>& calls,
                                              const std::vector<Interval>& intervals);

}  // namespace detcd::sim
