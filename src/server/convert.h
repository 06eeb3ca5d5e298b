// Between modules that don't know each other: apply's image and snapshot's contents, URLs and
// addresses.
#pragma once

#include <string>
#include <vector>

#include "apply/applier.h"
#include "snapshot/store.h"

namespace detcd::server {

[[nodiscard]] apply::Image image_of(const snapshot::Contents& contents);
[[nodiscard]] snapshot::Contents contents_of(const apply::Image& image, raft::SnapshotMeta meta);
// "http://host:port" → "host:port"; "unix:///path" → "unix:/path".
[[nodiscard]] std::vector<std::string> addresses_of(const std::vector<std::string>& urls);

}  // namespace detcd::server
