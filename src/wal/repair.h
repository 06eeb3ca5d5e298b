// Makes a log fit for appending again (FORMAT.md, "Reading"): replaces the segment in which a log
// stops holding by its good part, and sets aside what is damaged. Every step is durable before the
// next, so that a crash at any of them leaves a log that says what it is, or a repair to go on
// with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/world.h"
#include "wal/reader.h"

namespace detcd::wal {

struct LogPlace {
  std::string directory;
  Identity identity;
  std::uint64_t segment_bytes = 0;
};

// Cuts the log at `scan.cut` and records the loss in it.
runtime::Task<Result<void>> repair_log(runtime::World world, LogPlace log, const Scan& scan);

// Goes on with a repair that a crash interrupted: `name` is its complete replacement.
runtime::Task<Result<void>> finish_repair(runtime::World world, std::string directory,
                                          std::string name);

// Replaces the last segment by a copy of itself. A batch that nothing witnesses may have been read
// from a cache whose sync had failed: a second sync of the same file would prove nothing, and
// writing it again in place could tear it.
runtime::Task<Result<void>> rewrite_last_segment(runtime::World world, LogPlace log,
                                                 const Scan& scan);

}  // namespace detcd::wal
