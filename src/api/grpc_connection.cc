#include "api/grpc_connection.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/task_group.h"

namespace detcd::api {
namespace {

// As much as one write hands to the system.
constexpr std::size_t kWriteBytes = 64 << 10;

}  // namespace

GrpcConnection::GrpcConnection(runtime::Stream& stream, const Environment& environment,
                               Drain& drain)
    : stream_(stream),
      environment_(environment),
      drain_(drain),
      session_(environment.settings.http2),
      replies_(environment.scheduler),
      calls_(session_, environment.service, environment.settings, replies_.sender()),
      last_read_(environment.scheduler.clock().boot()),
      output_(environment.scheduler),
      room_(environment.scheduler),
      times_(environment.scheduler),
      progress_(environment.scheduler),
      done_(environment.scheduler) {}

runtime::Task<void> GrpcConnection::run(std::string received) {
  take_bytes(received);
  runtime::TaskGroup tasks(environment_.scheduler);
  tasks.spawn(read());
  tasks.spawn(write());
  tasks.spawn(receive());
  tasks.spawn(keep_time());
  tasks.spawn(drain());
  while (!ended_) {
    const bool woken = co_await done_.wait();
    static_cast<void>(woken);
  }
}

void GrpcConnection::take_bytes(std::string_view bytes) {
  const bool alive = session_.feed(bytes, now());
  calls_.take_events(now());
  if (!alive) close_softly();
  changed();
}

runtime::Task<void> GrpcConnection::read() {
  for (;;) {
    // A client whose socket is full of answers it doesn't take is not asked for more requests. One
    // that takes bytes but gives no window is read on: its window updates are among what it sends.
    while (writing_ && calls_.untaken_above(environment_.settings.untaken_bytes_high)) {
      const bool woken = co_await room_.wait();
      static_cast<void>(woken);
    }
    const Result<std::string_view> bytes = co_await stream_.read();
    if (!bytes || bytes->empty()) break;
    last_read_ = now();
    asked_for_life_ = false;
    if (closing_) continue;
    take_bytes(*bytes);
  }
  end();
}

runtime::Task<void> GrpcConnection::write() {
  for (;;) {
    std::string out = session_.take_output(kWriteBytes);
    // Handing out may end streams, which is news for the calls and for a drain.
    calls_.take_events(now());
    progress_.wake_all();
    if (out.empty()) {
      if (session_.closed()) close_softly();
      if (closing_) break;
      const bool woken = co_await output_.wait();
      static_cast<void>(woken);
      continue;
    }
    writing_ = true;
    const Result<void> written = co_await stream_.write(std::move(out));
    writing_ = false;
    room_.wake_all();
    if (!written) co_return end();
  }
  // The client closes in its turn; closing at once could cost it what is still under way.
  const Result<void> said_goodbye = co_await stream_.shutdown();
  if (!said_goodbye) end();
}

runtime::Task<void> GrpcConnection::receive() {
  for (;;) {
    std::optional<server::Reply> reply = co_await replies_.receive();
    if (!reply) co_return;
    // All that came together is answered in one write.
    while (reply) {
      calls_.take_reply(*std::move(reply));
      reply = replies_.try_receive();
    }
    changed();
  }
}

TimePoint GrpcConnection::silence_deadline() const {
  const Settings& settings = environment_.settings;
  const TimePoint silent = last_read_ + settings.keepalive_interval;
  return asked_for_life_ ? silent + settings.keepalive_timeout : silent;
}

TimePoint GrpcConnection::next_due() const {
  return std::min({calls_.next_deadline(), close_deadline_, silence_deadline()});
}

runtime::Task<void> GrpcConnection::keep_time() {
  for (;;) {
    armed_ = next_due();
    const bool woken = co_await times_.wait_until(armed_);
    if (woken) continue;
    if (close_deadline_ <= now()) break;
    if (silence_deadline() <= now()) {
      if (asked_for_life_) break;
      asked_for_life_ = true;
      session_.ping();
    }
    calls_.expire(now());
    changed();
  }
  stream_.abort();
  end();
}

runtime::Task<void> GrpcConnection::drain() {
  while (!drain_.begun) {
    const bool woken = co_await drain_.changed.wait();
    static_cast<void>(woken);
  }
  const TimePoint deadline = now() + environment_.settings.drain_max;
  session_.go_away(false);
  // What the client sent before it saw the GOAWAY has arrived when this ping comes back.
  session_.ping();
  changed();
  while (session_.ping_outstanding() || session_.open_streams() > calls_.streaming()) {
    const bool woken = co_await progress_.wait_until(deadline);
    if (!woken) break;
  }
  session_.go_away(true);
  close_softly();
  changed();
}

void GrpcConnection::changed() {
  // Most requests leave nothing to write until they are answered.
  if (closing_ || session_.closed() || session_.wants_write()) output_.wake_all();
  progress_.wake_all();
  if (next_due() < armed_) times_.wake_all();
}

void GrpcConnection::close_softly() {
  if (closing_) return;
  closing_ = true;
  close_deadline_ = now() + environment_.settings.linger_max;
  if (close_deadline_ < armed_) times_.wake_all();
}

void GrpcConnection::end() {
  ended_ = true;
  done_.wake_all();
}

}  // namespace detcd::api
