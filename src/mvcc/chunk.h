// Records in revision order, in chunks: buffers that never move, so that what a reader was handed
// stays where it is. Where a chunk ends depends on the record stream only; a sealed chunk is
// immutable bytes under one identity and hash. A sealed chunk's bytes may be elsewhere (cold):
// reading a record then says so.
//
// A chunk's bytes begin with a header (magic u32 | format u16 | kind u16 | compact i64 | first
// place 12 | last place 12), then frames (mvcc/record.h). An original is numbered in the order of
// the record stream and leaves compact and last at zero; a rewritten one is named by the span of
// places it stands for and the compact revision it was rewritten at.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "mvcc/key_index.h"
#include "mvcc/record.h"
#include "mvcc/types.h"

namespace detcd::mvcc {

inline constexpr std::size_t kChunkHeaderBytes = 40;

// What a rewritten chunk stands for.
struct Span {
  Place first;
  Place last;
  friend bool operator==(const Span&, const Span&) = default;
};

struct Chunk {
  ChunkId id;
  Span span;  // Of the open chunk and of originals: the records inside.
  bool rewritten = false;
  bool sealed = false;
  bool cold = false;
  std::uint32_t size = 0;         // Of the bytes, wherever they are.
  std::uint64_t hash = 0;         // XXH3-64 of the bytes, once sealed.
  std::optional<OpenBytes> open;  // Until it is sealed.
  Bytes bytes;                    // Once it is sealed, unless cold.

  // What the sweep has found; see mvcc/sweep.h.
  std::uint64_t dead_bytes = 0;  // Frames that no index entry refers to, tombstones too.
  std::uint64_t dead_tombstone_bytes = 0;
  Revision dead_tombstone_max = 0;  // The newest revision among them.
  Revision clean_to = 0;            // It holds no put that a compaction before this released.

  [[nodiscard]] Bytes all() const { return sealed ? bytes : open->written(); }
  [[nodiscard]] std::string_view text() const { return sealed ? bytes.view() : open->view(); }
};

class ChunkTable {
 public:
  explicit ChunkTable(std::uint32_t capacity);

  struct Appended {
    Location location;
    std::uint64_t hash = 0;
  };
  // Places come in ascending order. Seals the open chunk first when the frame has no room in it.
  Appended append(const Record& record);

  // The record's frame, when its bytes are in memory.
  [[nodiscard]] std::optional<Bytes> frame(const Location& location) const;
  [[nodiscard]] const Chunk& at(std::uint32_t slot) const { return *slots_[slot]; }
  [[nodiscard]] Chunk& at(std::uint32_t slot) { return *slots_[slot]; }
  // Slots in the order of their spans.
  [[nodiscard]] const std::vector<std::uint32_t>& order() const { return order_; }
  // The place in order() of the first chunk that may hold a record at or after `place`.
  [[nodiscard]] std::size_t position(Place place) const;

  void make_cold(ChunkId id);
  // Bytes that aren't the chunk's are passed over.
  void provide(ChunkId id, const Bytes& bytes);

  // A chunk beside the order, into which a rewrite copies frames; it gets its place by replace().
  std::uint32_t begin_rewrite(const Span& span, Revision compact, std::size_t capacity);
  Location copy_frame(std::uint32_t slot, std::string_view frame);
  // The rewritten chunk takes the place of order()[position, position + count); an empty one
  // vanishes.
  void replace(std::size_t position, std::size_t count, std::uint32_t rewritten);

  // As an image has them. The frames are verified by the caller.
  Result<std::uint32_t> add_image(ChunkId id, std::uint64_t hash, bool sealed, const Bytes& bytes);
  // After the last add_image: what the frames said.
  void set_span(std::uint32_t slot, Place first, Place last);
  void resume(std::uint64_t next_number) { next_number_ = next_number; }
  [[nodiscard]] std::uint64_t next_number() const { return next_number_; }
  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }

 private:
  std::uint32_t take_slot();
  [[nodiscard]] Chunk* find(ChunkId id);
  static void seal(Chunk& chunk);

  std::uint32_t capacity_;
  std::uint64_t next_number_ = 1;
  std::vector<std::unique_ptr<Chunk>> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> order_;
};

}  // namespace detcd::mvcc
