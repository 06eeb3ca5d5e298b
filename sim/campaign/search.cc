#include "sim/campaign/search.h"

#include <algorithm>
#include <utility>

namespace detcd::sim {
namespace {

bool same(const RunOptions& a, const RunOptions& b) {
  return a.seed == b.seed && a.settings == b.settings && a.plan == b.plan &&
         a.overrides == b.overrides;
}

}  // namespace

Search::Search(RunOptions options, Duration failed_at, const ShrinkLimits& limits,
               const FirstFailing& first_failing)
    : best_(std::move(options)),
      failed_at_(failed_at),
      limits_(limits),
      first_failing_(first_failing) {}

void Search::begin_pass(std::string_view name) {
  pass_ = name;
  if (limits_.on_step) limits_.on_step({pass_, best_.plan.size(), judged_});
}

bool Search::exhausted() const {
  if (judged_ >= limits_.judged) return true;
  return limits_.elapsed && limits_.elapsed() >= allotment_.elapsed_most;
}

std::optional<std::size_t> Search::attempt(std::size_t count, const MakeCandidate& candidate,
                                           std::size_t seeds) {
  if (count == 0) return std::nullopt;
  if (exhausted()) {
    cut_short_ = cut_short_ || !allotment_.shortcut;
    return std::nullopt;
  }
  const std::size_t total = std::min(count * (1 + seeds), limits_.judged - judged_);
  const std::uint64_t first_seed = std::exchange(next_seed_, next_seed_ + seeds);
  const MakeCandidate with_seed = [&](std::size_t n) {
    RunOptions options = candidate(n % count);
    if (n >= count) options.seed = first_seed + n / count - 1;
    return options;
  };
  const std::optional<Failing> failing = first_failing_(total, with_seed);
  judged_ += failing ? failing->at + 1 : total;
  if (failing) {
    best_ = with_seed(failing->at);
    failed_at_ = failing->failed_at;
  }
  if (limits_.on_step) limits_.on_step({pass_, best_.plan.size(), judged_});
  if (!failing) return std::nullopt;
  return failing->at % count;
}

bool Search::attempt(std::vector<RunOptions> candidates, std::size_t seeds) {
  std::erase_if(candidates, [this](const RunOptions& options) { return same(options, best_); });
  return attempt(
             candidates.size(), [&](std::size_t n) { return candidates[n]; }, seeds)
      .has_value();
}

}  // namespace detcd::sim
