// HashKV: the very number etcd 3.5.30 and later return for the same history (ETCD.md §2.14, §10.6):
// CRC-32C over "key" and then every record as etcd's backend holds it, in revision order.
#pragma once

#include <cstdint>
#include <string>

#include "mvcc/meter.h"
#include "mvcc/scan.h"
#include "mvcc/store.h"
#include "mvcc/types.h"

namespace detcd::mvcc {

// etcd's backend key: main (8 bytes, big endian) '_' sub (8 bytes) and 't' for a tombstone.
[[nodiscard]] std::string backend_key(const Record& record);
// etcd's backend value: mvccpb.KeyValue as protobuf writes it; a tombstone has its key only.
[[nodiscard]] std::string backend_value(const Record& record);
[[nodiscard]] std::size_t backend_value_bytes(const Record& record);

// Hashes the records up to `at` of a store that was compacted at `compact`; both are pinned.
class HashRead {
 public:
  // What etcd computes when it is asked, or on the way while it compacts at `at`. The two differ
  // when no key is live then: the tombstones at `at` still count as kept by the compaction.
  enum class Of : std::uint8_t { kState, kCompaction };
  HashRead(Revision at, Revision compact, Of of = Of::kState);
  Advance advance(const Store& store, Meter& meter);
  [[nodiscard]] std::uint32_t hash() const { return hash_; }

 private:
  Advance find_live(const Store& store, Meter& meter);
  Advance hash_records(const Store& store, Meter& meter);
  // True at the end of the chunk; false when the meter is empty or `at_` was reached.
  bool hash_chunk(const Store& store, const Chunk& chunk, Meter& meter);
  [[nodiscard]] bool included(const Store& store, const Record& record) const;

  Revision at_;
  Revision compact_;
  KeyScan live_;  // Looks for any key that is live at `at_`.
  bool live_known_;
  bool any_live_;
  bool finished_ = false;
  Place next_{0, 0};  // Records before it are hashed.
  // Where the last advance stopped, to go on without a search. Only id and hash together say that
  // the bytes are still the same: a chunk may be rewritten at one revision twice.
  ChunkId chunk_;
  std::uint64_t chunk_hash_ = 0;
  std::size_t offset_ = 0;
  std::uint32_t hash_ = 0;
};

}  // namespace detcd::mvcc
