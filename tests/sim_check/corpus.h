// The planted histories of testdata, as the reader reads them.
#pragma once

#include <string>
#include <vector>

#include "sim/check/judge.h"

namespace detcd::sim {

// Reads one file's text; ends the test program's current test with a failure when it can't.
[[nodiscard]] std::vector<CheckedHistory> read_corpus(const std::string& text);
// Every history of every file in testdata.
[[nodiscard]] std::vector<CheckedHistory> whole_corpus();

}  // namespace detcd::sim
