// Reads a whole log (FORMAT.md, "Reading"): replays the batches that hold, finds where that ends,
// and tells a log that is whole from one with a torn tail, an unknown tail, or damage. Writes
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/world.h"
#include "wal/frame.h"

namespace detcd::wal {

// A segment in use.
struct Segment {
  std::uint64_t sequence = 0;
  std::uint64_t bytes = 0;
  std::uint64_t generation = 0;
  // The highest entry or install that was ever written to it: what a mark must cover to drop it.
  raft::Index highest;
};

struct Spare {
  std::string name;
  std::uint64_t generation = 0;
};

struct Scan {
  Recovered recovered;
  std::vector<Segment> segments;  // With a header, in order; the last one is written to.
  std::uint64_t end = 0;          // Where the next batch goes in it.
  Chain chain;
  raft::Index next_index{1};
  bool last_is_witness = false;  // Nothing since the last witness.
  Recovered::Health remembered_loss = Recovered::Health::kWhole;
  // The prepared segment behind the last one: nothing but zeros.
  std::optional<Segment> prepared;

  // When something doesn't hold: the segment up to whose `end` everything does, whether it may be
  // replaced (torn) or must be set aside, and what comes after it. The chain is the one there.
  struct Cut {
    std::uint64_t sequence = 0;
    std::uint64_t end = 0;  // 0: not even the header.
    raft::Index first_index{1};
    bool beginning_lost = false;
  };
  std::optional<Cut> cut;
};

// What the directory holds, by kind.
struct Listing {
  std::vector<runtime::DirectoryEntry> segments;  // In order.
  std::vector<std::string> spares;
  std::vector<std::string> temporaries;
  std::vector<std::string> repairs;
};
runtime::Task<Result<Listing>> list_log(runtime::World world, std::string directory);

// kNotFound when there is no segment, kIncompatible, kIo; damage is a value in `recovered`.
runtime::Task<Result<Scan>> scan_log(runtime::World world, std::string directory,
                                     Identity identity);

}  // namespace detcd::wal
