// Flag values as Go reads and prints them, so that what etcd accepts is accepted and what it
// refuses is refused in its words. Pure functions of their text. Follows Go's packages strconv,
// time and flag.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace detcd::bootstrap {

// 1 t T TRUE true True, and the same for false; nothing else.
[[nodiscard]] Result<bool> parse_bool(std::string_view text);
// Base 0: 0x, 0o, 0b and a leading 0 choose the base, underscores may separate digits.
[[nodiscard]] Result<std::uint64_t> parse_uint(std::string_view text, int bits = 64);
[[nodiscard]] Result<std::int64_t> parse_int(std::string_view text);
// "1h30m", "100ms", "-1.5s", "0".
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);

}  // namespace detcd::bootstrap
