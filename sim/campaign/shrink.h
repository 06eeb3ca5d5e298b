// Makes a failing run small and simple, as long as it fails in the same way. Taking an entry out of
// a plan changes no choice of the others (they are keyed by stable names); where a failure hangs on
// timing all the same, a smaller plan is tried with other seeds as well: the plan is plain data,
// the seed decides only the micro-choices. The answer has the seed it was found with.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sim/run/run.h"

namespace detcd::sim {

struct Failing {
  std::size_t at = 0;    // Which candidate.
  Duration failed_at{};  // When its run ended; 0: unknown.
};
using MakeCandidate = std::function<RunOptions(std::size_t)>;
// The first of `count` candidates that still fails in the same way, if any does.
using FirstFailing =
    std::function<std::optional<Failing>(std::size_t count, const MakeCandidate& candidate)>;

struct ShrinkStep {
  std::string_view pass;
  std::size_t entries = 0;  // Of the smallest plan so far.
  std::size_t judged = 0;
};

struct ShrinkLimits {
  std::size_t judged = 100'000;  // Candidates; then the smallest so far is the answer.
  // How much of the time is over, in per mille; 1000 ends it as well. Not asked when empty.
  std::function<unsigned()> elapsed;
  std::function<void(const ShrinkStep&)> on_step;
};

struct Shrunk {
  RunOptions options;
  std::size_t judged = 0;
  // Nothing more can be taken out or made simpler: no limit was reached.
  bool finished = false;
};

// `options` fails, at `failed_at` if that is known (else 0). The same for the same answers, unless
// time runs out: first what is later than the failure goes, then all but a stretch of the plan,
// families, clients, entries; times move together, members go; then what the entries and settings
// say is made simpler.
[[nodiscard]] Shrunk shrink(RunOptions options, Duration failed_at, const ShrinkLimits& limits,
                            const FirstFailing& first_failing);

}  // namespace detcd::sim
