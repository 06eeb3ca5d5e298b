// The hashes of the newest compactions. etcd hashes what a compaction works through, from the
// compaction before it on, remembers the last ten of those numbers, and answers HashKV at exactly
// such a revision with the remembered one, also long after the revision has gone. Each is a
// function of the log: it may be asked for before it is computed, and survives a restore.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "base/codec.h"
#include "base/result.h"
#include "mvcc/hash.h"
#include "mvcc/meter.h"
#include "mvcc/pin.h"
#include "mvcc/store.h"

namespace detcd::mvcc {

struct CompactionHash {
  Revision revision = 0;
  Revision former = -1;  // The compaction before it.
  // None while its records are still there to be hashed, from `former` on.
  std::optional<std::uint32_t> hash;
};

class CompactionHashes {
 public:
  // etcd's hashStorageMaxSize.
  static constexpr std::size_t kKept = 10;

  // The store was just compacted at its compact_revision(), and before that at `former`.
  void add(const Store& store, Revision former);
  // The background's work: computes what is missing, oldest first.
  Advance advance(const Store& store, Meter& meter);
  [[nodiscard]] std::optional<CompactionHash> find(Revision revision) const;

  [[nodiscard]] bool empty() const { return kept_.empty(); }
  void encode(Writer& out) const;
  // Into an empty object, of a store with these marks; kDamaged when they contradict them.
  Result<void> decode(Reader& in, const StoreMarks& marks);
  // The store of what was decoded is whole: what is missing is computed from it.
  void resume(const Store& store);

 private:
  struct Missing {
    HashRead read;
    Pin pin;  // Until it is computed, nothing that `former` left is freed.
  };
  struct Kept {
    CompactionHash known;
    std::unique_ptr<Missing> missing;
  };
  static std::unique_ptr<Missing> begin(const Store& store, const CompactionHash& known);

  std::deque<Kept> kept_;  // By revision, as compactions come.
};

}  // namespace detcd::mvcc
