// Snapshots of the applied state on disk (FORMAT.md): a manifest that names chunk files by identity
// and hash, the small state inline, atomically replaced. Chunks that are on disk already are not
// written again. A snapshot is written under temporary names, synced, renamed, its directory
// synced; only then may the log before it be trimmed. Every load verifies every checksum.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "raft/types.h"
#include "runtime/world.h"

namespace detcd::snapshot {

struct Chunk {
  std::uint64_t id = 0;
  std::uint64_t hash = 0;  // XXH3-64 of `bytes`.
  bool sealed = false;
  Bytes bytes;
};

// The applied state at meta.index, as values (apply::Image without apply's types).
struct Contents {
  raft::SnapshotMeta meta;
  std::uint64_t state_hash = 0;
  std::vector<Chunk> chunks;
  std::string small_state;
};

// One self-checking byte string for sending to a peer, and back (kDamaged).
[[nodiscard]] std::string pack(const Contents& contents);
[[nodiscard]] Result<Contents> unpack(const Bytes& packed);

struct Identity {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

class Store {
 public:
  // `directory` must exist. Nothing in it changes before a load that succeeds, or a save.
  static runtime::Task<Result<std::unique_ptr<Store>>> open(runtime::World world,
                                                            std::string directory,
                                                            Identity identity);
  virtual ~Store() = default;
  // Durable when it returns. Replaces the former snapshot; chunk files nobody names are removed.
  virtual runtime::Task<Result<void>> save(Contents contents) = 0;
  // The newest snapshot; none when there never was one. kDamaged, also for what can't be read,
  // names the file; kIncompatible: of another cluster or member or of a newer format. Files that a
  // crash left over are removed; kIo when that fails, which says nothing of the snapshot.
  virtual runtime::Task<Result<std::optional<Contents>>> load() = 0;
  // After a load that found damage: the bad file and the manifest are renamed aside, and nothing
  // reads them again.
  virtual runtime::Task<Result<void>> set_aside() = 0;
};

}  // namespace detcd::snapshot
