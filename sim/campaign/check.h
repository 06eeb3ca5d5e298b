// detcd-sim check: judges a history that somebody else recorded. Owns the file, the clock and the
// terminal; sim/import reads and sim/check judges.
#pragma once

#include <string>
#include <vector>

namespace detcd::sim {

// 0 legal, 1 illegal, 2 wrong usage or unreadable input, 3 unknown: a limit was reached.
int check_command(const std::vector<std::string>& arguments);

}  // namespace detcd::sim
