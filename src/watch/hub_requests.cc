// What clients ask on their streams (ETCD.md §2.7, Create, Progress and Cancel).
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "watch/hub.h"

namespace detcd::watch {
namespace {

// etcd's words, byte for byte.
constexpr const char* kCompacted = "etcdserver: mvcc: required revision has been compacted";
constexpr const char* kEmptyRange = "mvcc: watcher range is empty";
constexpr const char* kDuplicateId = "mvcc: duplicate watch ID provided on the WatchStream";

// The smallest key; as the end of a range, none.
constexpr std::string_view kOpenEnd("\0", 1);

// Requests for progress that wait; one more only makes the last of them ask for more.
constexpr std::size_t kAskedMax = 128;

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

bool is_empty_range(const Create& request) {
  const bool open = request.range_end == std::string_view("\0", 1);
  return !request.range_end.empty() && !open && request.key >= request.range_end;
}

Response refused(const char* reason, Revision revision) {
  return {.id = kNoWatch,
          .revision = revision,
          .created = true,
          .canceled = true,
          .cancel_reason = reason};
}

}  // namespace

void Hub::ask(StreamId id, Request request, const mvcc::Store& store) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  if (!stream->requests.empty() || stream->control.size() >= limits_.control_max) {
    stream->requests.push_back(std::move(request));
  } else {
    handle(*stream, request, store);
  }
  enqueue(*stream);
}

void Hub::handle(Stream& stream, const Request& request, const mvcc::Store& store) {
  ++stream.accepted;
  std::visit(Overload{
                 [&](const Create& asked) {
                   Create create_request = asked;
                   // The smallest key there can be.
                   if (create_request.key.empty()) create_request.key.push_back('\0');
                   create(stream, create_request, store);
                 },
                 [&](const Cancel& asked) { cancel(stream, asked.id, store); },
                 [&](AskProgress) { ask_progress(stream, store); },
                 [](Nothing) {},
             },
             request);
}

void Hub::create(Stream& stream, const Create& request, const mvcc::Store& store) {
  const auto refuse = [&](const char* reason) {
    stream.control.push_back(refused(reason, store.revision()));
  };
  if (request.refused != nullptr) return refuse(request.refused);
  if (request.start_revision < 0) return refuse(kCompacted);
  if (is_empty_range(request)) return refuse(kEmptyRange);
  WatchId id = request.id;
  if (id == 0) {
    while (stream.watchers.contains(stream.next_id)) ++stream.next_id;
    id = stream.next_id++;
  } else if (stream.watchers.contains(id)) {
    return refuse(kDuplicateId);
  }
  stream.control.push_back({.id = id, .revision = store.revision(), .created = true});
  add(stream, id, request, store);
}

void Hub::add(Stream& stream, WatchId id, const Create& request, const mvcc::Store& store) {
  // Nobody looks: what was written meanwhile is of no interest.
  if (linked_ == 0) skip_to_present(store);
  auto watcher = std::make_unique<Watcher>();
  Watcher& added = *watcher;
  stream.watchers.emplace(id, std::move(watcher));
  ++stream.live;
  ++watchers_;
  added.id = id;
  added.stream = &stream;
  added.range = &index_.acquire(request.key, request.range_end);
  added.no_put = request.no_put;
  added.no_delete = request.no_delete;
  added.prev_kv = request.prev_kv;
  added.fragment = request.fragment;
  added.progress_notify = request.progress_notify;
  added.future = request.start_revision > store.revision();
  const bool past = request.start_revision > 0 && !added.future;
  added.cursor.next.main =
      past ? request.start_revision : std::max(request.start_revision, store.revision() + 1);
  if (past) {
    added.progress = Progress::kBehind;
    added.awaited = !stream.asked.empty() && added.cursor.next.main <= stream.asked.front();
    if (added.awaited) ++stream.awaited;
    queue(added);
  } else {
    link(added);
  }
}

void Hub::revoke(StreamId id, const Permitted& permitted, const char* reason,
                 const mvcc::Store& store) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  std::vector<WatchId> forbidden;
  for (const auto& [watch, watcher] : stream->watchers) {
    if (watcher->range == nullptr) continue;
    const Range& range = *watcher->range;
    std::string_view end = range.end;
    if (range.kind == Range::Kind::kKey) end = {};
    if (range.kind == Range::Kind::kOpen) end = kOpenEnd;
    if (!permitted(range.begin, end)) forbidden.push_back(watch);
  }
  for (const WatchId watch : forbidden) end_forbidden(*stream, watch, reason, store);
  for (Request& waiting : stream->requests) {
    auto* const asked = std::get_if<Create>(&waiting);
    if (asked == nullptr || asked->refused != nullptr) continue;
    const std::string_view key = asked->key.empty() ? kOpenEnd : std::string_view(asked->key);
    if (!permitted(key, asked->range_end)) asked->refused = reason;
  }
  if (!forbidden.empty()) enqueue(*stream);
}

