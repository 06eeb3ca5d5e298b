#include "bench/watchers.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "bench/operations.h"
#include "bench/paced.h"
#include "wire/field.h"
#include "wire/watch_codec.h"

namespace detcd::bench {

Watchers::Watchers(runtime::World world, Watching watching)
    : world_(world),
      watching_(std::move(watching)),
      changed_(world.scheduler),
      readers_(world.scheduler) {
  for (std::size_t i = 0; i < watching_.streams; ++i) {
    streams_.push_back(std::make_unique<Stream>(std::make_unique<client::Client>(
        world.scheduler, world.network, world.random, one_endpoint(watching_.endpoint))));
    streams_.back()->first = i * watching_.per_stream;
    streams_.back()->seen.assign(watching_.per_stream, 0);
  }
}

Watchers::~Watchers() {
  readers_.cancel();
}

runtime::Task<Result<void>> Watchers::open(Stream& stream) {
  std::string path = "/etcdserverpb.Watch/Watch";
  http2::Headers metadata;
  Result<std::unique_ptr<client::StreamCall>> opened =
      co_await stream.client->open_stream(std::move(path), std::move(metadata));
  if (!opened) co_return opened.error();
  stream.call = *std::move(opened);
  readers_.spawn(read(stream));
  co_return Result<void>();
}

runtime::Task<Result<void>> Watchers::create(std::size_t per_stream) {
  for (const std::unique_ptr<Stream>& stream : streams_) {
    if (stream->call == nullptr) {
      const Result<void> opened = co_await open(*stream);
      if (!opened) co_return opened.error();
    }
    const std::size_t there = stream->created;
    for (std::size_t i = there; i < per_stream && !error_; ++i) {
      watch::Create create;
      create.id = static_cast<watch::WatchId>(i + 1);
      create.key =
          watching_.own_keys ? key_name(watching_.prefix, stream->first + i) : watching_.prefix;
      if (!watching_.own_keys) create.range_end = watching_.prefix + "~";
      std::string message = wire::serialize(watch::Request(std::move(create)));
      const bool sent = co_await stream->call->send(std::move(message));
      if (!sent) co_return Error{Errc::kUnavailable, "a stream of watches ended"};
    }
    while (stream->created < per_stream && !error_) {
      const bool woken = co_await changed_.wait();
      static_cast<void>(woken);
    }
    if (error_) co_return *error_;
  }
  co_return Result<void>();
}

runtime::Task<Result<void>> Watchers::wait_for_events(std::uint64_t events, TimePoint deadline) {
  while (events_ < events && !error_) {
    const bool woken = co_await changed_.wait_until(deadline);
    if (!woken) {
      co_return Error{Errc::kTimedOut, "only " + std::to_string(events_) + " of " +
                                           std::to_string(events) + " events came"};
    }
  }
  if (error_) co_return *error_;
  if (events_ > events) co_return Error{Errc::kInternal, "more events came than there were"};
  co_return Result<void>();
}

runtime::Task<void> Watchers::read(Stream& stream) {
  for (;;) {
    const std::optional<Bytes> message = co_await stream.call->receive();
    std::optional<std::string> wrong = "a stream of watches ended";
    if (message) wrong = take(stream, message->view());
    if (wrong && !error_) error_ = Error{Errc::kInternal, *wrong};
    changed_.wake_all();
    if (wrong) co_return;
  }
}

// What one put tells a thousand watchers is parsed once: to parse it each time would take the
// client longer than the server needs to send it.
bool Watchers::take_known(Stream& stream, std::string_view message, TimePoint now) {
  wire::FieldReader reader(message);
  wire::Field field;
  watch::WatchId id = 0;
  std::size_t events = 0;
  while (reader.next(field)) {
    if (field.is_varint(2)) {
      id = static_cast<watch::WatchId>(field.varint);
    } else if (field.is_bytes(11)) {
      if (field.bytes != known_.bytes) return false;
      ++events;
    } else if (!field.is_bytes(1)) {
      return false;
    }
  }
  const auto place = static_cast<std::size_t>(id - 1);
  if (!reader.ok() || events != 1 || id < 1 || place >= stream.seen.size()) return false;
  if (known_.revision <= stream.seen[place]) return false;
  stream.seen[place] = known_.revision;
  ++events_;
  latency_ns_.add(static_cast<std::uint64_t>((now - known_.due).count()));
  return true;
}

std::optional<std::string> Watchers::take(Stream& stream, std::string_view message) {
  const TimePoint now = world_.clock.boot();
  if (!watching_.own_keys && take_known(stream, message, now)) return std::nullopt;
  const Result<wire::WatchAnswer> answer = wire::parse_watch_response(message);
  if (!answer) return answer.error().message;
  if (answer->canceled) return "a watch was canceled: " + answer->cancel_reason;
  if (answer->id < 1 || static_cast<std::size_t>(answer->id) > stream.seen.size()) {
    return "an answer for a watch that isn't there";
  }
  const auto place = static_cast<std::size_t>(answer->id - 1);
  if (answer->created) {
    ++stream.created;
    return std::nullopt;
  }
  for (const watch::Event& event : answer->events) {
    if (event.erased) return "an event of nothing that was done";
    if (event.kv.mod_revision <= stream.seen[place]) return "an event out of its order";
    stream.seen[place] = event.kv.mod_revision;
    ++events_;
    if (const std::optional<std::string> wrong = look_at(event, stream.first + place)) return wrong;
    if (watching_.own_keys) continue;
    known_.due = read_stamp(event.kv.value.view())->due;
    latency_ns_.add(static_cast<std::uint64_t>((now - known_.due).count()));
    known_.revision = event.kv.mod_revision;
  }
  remember(message);
  return std::nullopt;
}

std::optional<std::string> Watchers::look_at(const watch::Event& event, std::size_t watcher) const {
  if (!watching_.own_keys) {
    if (read_stamp(event.kv.value.view())) return std::nullopt;
    return "an event with a wrong value";
  }
  if (event.kv.key.view() == key_name(watching_.prefix, watcher) &&
      event.kv.value.view() == value_of(watcher, watching_.value_bytes)) {
    return std::nullopt;
  }
  return "a wrong event for watcher " + std::to_string(watcher);
}

// Of the last event of a message that was found right.
void Watchers::remember(std::string_view message) {
  wire::FieldReader reader(message);
  wire::Field field;
  while (reader.next(field)) {
    if (field.is_bytes(11)) known_.bytes = field.bytes;
  }
}

}  // namespace detcd::bench
