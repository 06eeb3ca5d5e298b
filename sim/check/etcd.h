// Calls of etcd's KV service as a client saw them, and what the search needs to know of them. The
// state is the simulator's model of the store; revisions that were told leave little to search for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/check/search.h"
#include "sim/check/told.h"
#include "sim/history/history.h"
#include "sim/oracles/model.h"

namespace detcd::sim {

struct EtcdCall {
  Operation operation;
  // kUnknown: nobody knows whether it took effect. kRefused: with a refusal that depends on the
  // state, as that a revision is compacted.
  enum class Outcome : std::uint8_t { kAnswered, kRefused, kUnknown } outcome = Outcome::kUnknown;
  Told told;          // kAnswered
  std::string error;  // kRefused: etcd's text.
};

[[nodiscard]] bool is_read(const Operation& operation);
[[nodiscard]] bool is_serializable(const Operation& operation);
// Whether an answered call made a revision; none when too little of the answer was written down.
[[nodiscard]] std::optional<bool> made_revision(const EtcdCall& call);
// A refusal by which the state speaks: compacted, a future revision, no such key or lease.
[[nodiscard]] bool is_refusal_by_state(std::string_view error);
[[nodiscard]] std::string describe(const EtcdCall& call);

// What `call` must be answered by a store in the state of `model`, which it changes if it must; for
// a serializable read, a member that was at the told revision may have answered.
[[nodiscard]] apply::Answer answer_of(const EtcdCall& call, Model& model);
// Why the call can't have got `expected` as its answer.
[[nodiscard]] std::optional<std::string> contradiction(const EtcdCall& call,
                                                       const apply::Answer& expected);

// `calls` outlive the object.
[[nodiscard]] std::unique_ptr<Specification> etcd_specification(const std::vector<EtcdCall>& calls);

}  // namespace detcd::sim