void Hub::end_forbidden(Stream& stream, WatchId id, const char* reason, const mvcc::Store& store) {
  const auto found = stream.watchers.find(id);
  detach(*found->second);
  stream.watchers.erase(found);
  --watchers_;
  stream.control.push_back(
      {.id = id, .revision = store.revision(), .canceled = true, .cancel_reason = reason});
}

// A watch that a compaction ended still has its id, as in etcd: to cancel it is answered.
void Hub::cancel(Stream& stream, WatchId id, const mvcc::Store& store) {
  const auto found = stream.watchers.find(id);
  if (found == stream.watchers.end()) return;
  detach(*found->second);
  stream.watchers.erase(found);
  --watchers_;
  stream.control.push_back({.id = id, .revision = store.revision(), .canceled = true});
}

void Hub::detach(Watcher& watcher) {
  if (watcher.progress == Progress::kEnded) return;
  Stream& stream = *watcher.stream;
  if (watcher.place == Place::kStream && stream.queue.first() == &watcher) stream.draft = {};
  take_off_queue(watcher);
  if (watcher.progress == Progress::kOwed) leave_behind(watcher);
  if (watcher.progress == Progress::kSynced) unlink(watcher);
  index_.release(*watcher.range);
  watcher.range = nullptr;
  watcher.progress = Progress::kEnded;
  --stream.live;
  no_longer_awaited(watcher);
}

// Without watchers, or when one of them starts above what there is, etcd doesn't answer.
void Hub::ask_progress(Stream& stream, const mvcc::Store& store) {
  if (stream.live == 0) return;
  for (const auto& [id, watcher] : stream.watchers) {
    const bool starts_later = watcher->future && watcher->progress == Progress::kSynced &&
                              watcher->cursor.next.main > store.revision();
    if (starts_later) return;
  }
  if (stream.asked.size() >= kAskedMax) {
    stream.asked.back() = store.revision();
  } else {
    stream.asked.push_back(store.revision());
  }
  if (stream.asked.size() == 1) count_awaited(stream);
}

// A watcher in whose draft there is something has passed nothing before it is sent.
void Hub::count_awaited(Stream& stream) {
  stream.awaited = 0;
  for (const auto& [id, watcher] : stream.watchers) {
    const bool lags =
        watcher->progress == Progress::kOwed || watcher->progress == Progress::kBehind;
    const bool drafted = stream.draft.begun() && stream.queue.first() == watcher.get();
    watcher->awaited = lags && (drafted || watcher->cursor.next.main <= stream.asked.front());
    if (watcher->awaited) ++stream.awaited;
  }
}

void Hub::no_longer_awaited(Watcher& watcher) {
  if (!watcher.awaited) return;
  watcher.awaited = false;
  --watcher.stream->awaited;
}

void Hub::answer_progress(Stream& stream) {
  while (!stream.asked.empty()) {
    const Revision revision = stream.asked.front();
    if (head_ < revision || stream.awaited > 0) break;
    stream.control.push_back({.id = kNoWatch, .revision = revision});
    stream.asked.pop_front();
    if (!stream.asked.empty()) count_awaited(stream);
  }
  if (!stream.asked.empty() && !stream.awaits_progress) {
    stream.awaits_progress = true;
    await_progress_.push_back(stream.id);
  }
}

// What the client hasn't taken of the last interval's is as good as what this one's would be.
void Hub::tick(StreamId id) {
  Stream* const stream = find(id);
  if (stream == nullptr || !stream->control.empty()) return;
  for (const auto& [watch, watcher] : stream->watchers) {
    if (!watcher->progress_notify) continue;
    const bool begun = !watcher->future || watcher->cursor.next.main <= head_;
    if (watcher->quiet && watcher->progress == Progress::kSynced && begun) {
      stream->control.push_back({.id = watch, .revision = head_});
    }
    watcher->quiet = true;
  }
  if (!stream->control.empty()) enqueue(*stream);
}

}  // namespace detcd::watch
