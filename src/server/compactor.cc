#include "server/compactor.h"

#include <algorithm>

namespace detcd::server {
namespace {

constexpr Duration kRevisionInterval = 300s;
constexpr Duration kPeriodMax = 3600s;
constexpr int kLooksPerPeriod = 10;
// A period shorter than this can't be meant: looks would be all that the member does.
constexpr Duration kIntervalMin = 1ms;

}  // namespace

Compactor::Compactor(const AutoCompaction& how, TimePoint now) : how_(how), last_success_(now) {
  switch (how.mode) {
    case AutoCompaction::Mode::kOff:
      return;
    case AutoCompaction::Mode::kPeriodic:
      interval_ = std::max(between_compactions() / kLooksPerPeriod, kIntervalMin);
      past_max_ = static_cast<std::size_t>(how.period / interval_) + 1;
      wait_ = how.period;
      // The first thing that is seen is what there is at the start.
      next_ = now;
      return;
    case AutoCompaction::Mode::kRevision:
      interval_ = kRevisionInterval;
      next_ = now + interval_;
      return;
  }
}

Duration Compactor::between_compactions() const {
  return std::min(how_.period, kPeriodMax);
}

std::optional<mvcc::Revision> Compactor::look(const Seen& seen) {
  if (how_.mode == AutoCompaction::Mode::kOff || seen.now < next_) return std::nullopt;
  next_ = seen.now + interval_;
  return how_.mode == AutoCompaction::Mode::kPeriodic ? look_back(seen) : count_back(seen);
}

// etcd notes the revision, waits, and then compares: what was noted first is a period ago then.
std::optional<mvcc::Revision> Compactor::look_back(const Seen& seen) {
  const bool waited = !past_.empty();
  const mvcc::Revision back = waited ? past_.front() : 0;
  past_.push_back(seen.revision);
  if (past_.size() > past_max_) past_.pop_front();
  if (!waited || !seen.leads) return std::nullopt;
  if (seen.now - last_success_ < wait_ || back == last_) return std::nullopt;
  wait_ = between_compactions();
  proposed_ = back;
  if (back > seen.compacted) return back;
  compacted(seen.compacted, seen.now);
  return std::nullopt;
}

std::optional<mvcc::Revision> Compactor::count_back(const Seen& seen) {
  const mvcc::Revision back = seen.revision - how_.revisions;
  if (!seen.leads || back <= 0 || back == last_) return std::nullopt;
  proposed_ = back;
  if (back > seen.compacted) return back;
  compacted(seen.compacted, seen.now);
  return std::nullopt;
}

void Compactor::compacted(mvcc::Revision at, TimePoint now) {
  if (!proposed_ || at < *proposed_) return;
  last_success_ = now;
  last_ = *proposed_;
  proposed_.reset();
}

}  // namespace detcd::server
