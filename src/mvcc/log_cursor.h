// The store's records in the order in which they were written: a place in that order, from which a
// reader goes on at any later time. The chunks are the log; a cursor holds nothing of them but a
// hint where its next record lies, so that it costs its reader nothing to be far behind.
//
// What lies before the compaction revision may be gone at any moment, unless a pin keeps it: its
// reader finds out by comparing revisions before it reads.
#pragma once

#include <cstdint>

#include "mvcc/meter.h"
#include "mvcc/store.h"
#include "mvcc/types.h"

namespace detcd::mvcc {

class LogCursor {
 public:
  enum class Step : std::uint8_t {
    kRecord,  // record() is the next one; pop() goes past it.
    kEnd,     // There is none at or before the last revision.
    kMore,    // The meter is empty.
    kCold,    // need() is to be provided.
  };

  // Stands before the first record of this revision or a later one.
  explicit LogCursor(Revision from = 0) : next_{.main = from} {}
  // The same, behind all that the store holds; between transactions.
  static LogCursor at_end(const Store& store);

  // The next record, at or before revision `last`, which the store has committed.
  Step seek(const Store& store, Revision last, Meter& meter);
  // After kRecord, until the store changes.
  [[nodiscard]] const Record& record() const { return record_; }
  [[nodiscard]] Location location() const { return location_; }
  // After kCold.
  [[nodiscard]] Need need() const { return {{chunk_}}; }
  void pop();

  // The cursor alone, for those who keep many.
  struct Mark {
    Place next;
    std::uint32_t offset = 0;
    ChunkId chunk;
  };
  [[nodiscard]] Mark mark() const { return {next_, offset_, chunk_}; }
  explicit LogCursor(const Mark& mark)
      : next_(mark.next), offset_(mark.offset), chunk_(mark.chunk) {}

 private:
  Place next_;
  // Where the search goes on, if the chunk is still the one that holds `next_`.
  std::uint32_t offset_ = 0;
  ChunkId chunk_;
  Record record_;
  Location location_;
};

}  // namespace detcd::mvcc
