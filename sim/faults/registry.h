// All families of faults, and what of them stands in plans: a fault is drawn, printed and read by
// its family.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/faults/fault.h"

namespace detcd::sim {

// In the order in which plans are drawn.
[[nodiscard]] std::span<const Family* const> families();
[[nodiscard]] const Family* family_named(std::string_view name);
// Of a fault's words; null: there is none.
[[nodiscard]] const Family* family_of(std::string_view fault);
// Null when the words can't be read.
[[nodiscard]] std::unique_ptr<Fault> read_fault(std::string_view words);
[[nodiscard]] std::string print(Fault& fault);
// "at 1s crash n1 down 300ms"; kInvalid names what is wrong.
[[nodiscard]] Result<FaultEntry> parse_fault(std::string_view line);

// Whether the mask in settings ("all -rot -echo" or "none crash pause") leaves it on.
[[nodiscard]] bool is_on(const Family& family, const Settings& settings);
// kInvalid for a mask that names what there isn't, or isn't available yet.
[[nodiscard]] Result<void> check_mask(std::string_view mask);

// Also switches off what this mask does; one that begins with "none" says exactly what is on.
[[nodiscard]] Result<void> mask_families(std::string_view mask, Settings& settings);

// The faults of a run, by time: of every family that is on and possible.
[[nodiscard]] std::vector<FaultEntry> draw_faults(std::uint64_t seed, const Settings& settings);

}  // namespace detcd::sim
