// Makes a failing plan small: takes out faults and operations as long as the run still fails in the
// same way. Taking one entry out changes no choice of the others (they are keyed by stable names),
// which is what makes this work.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/campaign/child.h"
#include "sim/plan/plan.h"

namespace detcd::sim {

// Which of these candidates still fail in the same way, one answer each. Called with at most as
// many as are to be judged at once.
using StillFails = std::function<std::vector<bool>(const std::vector<RunOptions>&)>;

struct ShrinkLimits {
  std::size_t at_once = 1;    // Candidates judged together.
  std::size_t judged = 4000;  // Then the smallest so far is the answer.
};

struct Shrunk {
  RunOptions options;
  std::size_t judged = 0;
  // No single entry can be taken out any more.
  bool minimal = false;
};

// `options` fails, at `failed_at` if that is known (else 0). Delta debugging (Zeller's ddmin by
// complements): first whatever begins later goes, then faults, then operations, again until nothing
// changes; settings are cut to what is used (length, clients) or made smaller (snapshot counts).
// The same for the same answers, however many are judged at once.
[[nodiscard]] Shrunk shrink(RunOptions options, Duration failed_at, const ShrinkLimits& limits,
                            const StillFails& still_fails);

// Runs the candidates in children of their own and compares the fingerprint of their failures.
[[nodiscard]] std::vector<bool> fail_like(const std::vector<RunOptions>& candidates,
                                          const std::string& fingerprint);

}  // namespace detcd::sim
