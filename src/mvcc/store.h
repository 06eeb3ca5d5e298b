// The multi-version store: an index over chunks of records, one writer at a time. A write
// transaction works at revision() + 1; readers at or below revision() don't see it until commit().
// Whether a record is part of the state is decided by the compaction watermark alone; the sweep
// (mvcc/sweep.h) only frees what can't be seen any more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "mvcc/chunk.h"
#include "mvcc/key_index.h"
#include "mvcc/pin.h"
#include "mvcc/release.h"
#include "mvcc/types.h"

namespace detcd::mvcc {

struct StoredChunk {
  ChunkId id;
  std::uint64_t hash = 0;
  bool sealed = false;
  Bytes bytes;  // Empty when the chunk is cold.
};

// What restore needs beside the chunks.
struct StoreMarks {
  Revision revision = 1;
  Revision compact_revision = -1;
  std::uint64_t next_chunk = 1;
};

class Store {
 public:
  explicit Store(std::uint32_t chunk_bytes) : chunks_(chunk_bytes) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  [[nodiscard]] Revision revision() const { return revision_; }
  [[nodiscard]] Revision compact_revision() const { return compact_revision_; }

  // ---- One write transaction --------------------------------------------------------------------
  // Where its changes lie; reading at this revision sees them.
  [[nodiscard]] Revision write_revision() const { return revision_ + ended_ + 1; }
  [[nodiscard]] bool wrote() const { return next_sub_ > 0 || ended_ > 0; }
  struct Put {
    std::string_view key;
    std::string_view value;
    std::int64_t lease = 0;
  };
  void put(const Put& put);
  // `entry` is live.
  void erase(KeyEntry& entry);
  // What was changed so far is one revision, what follows is the next; neither is visible yet.
  void end_revision();
  // Without changes the revision stays. The changes become visible at once, all revisions of them.
  void commit();

  // ---- Reading ----------------------------------------------------------------------------------
  [[nodiscard]] const KeyIndex& index() const { return index_; }
  // The version of the key that is live at `at`; null when there is none.
  [[nodiscard]] const Version* live(std::string_view key, Revision at) const;
  // None while the bytes are cold: need(version) are to be provided. Key and value share them.
  [[nodiscard]] std::optional<KeyValue> read(const Version& version) const;
  // The same without taking a share: good until the next call that isn't const.
  [[nodiscard]] std::optional<Record> peek(const Version& version) const;
  [[nodiscard]] Need need(const Version& version) const {
    return {{chunks_.at(version.location.slot).id}};
  }
  [[nodiscard]] PinSet& pins() const { return pins_; }

  // ---- Compaction -------------------------------------------------------------------------------
  // compact_revision() < revision ≤ revision().
  void compact(Revision revision);
  // Of the records that are part of the state.
  [[nodiscard]] Totals totals() const { return present_ - released_; }

  // ---- Chunks -----------------------------------------------------------------------------------
  [[nodiscard]] const ChunkTable& chunks() const { return chunks_; }
  void make_cold(ChunkId id) { chunks_.make_cold(id); }
  void provide(ChunkId id, const Bytes& bytes) { chunks_.provide(id, bytes); }
  // Between transactions.
  [[nodiscard]] std::vector<StoredChunk> capture() const;
  [[nodiscard]] StoreMarks marks() const {
    return {revision_, compact_revision_, chunks_.next_number()};
  }
  // Into an empty store; the chunks in order. kDamaged when they contradict themselves.
  Result<void> restore(const std::vector<StoredChunk>& chunks, const StoreMarks& marks);

 private:
  friend class Sweeper;  // Frees versions, keys and chunks behind the watermark.

  // Puts a record that is in a chunk already into the index.
  void enter(const Record& record, const ChunkTable::Appended& where);
  void move_watermark(Revision revision);
  Result<void> restore_chunk(const StoredChunk& chunk, Place& last);

  KeyIndex index_;
  ChunkTable chunks_;
  ReleaseQueue
      superseded_;  // A record followed by another: released from the follower's revision on.
  ReleaseQueue tombstones_;  // Released by compactions after their own revision (ETCD.md §2.6).
  Totals present_;           // Of all records ever entered.
  Totals released_;          // Of those among them that the watermark has hidden.
  Totals written_;           // Of the transaction in progress, not yet in present_.
  Revision revision_ = 1;
  Revision compact_revision_ = -1;
  Revision ended_ = 0;  // Revisions of the transaction in progress that are complete.
  std::uint32_t next_sub_ = 0;
  mutable PinSet pins_;  // Reading pins; the last member, so that it goes first.
};

}  // namespace detcd::mvcc
