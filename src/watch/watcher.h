// One watch, and the lists it is on. A watcher that has been told of everything holds no place in
// the log: the scan of new records finds it by its range. One that is behind is a cursor into the
// log, whether it was left behind by a slow client or began in the past.
#pragma once

#include <cstdint>

#include "mvcc/log_cursor.h"
#include "watch/range_index.h"
#include "watch/types.h"

namespace detcd::watch {

struct Stream;

struct Links {
  Watcher* previous = nullptr;
  Watcher* next = nullptr;
};

enum class Place : std::uint8_t {
  kNowhere,
  kStream,  // To be served, in its stream's queue.
  kFound,   // Found in the revision that is being scanned.
};

enum class Progress : std::uint8_t {
  kSynced,  // Told of all that was scanned. `cursor` is the first revision it wants.
  kOwed,    // Something since `hold` awaits it, which compaction leaves until it has it.
  kBehind,  // From `cursor` on; a compaction may overtake it.
  kEnded,   // Canceled by a compaction; only its id is still taken.
};

struct Watcher {
  WatchId id = 0;
  Stream* stream = nullptr;
  Range* range = nullptr;
  Watcher* range_previous = nullptr;
  Watcher* range_next = nullptr;
  Links queue;  // Where `place` says.
  Links owed;   // Of all that are kOwed, in the order of `hold`.
  mvcc::LogCursor::Mark cursor;
  Revision hold = 0;
  std::uint64_t hold_bytes = 0;  // Where the scan was then, counted in bytes.
  Revision newest = 0;           // Of kOwed: the last revision with something for it.
  std::uint32_t responses_owed = 0;
  Progress progress = Progress::kSynced;
  Place place = Place::kNowhere;
  bool no_put : 1 = false;
  bool no_delete : 1 = false;
  bool prev_kv : 1 = false;
  bool fragment : 1 = false;
  bool progress_notify : 1 = false;
  bool quiet : 1 = true;     // Nothing was sent since the last tick of progress.
  bool future : 1 = false;   // It starts above what there was when it was made.
  bool awaited : 1 = false;  // An answer to a progress request waits for it.

  [[nodiscard]] bool wants(bool erased) const { return erased ? !no_delete : !no_put; }
};

// A list of watchers by one of their links.
template <Links Watcher::* kLinks>
class List {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] Watcher* first() const { return first_; }
  void append(Watcher& watcher) {
    (watcher.*kLinks) = {last_, nullptr};
    (last_ != nullptr ? (last_->*kLinks).next : first_) = &watcher;
    last_ = &watcher;
  }
  void remove(Watcher& watcher) {
    const Links links = watcher.*kLinks;
    (links.previous != nullptr ? (links.previous->*kLinks).next : first_) = links.next;
    (links.next != nullptr ? (links.next->*kLinks).previous : last_) = links.previous;
    (watcher.*kLinks) = {};
  }

 private:
  Watcher* first_ = nullptr;
  Watcher* last_ = nullptr;
};
using Queue = List<&Watcher::queue>;
using OwedList = List<&Watcher::owed>;

}  // namespace detcd::watch
