// A plan as one list of entries by time, whatever they are, and as lines of text. What
// works on these needs to know no kind of fault or operation.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/plan/plan.h"

namespace detcd::sim {

using Entry = std::variant<FaultEntry, OperationEntry, WatchEntry>;

[[nodiscard]] std::vector<Entry> entries_of(const Plan& plan);
[[nodiscard]] Plan plan_of(const std::vector<Entry>& entries);
[[nodiscard]] Duration time_of(const Entry& entry);
void set_time(Entry& entry, Duration at);

// As in a trace file, and back to an entry of the same kind; none if the line can't be read.
[[nodiscard]] std::string line_of(const Entry& entry);
[[nodiscard]] std::optional<Entry> with_line(const Entry& entry, std::string_view line);

[[nodiscard]] std::vector<std::string> words_of(std::string_view line);
[[nodiscard]] std::string join(const std::vector<std::string>& words);

// The plan without some of its members: they are renumbered, entries that name one of those that
// went go too, and lists of members lose it.
[[nodiscard]] Plan without_nodes(const Plan& plan, const std::vector<std::uint32_t>& nodes);

}  // namespace detcd::sim
