// The rows of a comparison as data: what is measured on one server at a time, and what is aimed at.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "bench/server_process.h"

namespace detcd::bench {

// What the ratio to the peer or detcd's own number is to be at most, in hundredths.
struct Aim {
  enum class Of : std::uint8_t { kNothing, kRatio, kValue };
  Of of = Of::kNothing;
  std::uint64_t hundredths = 0;
};

struct Figure {
  std::string name;            // With its unit.
  std::uint64_t per_unit = 1;  // It is counted in such parts of the unit: 1 or 1000.
  Aim aim = {};
};

enum class Size : std::uint8_t { kFull, kQuick };
// A quick run has a tenth of what there is much of.
[[nodiscard]] constexpr std::uint64_t scaled(std::uint64_t count, Size size) {
  return size == Size::kQuick ? count / 10 : count;
}

// What a row is measured on.
struct Bench {
  Server server;
  std::string directory;  // On a disk.
  Size size = Size::kFull;
};

// One number for each figure of the row.
using Sample = std::vector<std::uint64_t>;

struct Row {
  // Loads have the same figures, each row a line of them.
  enum class Shape : std::uint8_t { kLoad, kSpecial };
  std::string name;
  Shape shape = Shape::kSpecial;
  std::vector<Figure> figures;
  std::function<Result<Sample>(const Bench&)> measure;
  int rounds = 3;
  int rounds_quick = 2;
};

struct MeasuredRow {
  Row row;
  std::vector<Sample> peer;  // Empty: measured alone.
  std::vector<Sample> detcd;
};

// Closed loops of clients; all have the same figures.
[[nodiscard]] std::vector<Row> load_rows();
// What comes once or goes on by itself: events, memory, restart, compaction.
[[nodiscard]] std::vector<Row> special_rows(Size size);
// Sizes at the edge of what a server is for.
[[nodiscard]] std::vector<Row> scale_rows(Size size);

}  // namespace detcd::bench
