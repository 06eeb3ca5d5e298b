#include "watch/hub.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace detcd::watch {
namespace {

// Records that one watcher is read past before the next one has its turn.
constexpr int kRecordsPerTurn = 4096;
// Watchers of a stream that are told together of what is new: an event of many watchers goes to
// their connection in few pieces. Who reads on from further behind has a turn of its own.
constexpr int kWatchersPerTurn = 64;
// Requests taken that are told of even when there is nothing else to say.
constexpr std::uint32_t kAcceptedMax = 32;

}  // namespace

Hub::~Hub() = default;

void Hub::open(StreamId id) {
  auto stream = std::make_unique<Stream>();
  stream->id = id;
  stream->credit_bytes = limits_.credit_bytes;
  stream->credit_responses = limits_.credit_responses;
  const bool added = streams_.emplace(id, std::move(stream)).second;
  check(added, "a stream is opened once");
}

void Hub::close(StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  found->second->control.clear();
  found->second->requests.clear();
  closed_.push_back(std::move(found->second));
  streams_.erase(found);
}

void Hub::grant(StreamId id, std::int64_t responses, std::int64_t bytes) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->credit_responses =
      std::min(limits_.credit_responses, stream->credit_responses + responses);
  stream->credit_bytes = std::min(limits_.credit_bytes, stream->credit_bytes + bytes);
  enqueue(*stream);
}

mvcc::Advance Hub::advance(const mvcc::Store& store, mvcc::Meter& meter, std::vector<Output>& out) {
  while (!meter.empty()) {
    const bool news = !found_.empty() || (head_ < store.revision() && !streams_.empty());
    if (!news && ready_.empty() && closed_.empty()) {
      if (pin_) keep(store);
      return mvcc::Done{};
    }
    // In turns, so that neither waits for the end of the other, however small the budget is.
    serving_ = ready_.empty() ? false : !news || !serving_;
    Turn turn = Turn::kGoOn;
    if (serving_) {
      const StreamId id = ready_.front();
      ready_.pop_front();
      Stream* const stream = find(id);
      if (stream != nullptr) turn = serve(*stream, store, meter, out);
    } else if (!found_.empty() && scanning_ == 0) {
      hand_out(meter);
    } else if (news) {
      turn = scan(store, meter);
    }
    if (!closed_.empty()) bury(meter);
    if (turn == Turn::kCold) return need_;
    meter.charge(1);
  }
  if (pin_) keep(store);
  return mvcc::More{};
}

Hub::Turn Hub::serve(Stream& stream, const mvcc::Store& store, mvcc::Meter& meter,
                     std::vector<Output>& out) {
  stream.ready = false;
  while (!stream.requests.empty() && stream.control.size() < limits_.control_max) {
    handle(stream, stream.requests.front(), store);
    stream.requests.pop_front();
    meter.charge(10);
  }
  answer_progress(stream);
  Output output{.stream = stream.id};
  while (!stream.control.empty() && stream.credit_responses > 0) {
    send(stream, std::move(stream.control.front()), output.responses);
    stream.control.pop_front();
    meter.charge(5);
  }
  Turn turn = Turn::kGoOn;
  for (int i = 0; i < kWatchersPerTurn && turn == Turn::kGoOn; ++i) {
    if (!stream.control.empty() || !stream.has_credit() || stream.queue.empty()) break;
    const bool catches_up = stream.queue.first()->progress != Progress::kOwed;
    turn = serve_watcher(stream, store, meter, output.responses);
    answer_progress(stream);
    if (catches_up || meter.empty()) break;
  }
  const bool more = !stream.control.empty() ? stream.credit_responses > 0
                                            : !stream.requests.empty() ||
                                                  (!stream.queue.empty() && stream.has_credit());
  if (more) enqueue(stream);
  if (!output.responses.empty() || stream.accepted >= kAcceptedMax) {
    output.accepted = std::exchange(stream.accepted, 0);
    out.push_back(std::move(output));
  }
  return turn;
}

