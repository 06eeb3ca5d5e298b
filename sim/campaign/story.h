// One page about a run, in words: who was there, what happened to whom, in order, and where it went
// wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/run/run.h"

namespace detcd::sim {

struct Happening {
  Duration at{};
  std::string who;  // "n1", "c2", "fault".
  std::string what;
  friend bool operator==(const Happening&, const Happening&) = default;
};

// Runs it once more, in a child, and writes the page.
[[nodiscard]] std::string story_of(const RunOptions& options);

// The page: repetitions are told once; of more than fits, the small talk (votes, commits, answered
// reads) goes first, then the middle.
[[nodiscard]] std::string write_story(const RunOptions& options,
                                      const std::vector<Happening>& happenings,
                                      const std::string& failure);

}  // namespace detcd::sim
