// detcd-sim: the simulator's command line.
#include <string>
#include <vector>

#include "sim/campaign/commands.h"

int main(int argc, char** argv) {
  return detcd::sim::main_command(argv[0], std::vector<std::string>(argv + 1, argv + argc));
}