// The first watcher of the queue gets at most one response.
Hub::Turn Hub::serve_watcher(Stream& stream, const mvcc::Store& store, mvcc::Meter& meter,
                             std::vector<Response>& responses) {
  Watcher& watcher = *stream.queue.first();
  Draft& draft = stream.draft;
  const bool waited_for = watcher.progress == Progress::kOwed;
  if (!waited_for && watcher.cursor.next.main < store.compact_revision()) {
    end_compacted(watcher, store, responses);
    return Turn::kGoOn;
  }
  const Revision limit = waited_for ? std::min(watcher.newest, head_) : head_;
  mvcc::LogCursor cursor(watcher.cursor);
  int records = 0;
  for (;;) {
    const mvcc::LogCursor::Step step = cursor.seek(store, limit, meter);
    const bool cold = step == mvcc::LogCursor::Step::kCold;
    if (cold) need_ = cursor.need();
    if (cold || step == mvcc::LogCursor::Step::kMore) {
      watcher.cursor = cursor.mark();
      return cold ? Turn::kCold : Turn::kPaused;
    }
    const bool end = step == mvcc::LogCursor::Step::kEnd;
    const bool whole = end || cursor.record().place.main != draft.at;
    if (end || (whole && (is_full(draft) || records >= kRecordsPerTurn))) {
      watcher.cursor = cursor.mark();
      if (end) watcher.cursor.next = std::max(watcher.cursor.next, mvcc::Place{head_ + 1, 0});
      send_draft(stream, store, responses);
      take_off_queue(watcher);
      if (end) {
        settle(watcher);
      } else {
        queue(watcher);
      }
      const bool passed = stream.asked.empty() || watcher.cursor.next.main > stream.asked.front();
      if (passed) no_longer_awaited(watcher);
      return Turn::kGoOn;
    }
    if (!take_record(stream, store, cursor)) {
      watcher.cursor = cursor.mark();
      return Turn::kCold;
    }
    cursor.pop();
    ++records;
    if (!meter.spend()) {
      watcher.cursor = cursor.mark();
      return Turn::kPaused;
    }
  }
}

bool Hub::is_full(const Draft& draft) const {
  return draft.bytes >= limits_.batch_bytes || draft.revisions >= limits_.batch_revisions;
}

// False: bytes are needed first, and nothing was done.
bool Hub::take_record(Stream& stream, const mvcc::Store& store, const mvcc::LogCursor& cursor) {
  const Watcher& watcher = *stream.queue.first();
  Draft& draft = stream.draft;
  const mvcc::Record& record = cursor.record();
  const Revision revision = record.place.main;
  if (watcher.range->holds(record.key) && watcher.wants(record.tombstone)) {
    Event event{.erased = record.tombstone};
    const bool was_created = !record.tombstone && record.create_revision == revision;
    const Revision kept_from = pin_ ? pin_floor_ : store.compact_revision();
    if (watcher.prev_kv && !was_created && revision - 1 >= kept_from) {
      const mvcc::Version* const before = store.live(record.key, revision - 1);
      if (before != nullptr) {
        event.prev_kv = store.read(*before);
        if (!event.prev_kv) {
          need_ = store.need(*before);
          return false;
        }
      }
    }
    const std::optional<mvcc::KeyValue> kv = store.read({.location = cursor.location()});
    check(kv.has_value(), "a record that was just looked at is in memory");
    event.kv = *kv;
    draft.bytes += bytes_of(event);
    if (draft.last_event != revision) ++draft.revisions;
    draft.last_event = revision;
    draft.events.push_back(std::move(event));
  }
  if (!draft.begun()) draft.from = revision;
  draft.at = revision;
  return true;
}

void Hub::end_compacted(Watcher& watcher, const mvcc::Store& store,
                        std::vector<Response>& responses) {
  Stream& stream = *watcher.stream;
  const Revision compacted = store.compact_revision();
  const WatchId id = watcher.id;
  detach(watcher);
  send(stream, {.id = id, .canceled = true, .compact_revision = compacted}, responses);
}

