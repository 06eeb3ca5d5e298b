// The passes of shrink() that make the plan shorter: fewer entries, clients and members, less time.
// Each tries changes of the search's best and keeps what still fails.
#pragma once

#include <cstddef>

#include "sim/campaign/search.h"

namespace detcd::sim {

// Nothing that is later than the failure, and no longer a run than it takes.
void cut_horizon(Search& search);
// Only a stretch of the plan, moved to the beginning: the shortest that still fails.
void keep_stretch(Search& search);
void drop_families(Search& search);
void drop_clients(Search& search);
// Delta debugging over faults, operations and both. `runs`: so many candidates with other seeds at
// each size of chunks (0: only the best's own seed).
void drop_entries(Search& search, std::size_t runs);
// With a snapshot every few entries, less has to happen before one is taken; so with segments.
void lower_counts(Search& search);
// Any two entries; only of few.
void drop_pairs(Search& search);
// A write that goes takes a revision along: what names later ones goes back with it.
void drop_writes_with_revisions(Search& search);
void drop_nodes(Search& search, std::size_t seeds);
// Everything sooner, and gaps between entries shorter.
void move_together(Search& search, std::size_t seeds);

}  // namespace detcd::sim
