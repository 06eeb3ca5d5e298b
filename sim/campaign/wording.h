// What one line of a trace (a fault, an operation, a setting) could say instead, more simply. Works
// on words: durations, numbers, quoted bytes; so it holds for kinds it has never heard of. Whether
// a proposal is a line at all, its reader says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace detcd::sim {

// Less is simpler: shorter, rounder. Every proposal is simpler than its line, so that taking one
// after the other comes to an end.
[[nodiscard]] std::uint64_t weight(std::string_view line);

// A duration, a number or quoted bytes, said more simply, the simplest first; none for others.
[[nodiscard]] std::vector<std::string> simpler_words(std::string_view word);
// The line with one word said more simply, or one to three words or a clause (up to ";") left out.
[[nodiscard]] std::vector<std::string> simpler_lines(std::string_view line);

}  // namespace detcd::sim
