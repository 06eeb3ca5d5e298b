// How a member goes on from what its directory still holds. What is damaged is named and never
// served: a member of a cluster comes back as Recovering, and the log remembers that until its
// peers have made it whole; a single member stops before anything is changed.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "runtime/world.h"
#include "server/options.h"
#include "server/storage.h"
#include "telemetry/log.h"
#include "wal/wal.h"

namespace detcd::server {

struct Restoring {
  NodeOptions options;
  std::string wal_directory;
  wal::Options wal_options;
  // Whose directory this is isn't certain, though the log and the snapshot fit: why.
  std::optional<std::string> identity_loss;
};

// Fills in log, snapshot and what was recovered. Errors as open_storage's.
runtime::Task<Result<void>> restore(runtime::World world, telemetry::Log log, Restoring how,
                                    Storage& storage);

}  // namespace detcd::server
