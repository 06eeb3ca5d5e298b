// A trace file: everything that makes a run, as text. Version and commit of the code, settings,
// seed, plans, sparse overrides of micro-choices, hash checkpoints, verdict and failure
// fingerprint; a last line with the checksum of all before it, so that a truncated or edited file
// doesn't pass for whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/plan/plan.h"

namespace detcd::sim {

inline constexpr std::uint64_t kTraceVersion = 1;

struct Override {  // A draw that gives `value`: (site's key, entity, ordinal).
  std::uint64_t site = 0;
  std::uint64_t entity = 0;
  std::uint64_t ordinal = 0;
  std::uint64_t value = 0;
  friend bool operator==(const Override&, const Override&) = default;
};

struct Trace {
  std::string version;  // Of detcd.
  std::string commit;   // "unknown" outside a checkout.
  std::uint64_t seed = 0;
  Settings settings;
  Plan plan;
  std::vector<Override> overrides;
  // Of the recorded run: the hash after every so many events, and at the end.
  std::vector<std::uint64_t> checkpoints;
  std::uint64_t hash = 0;
  std::string verdict;      // "pass", "FAIL" or "VOID".
  std::string fingerprint;  // Of a failure: oracle and normalised message.
  friend bool operator==(const Trace&, const Trace&) = default;
};

[[nodiscard]] std::string print(const Trace& trace);

enum class Strictness : std::uint8_t {
  kWhole,   // The checksum must hold.
  kEdited,  // A person changed it: only the lines must be readable, and the end must be there.
};
// kInvalid: not a trace, truncated, edited, or a line that can't be read (named with its number).
// kIncompatible: of a newer format.
[[nodiscard]] Result<Trace> parse_trace(std::string_view text, Strictness strictness);

}  // namespace detcd::sim
