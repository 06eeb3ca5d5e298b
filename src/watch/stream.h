// What the hub keeps of one client's stream: its watches, what waits to be sent, and how much the
// client may still be sent. Bounded: requests that can't be answered yet are not taken from the
// client, and what can't be sent yet stays in the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include <absl/container/btree_map.h>

#include "watch/types.h"
#include "watch/watcher.h"

namespace detcd::watch {

// A response in the making, for the first watcher of the queue: a revision with many events takes
// more than one step. It is sent only at the end of a revision.
struct Draft {
  std::vector<Event> events;
  std::size_t bytes = 0;
  std::uint32_t revisions = 0;
  Revision from = 0;        // The first revision that was looked at.
  Revision at = 0;          // The last one.
  Revision last_event = 0;  // The last one with an event.
  [[nodiscard]] bool begun() const { return at != 0; }
};

struct Stream {
  StreamId id;
  absl::btree_map<WatchId, std::unique_ptr<Watcher>> watchers;
  std::size_t live = 0;  // Those that aren't kEnded.
  WatchId next_id = 0;

  std::deque<Request> requests;  // While `control` is full.
  std::uint32_t accepted = 0;    // Requests that were taken, and not yet said so.
  std::deque<Response> control;  // Goes out before events.
  Queue queue;
  Draft draft;
  std::uint32_t responses_owed = 0;

  std::deque<Revision> asked;  // Progress, at these revisions.
  std::size_t awaited = 0;     // Watchers that have not passed the first of them.

  std::int64_t credit_bytes = 0;
  std::int64_t credit_responses = 0;
  bool ready = false;            // Among those to be served.
  bool awaits_progress = false;  // Among those to be looked at when more was scanned.

  [[nodiscard]] bool has_credit() const { return credit_bytes > 0 && credit_responses > 0; }
};

}  // namespace detcd::watch
