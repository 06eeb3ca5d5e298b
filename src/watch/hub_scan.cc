// New records, and the watchers they are for. The scan looks at each record once, whoever watches.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "watch/hub.h"

namespace detcd::watch {
namespace {

// Records in one turn of the scan.
constexpr int kSlice = 256;

}  // namespace

Hub::Turn Hub::scan(const mvcc::Store& store, mvcc::Meter& meter) {
  if (linked_ == 0) {
    skip_to_present(store);
    return Turn::kGoOn;
  }
  const Revision last = store.revision();
  for (int i = 0; i < kSlice && head_ < last; ++i) {
    const mvcc::LogCursor::Step step = scan_.seek(store, last, meter);
    if (step == mvcc::LogCursor::Step::kMore) return Turn::kPaused;
    if (step == mvcc::LogCursor::Step::kCold) {
      need_ = scan_.need();
      return Turn::kCold;
    }
    const bool end = step == mvcc::LogCursor::Step::kEnd;
    if (scanning_ != 0 && (end || scan_.record().place.main > scanning_)) {
      complete(scanning_);
      // Who was found in it is handed out before the next one begins.
      if (!found_.empty()) return Turn::kGoOn;
    }
    if (end) {
      complete(last);
      break;
    }
    scanning_ = scan_.record().place.main;
    find_watchers(meter);
    scan_.pop();
    if (!meter.spend()) return Turn::kPaused;
  }
  return Turn::kGoOn;
}

void Hub::skip_to_present(const mvcc::Store& store) {
  if (head_ >= store.revision()) return;
  scan_ = store.wrote() ? mvcc::LogCursor(store.revision() + 1) : mvcc::LogCursor::at_end(store);
  complete(store.revision());
}

void Hub::complete(Revision revision) {
  head_ = revision;
  scanning_ = 0;
  for (const StreamId id : std::exchange(await_progress_, {})) {
    Stream* const stream = find(id);
    if (stream == nullptr) continue;
    stream->awaits_progress = false;
    enqueue(*stream);
  }
}

void Hub::find_watchers(mvcc::Meter& meter) {
  const mvcc::Record& record = scan_.record();
  scanned_bytes_ += scan_.location().length;
  while (owed_.first() != nullptr &&
         scanned_bytes_ - owed_.first()->hold_bytes > limits_.owed_log_bytes_max) {
    leave_behind(*owed_.first());
  }
  ranges_.clear();
  index_.find(record.key, ranges_);
  for (Range* const range : ranges_) {
    Watcher* next = nullptr;
    for (Watcher* watcher = range->first; watcher != nullptr; watcher = next) {
      next = watcher->range_next;
      meter.charge(1);
      if (watcher->cursor.next.main > scanning_ || !watcher->wants(record.tombstone)) continue;
      found(*watcher);
    }
  }
}

void Hub::found(Watcher& watcher) {
  Stream& stream = *watcher.stream;
  if (watcher.progress == Progress::kOwed) {
    if (watcher.newest == scanning_) return;
    const std::size_t owed_max =
        std::max<std::size_t>(limits_.owed_responses_max, stream.watchers.size());
    if (stream.responses_owed >= owed_max) return leave_behind(watcher);
    watcher.newest = scanning_;
    ++watcher.responses_owed;
    ++stream.responses_owed;
    return;
  }
  watcher.progress = Progress::kOwed;
  watcher.cursor = scan_.mark();
  watcher.hold = watcher.newest = scanning_;
  watcher.hold_bytes = scanned_bytes_;
  watcher.responses_owed = 1;
  ++stream.responses_owed;
  owed_.append(watcher);
  watcher.place = Place::kFound;
  found_.append(watcher);
  if (!stream.asked.empty() && scanning_ <= stream.asked.front()) {
    watcher.awaited = true;
    ++stream.awaited;
  }
}

void Hub::leave_behind(Watcher& watcher) {
  check(watcher.progress == Progress::kOwed, "only who was waited for is left behind");
  owed_.remove(watcher);
  watcher.stream->responses_owed -= watcher.responses_owed;
  watcher.responses_owed = 0;
  unlink(watcher);
  watcher.progress = Progress::kBehind;
}

void Hub::link(Watcher& watcher) {
  RangeIndex::link(watcher);
  ++linked_;
}

void Hub::unlink(Watcher& watcher) {
  RangeIndex::unlink(watcher);
  --linked_;
}

void Hub::hand_out(mvcc::Meter& meter) {
  while (!found_.empty() && meter.spend()) {
    Watcher& watcher = *found_.first();
    take_off_queue(watcher);
    queue(watcher);
  }
}

// A pin keeps what a compaction would hide from those who had kept up: from the first revision that
// somebody is owed, or that was not looked at, and the state before it, for prev_kv. It is never
// placed before something that may have been swept: each compaction comes here first.
void Hub::keep(const mvcc::Store& store) {
  std::optional<Revision> oldest;
  if (linked_ > 0) oldest = head_ + 1;
  if (owed_.first() != nullptr) oldest = std::min(*oldest, owed_.first()->hold);
  if (!oldest || *oldest > store.compact_revision()) {
    pin_.reset();
    return;
  }
  if (pin_ && pin_floor_ >= *oldest - 1) return;
  auto pin = std::make_unique<mvcc::Pin>(store.pins(), *oldest - 1);
  pin_ = std::move(pin);
  pin_floor_ = *oldest - 1;
}

std::optional<Revision> Hub::kept() const {
  if (!pin_) return std::nullopt;
  return pin_floor_;
}

}  // namespace detcd::watch
