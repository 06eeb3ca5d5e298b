// What the commands share: complaints, files, and flags that several have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sim/campaign/arguments.h"

namespace detcd::sim {

[[nodiscard]] std::string_view help_text();
// Says what is wrong and how it goes; the exit code 2.
int usage(std::string_view what);
[[nodiscard]] Result<std::string> read_file(const std::string& path);
[[nodiscard]] bool write_file(const std::string& path, const std::string& text);
// --jobs, by default the number of cores.
[[nodiscard]] Result<std::uint64_t> jobs_of(const Arguments& arguments);

}  // namespace detcd::sim
