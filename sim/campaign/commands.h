// The commands of detcd-sim. Each returns the exit code: 0 pass, 1 failure or VOID, 2 wrong usage;
// of campaign and merge also 3: the store can't be read or written.
#pragma once

#include <string>
#include <vector>

namespace detcd::sim {

// `program` is how to call this program again, for the last line of a failure.
int run_command(const std::string& program, const std::vector<std::string>& arguments);
int replay_command(const std::string& program, const std::vector<std::string>& arguments);
int swarm_command(const std::string& program, const std::vector<std::string>& arguments);
int scenario_command(const std::string& program, const std::vector<std::string>& arguments);
int bench_command(const std::vector<std::string>& arguments);
int campaign_command(const std::string& program, const std::vector<std::string>& arguments);
int merge_command(const std::vector<std::string>& arguments);
int audit_command(const std::string& program, const std::vector<std::string>& arguments);
int shrink_command(const std::string& program, const std::vector<std::string>& arguments);
// Which command it is, and --help.
int main_command(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace detcd::sim
