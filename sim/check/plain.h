// The plain objects that histories are kept of: registers (read, write, compare-and-set, delete),
// sets and first-in-first-out queues. Values are opaque texts; equal texts are equal values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/check/search.h"

namespace detcd::sim {

enum class PlainFunction : std::uint8_t {
  kRead,
  kWrite,
  kCompareAndSet,
  kDelete,
  kAdd,
  kRemove,
  kReadAll,
  kEnqueue,
  kDequeue,
};
[[nodiscard]] std::string_view name_of(PlainFunction function);

// What an object holds that nobody wrote to, and what an empty queue gives.
inline constexpr std::string_view kNothing = "null";

// A call with its answer.
struct PlainCall {
  PlainFunction function = PlainFunction::kRead;
  std::string key;    // Of several registers; empty for the only one.
  std::string value;  // Written, added, read or taken out.
  std::string expected;
  bool swapped = true;                // A compare-and-set found what it expected.
  std::vector<std::string> elements;  // A set that was read.
  bool answered = true;               // False: nobody knows whether it took effect.
  friend bool operator==(const PlainCall&, const PlainCall&) = default;
};
[[nodiscard]] std::string describe(const PlainCall& call);

// `calls` outlive the object. A register begins with `initial`; sets and queues begin empty.
[[nodiscard]] std::unique_ptr<Specification> register_specification(
    const std::vector<PlainCall>& calls, std::string_view initial);
[[nodiscard]] std::unique_ptr<Specification> set_specification(const std::vector<PlainCall>& calls);
[[nodiscard]] std::unique_ptr<Specification> queue_specification(
    const std::vector<PlainCall>& calls);

}  // namespace detcd::sim
