// The background work behind a compaction: frees versions, keys and chunks that the watermark has
// hidden. It changes no answer, no size and no state hash, and respects the readers' pins. It works
// in turns: first it trims the index up to one revision (the least of the watermark and all pins),
// then rewrites chunks at exactly that revision, and only then takes the next one.
//
// A rewritten chunk holds the records of its span that a compaction at that revision keeps. A dead
// tombstone stays until no chunk before it can hold a put that it hides (`clean_to`), because what
// a restart finds in the chunks must never bring a deleted key back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "mvcc/meter.h"
#include "mvcc/store.h"
#include "mvcc/types.h"

namespace detcd::mvcc {

class Sweeper {
 public:
  // Done when there is nothing to do now.
  Advance advance(Store& store, Meter& meter);
  // Compactions up to here have been swept.
  [[nodiscard]] Revision swept() const { return swept_; }

 private:
  enum class Phase : std::uint8_t { kIdle, kTrim, kRewrite };
  // A run of adjacent sealed chunks that becomes one.
  struct Rewrite {
    std::size_t position = 0;  // In the table's order.
    std::size_t count = 0;
    std::size_t current = 0;  // The chunk being copied, from `position`.
    std::size_t offset = kChunkHeaderBytes;
    std::uint32_t slot = 0;        // What is being made.
    Revision tombstone_floor = 0;  // Dead tombstones before it are dropped.
  };

  void begin_turn(Store& store, Meter& meter);
  bool trim(Store& store, Meter& meter);
  // True when the entry has nothing left to free.
  bool trim_entry(Store& store, KeyEntry& entry, Meter& meter) const;
  static void bury(Store& store, const Version& version);
  void mark_clean(Store& store, Meter& meter) const;

  [[nodiscard]] std::optional<Rewrite> choose(const Store& store, Meter& meter) const;
  [[nodiscard]] Rewrite extend(const Store& store, std::size_t position, Revision floor) const;
  void begin_rewrite(Store& store, Rewrite rewrite);
  Advance rewrite(Store& store, Meter& meter);
  void copy_record(Store& store, std::string_view frame);
  void end_rewrite(Store& store);

  Phase phase_ = Phase::kIdle;
  Revision swept_ = -1;
  Revision target_ = -1;
  bool rewrites_done_ = true;  // No chunk is worth rewriting at swept_.
  Rewrite rewrite_;
};

}  // namespace detcd::mvcc