void Hub::send_draft(Stream& stream, const mvcc::Store& store, std::vector<Response>& responses) {
  Watcher& watcher = *stream.queue.first();
  Draft draft = std::exchange(stream.draft, {});
  if (draft.events.empty()) return;
  watcher.quiet = false;
  send(stream,
       {.id = watcher.id,
        .revision = store.revision(),
        .may_fragment = watcher.fragment,
        .events = std::move(draft.events)},
       responses);
}

void Hub::settle(Watcher& watcher) {
  // It was found again in the revision that is being looked at, or would miss what was seen of it.
  const bool again = watcher.progress == Progress::kOwed
                         ? watcher.newest > head_
                         : scanning_ != 0 && watcher.cursor.next.main <= scanning_;
  if (watcher.progress == Progress::kOwed) {
    watcher.stream->responses_owed -= watcher.responses_owed;
    watcher.responses_owed = again ? 1 : 0;
    watcher.stream->responses_owed += watcher.responses_owed;
  }
  if (again) {
    watcher.place = Place::kFound;
    found_.append(watcher);
    return;
  }
  if (watcher.progress == Progress::kOwed) {
    owed_.remove(watcher);
  } else {
    link(watcher);
  }
  watcher.progress = Progress::kSynced;
  watcher.future = false;
  no_longer_awaited(watcher);
}

void Hub::send(Stream& stream, Response response, std::vector<Response>& responses) {
  std::size_t bytes = kResponseBytes;
  for (const Event& event : response.events) bytes += bytes_of(event);
  stream.credit_bytes -= static_cast<std::int64_t>(bytes);
  --stream.credit_responses;
  responses.push_back(std::move(response));
}

void Hub::enqueue(Stream& stream) {
  if (stream.ready) return;
  stream.ready = true;
  ready_.push_back(stream.id);
}

void Hub::queue(Watcher& watcher) {
  watcher.place = Place::kStream;
  watcher.stream->queue.append(watcher);
  enqueue(*watcher.stream);
}

void Hub::take_off_queue(Watcher& watcher) {
  if (watcher.place == Place::kStream) watcher.stream->queue.remove(watcher);
  if (watcher.place == Place::kFound) found_.remove(watcher);
  watcher.place = Place::kNowhere;
}

// A client with many watches goes in many steps.
void Hub::bury(mvcc::Meter& meter) {
  Stream& stream = *closed_.front();
  while (!stream.watchers.empty() && meter.spend(10)) {
    const auto first = stream.watchers.begin();
    detach(*first->second);
    stream.watchers.erase(first);
    --watchers_;
  }
  if (stream.watchers.empty()) closed_.pop_front();
}

Stream* Hub::find(StreamId id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

// Everybody reads on in the new store, from where they were; who is too far behind for it learns
// that as after a compaction.
void Hub::replaced(const mvcc::Store& store) {
  pin_.reset();
  const Revision head = head_;
  for (const auto& [id, stream] : streams_) {
    // What was drafted and not sent is read again.
    if (stream->draft.begun()) stream->queue.first()->cursor.next = {stream->draft.from, 0};
    stream->draft = {};
    for (const auto& [watch, watcher] : stream->watchers) {
      const mvcc::Place next = watcher->cursor.next;
      if (watcher->progress == Progress::kEnded) continue;
      if (watcher->progress == Progress::kOwed) leave_behind(*watcher);
      if (watcher->progress == Progress::kSynced) {
        unlink(*watcher);
        watcher->progress = Progress::kBehind;
        watcher->cursor.next = std::max(next, mvcc::Place{head + 1, 0});
      }
      watcher->cursor = {.next = watcher->cursor.next};
      take_off_queue(*watcher);
      queue(*watcher);
    }
    if (!stream->asked.empty()) count_awaited(*stream);
  }
  scan_ = mvcc::LogCursor(store.revision() + 1);
  complete(std::max(head, store.revision()));
}

}  // namespace detcd::watch
