// When the leader compacts by itself (--auto-compaction-mode, --auto-compaction-retention), as etcd
// decides it (ETCD.md §2.6). Pure: told the time and where the store is, it says what to propose.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/units.h"
#include "mvcc/types.h"

namespace detcd::server {

struct AutoCompaction {
  enum class Mode : std::uint8_t { kOff, kPeriodic, kRevision } mode = Mode::kOff;
  Duration period{};           // kPeriodic: how much of the past is kept.
  std::int64_t revisions = 0;  // kRevision: how many.
  friend bool operator==(const AutoCompaction&, const AutoCompaction&) = default;
};

class Compactor {
 public:
  Compactor(const AutoCompaction& how, TimePoint now);

  struct Seen {
    TimePoint now{};
    mvcc::Revision revision = 0;
    mvcc::Revision compacted = 0;
    bool leads = false;
  };
  // To be called at next_deadline(): the revision to compact at now, if any. Members that don't
  // lead look on, so that whoever leads next knows how far the past goes.
  [[nodiscard]] std::optional<mvcc::Revision> look(const Seen& seen);
  // The store was compacted, by whomever: what was proposed may be done with that.
  void compacted(mvcc::Revision at, TimePoint now);
  [[nodiscard]] TimePoint next_deadline() const { return next_; }

 private:
  [[nodiscard]] std::optional<mvcc::Revision> look_back(const Seen& seen);
  [[nodiscard]] std::optional<mvcc::Revision> count_back(const Seen& seen);
  [[nodiscard]] Duration between_compactions() const;

  AutoCompaction how_;
  Duration interval_{};  // Between two looks.
  TimePoint next_ = kNever;
  std::deque<mvcc::Revision> past_;  // What was seen at the last looks; the first a period ago.
  std::size_t past_max_ = 0;
  Duration wait_{};  // From one compaction to the next; at first a whole period.
  TimePoint last_success_{};
  mvcc::Revision last_ = 0;  // Where it was compacted last.
  std::optional<mvcc::Revision> proposed_;
};

}  // namespace detcd::server
