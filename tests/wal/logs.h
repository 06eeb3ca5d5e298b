// What the tests of the log save and expect: small saves made of a seed, and a model of what a log
// that was given them must hold.
#pragma once

#include <algorithm>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/hash.h"
#include "raft/types.h"
#include "wal/wal.h"

namespace detcd::wal {

inline constexpr Identity kIdentity{.cluster_id = 7, .member_id = 9};

inline raft::Entry entry_at(std::uint64_t index, std::uint64_t term, std::string data) {
  return {.term = raft::Term(term),
          .index = raft::Index(index),
          .time_ms = index,
          .data = Bytes::adopt(std::move(data))};
}

// `count` entries from `first` on, of `bytes` each that no compressor would like.
inline raft::Save save_of(std::uint64_t first, std::size_t count, std::size_t bytes) {
  raft::Save save;
  for (std::size_t i = 0; i < count; ++i) {
    std::string data;
    for (std::uint64_t word = 0; data.size() < bytes; ++word) {
      const std::uint64_t value = mix64(mix64(first + i, bytes), word) | 0x0101010101010101ULL;
      for (int byte = 0; byte < 8; ++byte) data.push_back(static_cast<char>(value >> (8 * byte)));
    }
    data.resize(bytes);
    save.entries.push_back(entry_at(first + i, 1, std::move(data)));
  }
  return save;
}

inline raft::SnapshotMeta mark_at(std::uint64_t index) {
  raft::SnapshotMeta meta{.index = raft::Index(index), .term = raft::Term(1), .time_ms = index};
  meta.configuration.voters = {raft::NodeId(9)};
  return meta;
}

// What a log holds after a number of calls.
struct Model {
  raft::HardState hard_state;
  std::optional<raft::SnapshotMeta> snapshot;
  std::vector<raft::Entry> entries;

  void apply(const raft::Save& save) {
    if (save.snapshot) {
      entries.clear();
      snapshot = save.snapshot;
    }
    if (save.truncate_from) {
      std::erase_if(entries, [&](const auto& entry) { return entry.index >= *save.truncate_from; });
    }
    entries.insert(entries.end(), save.entries.begin(), save.entries.end());
    if (save.hard_state) hard_state = *save.hard_state;
  }
  void trim(const raft::SnapshotMeta& mark, const raft::HardState& state) {
    hard_state = state;
    snapshot = mark;
    std::erase_if(entries, [&](const auto& entry) { return entry.index <= mark.index; });
  }
  [[nodiscard]] std::uint64_t next() const {
    if (!entries.empty()) return entries.back().index.value() + 1;
    return snapshot ? snapshot->index.value() + 1 : 1;
  }
  [[nodiscard]] bool matches(const Recovered& log) const {
    return log.hard_state == hard_state && log.snapshot == snapshot && log.entries == entries;
  }
};

// For failures: what differs in size, not in bytes.
inline void PrintTo(const Recovered& log, std::ostream* out) {
  *out << "health " << static_cast<int>(log.health) << ", term " << log.hard_state.term.value()
       << ", commit " << log.hard_state.commit.value();
  if (log.snapshot) *out << ", snapshot " << log.snapshot->index.value();
  if (!log.entries.empty()) {
    *out << ", entries " << log.entries.front().index.value() << " to "
         << log.entries.back().index.value() << " (" << log.entries.size() << ")";
  }
  if (log.damage) {
    *out << ", " << log.damage->file << " at " << log.damage->offset << ", index "
         << log.damage->index.value() << ": " << log.damage->what;
  }
}

}  // namespace detcd::wal
