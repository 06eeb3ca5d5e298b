// Whether the leader's disk is so much slower than another voter's that the other one should lead.
// Each member times its syncs. A leader that has led for long and whose own are slow asks the
// others by notes how theirs are, and leaves only on their word: where all disks are slow it stays.
// A value that holds no clock: the node carries out what is due.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/units.h"
#include "raft/types.h"

namespace detcd::server {

// Durations of syncs that ended in the last half to one minute.
class SyncTimes {
 public:
  void began(TimePoint now);
  void ended(TimePoint now);
  // At most an eighth too long. None: there were too few to say, and none is stuck; for one that
  // is, how long it has been under way.
  [[nodiscard]] std::optional<Duration> p99(TimePoint now);

 private:
  static constexpr std::size_t kBuckets = 256;
  using Counts = std::array<std::uint32_t, kBuckets>;
  void turn_page(TimePoint now);

  Counts current_{};
  Counts former_{};
  TimePoint page_ends_{};
  std::optional<TimePoint> began_;
};

class SlowDisk {
 public:
  // A leader leads for so long before it leaves: so it does at most once in that time.
  static constexpr Duration kStays = 300s;
  // Only then is the other's disk worth a move.
  static constexpr std::int64_t kTimesFaster = 4;

  // A disk that syncs within a heartbeat's interval isn't slow, whatever the others' are.
  explicit SlowDisk(Duration heartbeat_interval) : slow_from_(heartbeat_interval) {}

  SyncTimes& syncs() { return syncs_; }
  void leader_changed(bool leads, TimePoint now);

  enum class Due : std::uint8_t {
    kNothing,
    kAsk,   // question() is to be sent to every other voter.
    kMove,  // Leadership is to go to one of faster().
  };
  [[nodiscard]] Due look(TimePoint now);
  [[nodiscard]] TimePoint next_deadline() const { return next_; }
  // By what was told since the question.
  [[nodiscard]] const raft::NodeSet& faster() const { return faster_; }
  [[nodiscard]] Duration own() const { return own_; }

  [[nodiscard]] static Bytes question();
  struct Heard {
    bool ours = false;            // It was such a note.
    std::optional<Bytes> answer;  // For its sender.
  };
  Heard on_note(raft::NodeId from, const Bytes& note, TimePoint now);

 private:
  Duration slow_from_;
  SyncTimes syncs_;
  TimePoint next_ = kNever;
  bool asked_ = false;
  Duration own_{};  // When it was asked.
  std::map<raft::NodeId, Duration, IdOrder> told_;
  raft::NodeSet faster_;
};

}  // namespace detcd::server
