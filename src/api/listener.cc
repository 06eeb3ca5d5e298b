#include "api/listener.h"

#include <algorithm>
#include <utility>

#include "api/connection.h"

namespace detcd::api {
namespace {

// As Go's net/http server waits after an error of accept.
constexpr Duration kBackoffMin = 5ms;
constexpr Duration kBackoffMax = 1s;

}  // namespace

Listener::Listener(Environment environment, std::unique_ptr<runtime::Listener> listener)
    : environment_(std::move(environment)),
      listener_(std::move(listener)),
      drain_(environment_.scheduler),
      ended_(environment_.scheduler),
      connections_(environment_.scheduler),
      accepting_(environment_.scheduler) {}

Listener::~Listener() = default;

void Listener::start() {
  accepting_.spawn(accept());
}

runtime::Task<void> Listener::accept() {
  Duration backoff{};
  for (;;) {
    while (count_ >= environment_.settings.connections_max) {
      const bool woken = co_await ended_.wait();
      static_cast<void>(woken);
    }
    Result<std::unique_ptr<runtime::Stream>> accepted = co_await listener_->accept();
    if (drain_.begun || (!accepted && accepted.error().code == Errc::kClosed)) co_return;
    if (!accepted) {
      backoff = std::clamp(backoff * 2, kBackoffMin, kBackoffMax);
      environment_.log.warn(
          "a client's connection couldn't be accepted",
          {{"error", accepted.error().message}, {"retry-after-ms", std::int64_t{backoff / 1ms}}});
      co_await runtime::sleep_for(environment_.scheduler, backoff);
      continue;
    }
    backoff = {};
    ++count_;
    connections_.spawn(connection(*std::move(accepted)));
  }
}

runtime::Task<void> Listener::connection(std::unique_ptr<runtime::Stream> stream) {
  co_await serve(std::move(stream), environment_, drain_);
  --count_;
  ended_.wake_all();
}

runtime::Task<void> Listener::shutdown() {
  drain_.begin();
  listener_->close();
  const Settings& settings = environment_.settings;
  const TimePoint deadline =
      environment_.scheduler.clock().boot() + settings.drain_max + settings.linger_max;
  while (count_ > 0) {
    const bool woken = co_await ended_.wait_until(deadline);
    if (!woken) break;
  }
  accepting_.cancel();
  connections_.cancel();
  count_ = 0;
}

}  // namespace detcd::api
