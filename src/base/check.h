// An assertion that is on in every build: "we are wrong". A failed check ends the process through
// the handler in force, so that nothing is served or written after an invariant broke. Damage on
// disk and bad input are never checks: they are values (base/result.h).
#pragma once

#include <source_location>
#include <string_view>

namespace detcd {

// Called with what was promised and where; must not return. The default prints one line to standard
// error and aborts. The simulator's children replace it to report through a pipe.
using CheckHandler = void (*)(std::string_view promise, const std::source_location& where);

// Replaces the handler of this process and returns the former one.
CheckHandler set_check_handler(CheckHandler handler);

[[noreturn]] void check_failed(std::string_view promise, const std::source_location& where);

// `promise` says what always holds, as a sentence.
constexpr void check(bool holds, std::string_view promise,
                     const std::source_location& where = std::source_location::current()) {
  if (!holds) [[unlikely]]
    check_failed(promise, where);
}

}  // namespace detcd
