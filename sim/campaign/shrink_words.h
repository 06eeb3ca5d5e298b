// The passes of shrink() that leave the entries and make what they say simpler: keys and values,
// numbers, kinds of faults, settings, micro-choices.
#pragma once

#include "sim/campaign/search.h"

namespace detcd::sim {

// Micro-choices that are overridden: as few as it takes.
void drop_overrides(Search& search);
// Settings towards the defaults, else towards rounder values.
void simplify_settings(Search& search);
// All keys one, all values short, all names small; else one after the other.
void simplify_names(Search& search);
// Each entry's words, while anything can be said more simply.
void simplify_entries(Search& search);

}  // namespace detcd::sim
