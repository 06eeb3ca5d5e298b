// Linearizable reads at the leader (dissertation §6.4), in batches: reads wait until a round of
// heartbeats that began after they came has been answered by a quorum. A value.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "raft/types.h"

namespace detcd::raft {

struct PendingRead {
  NodeId from;  // Who asked: the leader itself or a follower.
  std::uint64_t read_id = 0;
  friend bool operator==(const PendingRead&, const PendingRead&) = default;
};

struct ReadBatch {
  std::uint64_t round = 0;
  Index index;  // The commit index when the round began.
  std::vector<PendingRead> reads;
  friend bool operator==(const ReadBatch&, const ReadBatch&) = default;
};

class ReadIndex {
 public:
  void add(PendingRead read) { waiting_.push_back(read); }
  [[nodiscard]] bool has_waiting() const { return !waiting_.empty(); }
  [[nodiscard]] bool round_under_way() const { return !batches_.empty(); }
  // The waiting reads join the round that begins now.
  void start_round(std::uint64_t round, Index commit);
  // Batches of rounds up to `round`, which a quorum has answered.
  [[nodiscard]] std::vector<ReadBatch> confirm(std::uint64_t round);
  // Every read that was not answered; none is left.
  [[nodiscard]] std::vector<PendingRead> abandon();
  [[nodiscard]] const std::vector<PendingRead>& waiting() const { return waiting_; }
  [[nodiscard]] const std::deque<ReadBatch>& batches() const { return batches_; }
  friend bool operator==(const ReadIndex&, const ReadIndex&) = default;

 private:
  std::vector<PendingRead> waiting_;
  std::deque<ReadBatch> batches_;
};

}  // namespace detcd::raft
