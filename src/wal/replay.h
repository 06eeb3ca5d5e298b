// What a log's records mean: the hard state, the newest snapshot and the entries after it. A plain
// value that is fed verified batches in order; it refuses records that don't follow on one another,
// which only damage or a fault of the writer can produce.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "wal/frame.h"

namespace detcd::wal {

class Replay {
 public:
  // `first_index`: where the log's first segment begins; what came before it must be covered by a
  // mark in the log.
  explicit Replay(raft::Index first_index) : first_index_(first_index), next_(first_index) {}

  // All records of one batch or, with an error, an unknown part of them: kDamaged, kIncompatible.
  // Entries share `batch`.
  Result<void> apply(const Bytes& batch, const std::vector<Record>& records);

  // The index that the next entry must have.
  [[nodiscard]] raft::Index next() const { return next_; }
  // The highest index of an entry or install since it was last asked for; empty when there was
  // none.
  [[nodiscard]] std::optional<raft::Index> take_highest() { return std::exchange(highest_, {}); }
  // Whether the mark covers what came before the log's first segment.
  [[nodiscard]] bool beginning_covered() const;
  [[nodiscard]] Recovered::Health remembered_loss() const { return loss_; }
  // Takes the result out: hard state, snapshot, entries.
  [[nodiscard]] Recovered take();

 private:
  Result<void> apply(const Bytes& payload, FrameType type);
  Result<void> append(raft::Entry entry);
  Result<void> truncate(raft::Index from);
  void install(const raft::SnapshotMeta& meta);
  void trim(const raft::SnapshotMeta& meta);

  raft::Index first_index_;
  raft::Index next_;
  std::optional<raft::Index> highest_;
  Recovered state_;
  Recovered::Health loss_ = Recovered::Health::kWhole;
};

}  // namespace detcd::wal
