// The search for a simpler run that still fails: holds the best so far, tries changes of it with
// its own seed and then with others, and counts what that costs. The passes of shrink() share one.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sim/campaign/shrink.h"

namespace detcd::sim {

class Search {
 public:
  // The arguments outlive it.
  Search(RunOptions options, Duration failed_at, const ShrinkLimits& limits,
         const FirstFailing& first_failing);

  [[nodiscard]] const RunOptions& best() const { return best_; }
  [[nodiscard]] Duration failed_at() const { return failed_at_; }
  [[nodiscard]] std::size_t judged() const { return judged_; }
  void begin_pass(std::string_view name);
  // From here on at most so much of the time is used, in per mille. What is left untried where
  // passes are a shortcut only isn't missed.
  struct Allotment {
    unsigned elapsed_most = 1000;
    bool shortcut = false;
  };
  void allot(Allotment allotment) { allotment_ = allotment; }
  [[nodiscard]] bool exhausted() const;
  // Something was left untried because a limit was reached.
  [[nodiscard]] bool cut_short() const { return cut_short_; }

  // The first candidate that fails becomes the best: each with the best's seed, then each with the
  // next seed, for `seeds` further ones. Which one it was.
  std::optional<std::size_t> attempt(std::size_t count, const MakeCandidate& candidate,
                                     std::size_t seeds);
  // The same; candidates that equal the best don't count.
  bool attempt(std::vector<RunOptions> candidates, std::size_t seeds);

 private:
  RunOptions best_;
  Duration failed_at_;
  const ShrinkLimits& limits_;
  const FirstFailing& first_failing_;
  std::string_view pass_;
  std::size_t judged_ = 0;
  std::uint64_t next_seed_ = 1;
  Allotment allotment_;
  bool cut_short_ = false;
};

}  // namespace detcd::sim
