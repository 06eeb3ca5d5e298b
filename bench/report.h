// What a comparison found, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "bench/row.h"

namespace detcd::bench {

struct Report {
  std::string peer;  // Empty: detcd alone.
  std::string detcd;
  std::string filesystem;
  std::vector<MeasuredRow> rows;
};

// Two tables in Markdown: the loads, which have their figures in columns, and all others.
[[nodiscard]] std::string tables(const Report& report);
[[nodiscard]] std::string json(const Report& report);
// Puts the text between the marks; false when the file has none.
[[nodiscard]] bool write_between_marks(const std::string& path, const std::string& text);

}  // namespace detcd::bench
