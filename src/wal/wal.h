// The write-ahead log of one member (FORMAT.md): what Raft's Saves asked for, in order, each
// durable when save() returns. Records are framed with a chained CRC-32C in zero-filled, recycled
// segments; the next segment is prepared in the background. A failed write or sync is final: every
// later call answers kIo and the node stops. Damage is told apart from a torn tail by witnesses
// (DESIGN §4) and is never cut.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "raft/types.h"
#include "runtime/world.h"

namespace detcd::wal {

// Stands in every segment's header; opening a log of somebody else is kIncompatible.
struct Identity {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

struct Options {
  std::uint64_t segment_bytes = 64 << 20;
  // Sealed segments kept for recycling after a trim.
  std::size_t recycled_max = 2;
  // After this long without a save, an idle witness record is synced off the answers' path.
  Duration idle_witness_after = 100ms;
};

struct Damage {
  std::string file;
  std::uint64_t offset = 0;
  raft::Index index;  // The first index that can't be read from here on.
  std::string what;   // "checksum of a record doesn't hold", ...
};

// What the log holds, replayed: the newest hard state, the newest snapshot mark, and the entries
// after it (or after `from` given to open).
struct Recovered {
  raft::HardState hard_state;
  std::optional<raft::SnapshotMeta> snapshot;  // Newest Save.snapshot or trim mark in the log.
  std::vector<raft::Entry> entries;
  // kWhole: everything ever acknowledged is here. kTorn: the last batch was never witnessed and is
  // gone or cut; its bad sectors all held former content, as a torn write leaves it. kUnknown: an
  // unwitnessed bad record that a torn write doesn't explain. kDamaged: a witnessed record is bad.
  // Only after kWhole may a member of a cluster vote at once; a single node goes on after kTorn.
  enum class Health : std::uint8_t { kWhole, kTorn, kUnknown, kDamaged } health = Health::kWhole;
  std::optional<Damage> damage;
  bool clean_stop = false;
};

class Wal {
 public:
  virtual ~Wal() = default;

  // Makes a new log in `directory`, which must exist and hold none (kExists).
  static runtime::Task<Result<std::unique_ptr<Wal>>> create(runtime::World world,
                                                            std::string directory,
                                                            Identity identity, Options options);
  struct Opened;
  // Opens and replays the log. `accept_loss`: after kTorn, kUnknown or kDamaged the log is prepared
  // for appending after its last good record (damaged segments are renamed aside, never
  // overwritten); without it such a log is only read, and `wal` is null. kNotFound when there is
  // none.
  static runtime::Task<Result<Opened>> open(runtime::World world, std::string directory,
                                            Identity identity, Options options, bool accept_loss);

  // What is there, by reading alone. Errors as open's.
  static runtime::Task<Result<Recovered>> read(runtime::World world, std::string directory,
                                               Identity identity);
  // For a member that lost the snapshot which its log goes on from: the segments are renamed aside,
  // and a log without entries, which remembers the hard state and the loss, takes their place.
  static runtime::Task<Result<Opened>> begin_anew(runtime::World world, std::string directory,
                                                  Identity identity, Options options);

  // Frames the saves as one batch, writes and syncs it. When all of them are lazy nothing is
  // written: the hard state goes with the next batch, the idle witness or the clean stop. Calls are
  // carried out in order. A task of a call ends or is destroyed before the log is; a log whose save
  // was destroyed while it was under way is good only for destroying.
  virtual runtime::Task<Result<void>> save(std::vector<raft::Save> saves) = 0;
  // All entries up to `mark.index` are in a durable snapshot: segments wholly before it may go. The
  // mark itself becomes part of the log.
  virtual runtime::Task<Result<void>> trim(raft::SnapshotMeta mark, raft::HardState hard_state) = 0;
  // The owner learned elsewhere that the log may lack what was acknowledged, though every record of
  // it holds: from now on every open reports kDamaged at least. Durable when it returns.
  virtual runtime::Task<Result<void>> declare_loss() = 0;
  // Whatever a loss found at open or declared may have taken (term, vote, entries) is made good:
  // the member is whole again. Until then every open reports that loss, since the log itself can't
  // show it.
  virtual runtime::Task<Result<void>> declare_whole() = 0;
  // Writes the witness of a clean stop. No save after it.
  virtual runtime::Task<Result<void>> close() = 0;

  struct Numbers {
    std::uint64_t syncs = 0;
    std::uint64_t bytes = 0;
    std::uint64_t segments = 0;
  };
  [[nodiscard]] virtual Numbers numbers() const = 0;
};

struct Wal::Opened {
  Recovered recovered;
  std::unique_ptr<Wal> wal;
};

}  // namespace detcd::wal
