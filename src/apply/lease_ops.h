// Leases that end, as resumable work: a revocation deletes the keys of one lease, in key order and
// in one revision; a leader's tick does so for the leases that have ended, each in a revision of
// its own. Leases go when the work is done, all at once, so that nobody sees a part of it.
#pragma once

#include <cstdint>
#include <vector>

#include "apply/command.h"
#include "apply/ops.h"
#include "lease/lessor.h"
#include "mvcc/meter.h"
#include "mvcc/types.h"

namespace detcd::apply {

// A tick ends at most so many leases, and begins with none more after so many keys: what is left
// is the next tick's, and entries between them aren't kept waiting.
inline constexpr std::size_t kEndedPerTickMax = 256;
inline constexpr std::uint64_t kKeysPerTick = 2'048;

class LeaseWork {
 public:
  // Of one lease, which exists.
  explicit LeaseWork(lease::LeaseId lease) : ending_(lease) {}
  // Of those that have ended by then.
  struct Ended {
    std::uint64_t by_ms = 0;
  };
  explicit LeaseWork(Ended ended) : ticks_(true), now_ms_(ended.by_ms) {}

  mvcc::Advance advance(const Target& target, mvcc::Meter& meter);
  // So many leases are gone.
  [[nodiscard]] std::uint64_t ended() const { return ended_.size(); }

 private:
  // False: the meter is empty.
  bool find_next(lease::Lessor& leases, mvcc::Meter& meter);
  bool erase_keys(const Target& target, mvcc::Meter& meter);

  bool ticks_ = false;
  std::uint64_t now_ms_ = 0;
  lease::LeaseId ending_ = 0;  // 0: the next one is to be found.
  bool all_found_ = false;
  std::uint64_t keys_ = 0;
  std::vector<lease::LeaseId> ended_;
};

}  // namespace detcd::apply
