// What a leader knows of one member's log, and how it sends to it: probing one message at a time,
// replicating a window of them, or waiting for a snapshot to arrive. A value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "raft/raft.h"
#include "raft/types.h"

namespace detcd::raft {

// Appends under way to one follower, oldest first, bounded by number and bytes.
class Inflights {
 public:
  struct Sent {
    Index last;
    std::size_t bytes = 0;
    friend bool operator==(const Sent&, const Sent&) = default;
  };
  void add(Index last, std::size_t bytes);
  // The follower has all up to `through`.
  void release(Index through);
  void clear();
  [[nodiscard]] bool full(const Config& config) const;
  [[nodiscard]] bool empty() const { return sent_.empty(); }
  [[nodiscard]] const std::deque<Sent>& sent() const { return sent_; }
  friend bool operator==(const Inflights&, const Inflights&) = default;

 private:
  std::deque<Sent> sent_;
  std::size_t bytes_ = 0;
};

struct Progress {
  using State = Status::Peer::State;
  Index match;  // Known equal to the leader's log.
  Index next;   // First entry to send.
  State state = State::kProbe;
  bool recent_active = false;        // Heard of since the last quorum check.
  bool counts = true;                // False while the member is Recovering: in no quorum.
  bool probe_sent = false;           // Probing: wait for an answer or a heartbeat's answer.
  Index pending_snapshot;            // kSnapshot: what is on its way.
  Index commit_sent;                 // The commit index it was told last.
  Index match_at_heartbeat;          // `match` when it last answered a heartbeat.
  std::uint64_t acked_round = 0;     // Newest heartbeat round it answered.
  std::uint64_t recovery_nonce = 0;  // The recovery it was given `fence` for.
  Index fence;
  Inflights inflights;

  void probe_from(Index from);
  void replicate();
  void await_snapshot(Index index);
  // The member acknowledged all up to `index`; whether that is news.
  bool acknowledge(Index index);
  // The member refused `rejected` and says its log may agree up to `hint`; false: a stale answer.
  bool reject(Index rejected, Index hint);
  [[nodiscard]] bool paused(const Config& config) const;
  friend bool operator==(const Progress&, const Progress&) = default;
};

}  // namespace detcd::raft
