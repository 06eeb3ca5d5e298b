// Reads all records of a store again, a little at a time, against the checksums that they were
// written with: memory may have changed under them. It finds what no comparison of members would,
// because a state hash is kept up with what was written, not with what is there.
#pragma once

#include <optional>
#include <string_view>

#include "mvcc/meter.h"
#include "mvcc/store.h"
#include "mvcc/types.h"

namespace detcd::mvcc {

class Scrub {
 public:
  // Done: all was read once; the next advance begins again. The store may change in between, and
  // be another one. Nothing more is read once something was found.
  Advance advance(const Store& store, Meter& meter);
  // A chunk that isn't what was written.
  [[nodiscard]] const std::optional<ChunkId>& damaged() const { return damaged_; }
  // Of another store.
  void begin_again() { *this = Scrub(); }

 private:
  // True at the end of the chunk.
  bool read_open(const Chunk& chunk, Meter& meter);

  Place next_;              // Chunks that end before it are read.
  std::size_t offset_ = 0;  // Of the frames of the open chunk that are read.
  std::optional<ChunkId> open_;
  std::optional<ChunkId> damaged_;
};

}  // namespace detcd::mvcc
