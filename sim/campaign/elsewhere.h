// The same run in a process that has nothing in common with this one but the program: other
// addresses, environment, locale, time zone, stack, working directory, and a heap that was stirred
// and hands out other and dirty memory. A run that is a function of its options doesn't notice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace detcd::sim {

// How a process finds the world; each number is another way. 0: addresses are the same each time.
struct Surroundings {
  std::uint64_t number = 0;
};

// What the program prints on its standard output. kIo: it can't be started, or it was killed or
// ended with another status than 0 or 1.
[[nodiscard]] Result<std::string> run_elsewhere(const std::string& program,
                                                const std::vector<std::string>& arguments,
                                                const Surroundings& surroundings);

// In that process, before the run: leaves the heap so that the next blocks of any size come in an
// order, and with a content, that depends on `number`.
void stir_heap(std::uint64_t number);

// This program, for run_elsewhere.
[[nodiscard]] std::string own_program();

// What `run --hashes` prints of a run, and back.
struct RunHashes {
  std::vector<std::uint64_t> checkpoints;
  std::uint64_t hash = 0;
  std::uint64_t events = 0;
  std::string end;  // Verdict and fingerprint.
  friend bool operator==(const RunHashes&, const RunHashes&) = default;
};
[[nodiscard]] std::string print(const RunHashes& hashes);
[[nodiscard]] std::optional<RunHashes> parse_hashes(const std::string& text);

}  // namespace detcd::sim
