// Words of a line: separated by spaces; bytes are quoted with escapes, durations carry their unit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"

namespace detcd::sim {

[[nodiscard]] std::string quote(std::string_view bytes);  // "a\x00b"
[[nodiscard]] std::string print_duration(
    Duration duration);  // "1500us", exact: the largest whole unit.

// Takes words off a line from the left; after the first failure everything is empty and ok() is
// false.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}
  std::string_view word();
  std::string quoted();
  Duration duration();
  std::uint64_t number();
  std::int64_t integer();
  // The next word is `expected`.
  bool expect(std::string_view expected);
  // Looks at the next word without taking it.
  [[nodiscard]] std::string_view peek() const;
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool finished() const;
  // What is left, from the next word on.
  [[nodiscard]] std::string_view rest();
  void fail() { ok_ = false; }

 private:
  void skip_spaces();
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace detcd::sim
