// Whether a run is a function of its options: the same in other processes, under other
// circumstances, and as other builds of the program do it. Where it isn't, the first event or draw
// that differs is named.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sim/campaign/elsewhere.h"
#include "sim/run/run.h"

namespace detcd::sim {

// One process that does the run: which program, and how it finds the world.
struct Place {
  std::string program;
  Surroundings surroundings;
  [[nodiscard]] std::string name() const;
};

struct Audit {
  std::vector<std::string> run;  // The arguments that make the run: "run", "--seed", "7", …
  std::vector<Place> places;     // All must agree with the first.
};

// Empty when all agree; else in words who differs, where, and what was decided there. kIo: a
// program can't be run.
[[nodiscard]] Result<std::string> audit(const Audit& what);

// Makes a run print its events from `first` to `last`, and what is drawn meanwhile, as lines.
void record_events(RunOptions& options, std::uint64_t first, std::uint64_t last);

// The first line that differs of two such texts, in words, with what both did last; empty when they
// are the same.
[[nodiscard]] std::string first_difference(const std::string& one, const std::string& other);

}  // namespace detcd::sim
