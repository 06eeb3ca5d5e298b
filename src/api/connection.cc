#include "api/connection.h"

#include <string>
#include <utility>

#include "api/grpc_connection.h"
#include "api/http_connection.h"
#include "http2/sniff.h"
#include "runtime/task_group.h"

namespace detcd::api {
namespace {

struct Beginning {
  explicit Beginning(runtime::Scheduler& scheduler) : changed(scheduler) {}
  std::string bytes;
  http2::Protocol protocol = http2::Protocol::kNeedsMore;
  bool ended = false;  // The client went before it said what it speaks.
  runtime::Signal changed;
};

runtime::Task<void> read_beginning(runtime::Stream& stream, Beginning& beginning) {
  while (beginning.protocol == http2::Protocol::kNeedsMore && !beginning.ended) {
    const Result<std::string_view> bytes = co_await stream.read();
    if (!bytes || bytes->empty()) {
      beginning.ended = true;
    } else {
      beginning.bytes += *bytes;
      beginning.protocol = http2::sniff(beginning.bytes);
    }
  }
  beginning.changed.wake_all();
}

runtime::Task<void> watch_drain(Drain& drain, Beginning& beginning) {
  while (!drain.begun) {
    const bool woken = co_await drain.changed.wait();
    static_cast<void>(woken);
  }
  beginning.ended = true;
  beginning.changed.wake_all();
}

// Waits until the protocol is known, the client is gone, a drain begins or the time is over.
runtime::Task<void> begin(runtime::Stream& stream, const Environment& environment, Drain& drain,
                          Beginning& beginning) {
  const TimePoint deadline =
      environment.scheduler.clock().boot() + environment.settings.handshake_max;
  runtime::TaskGroup tasks(environment.scheduler);
  tasks.spawn(read_beginning(stream, beginning));
  tasks.spawn(watch_drain(drain, beginning));
  while (beginning.protocol == http2::Protocol::kNeedsMore && !beginning.ended) {
    const bool woken = co_await beginning.changed.wait_until(deadline);
    if (!woken) co_return;
  }
}

}  // namespace

runtime::Task<void> serve(std::unique_ptr<runtime::Stream> stream, const Environment& environment,
                          Drain& drain) {
  Beginning beginning(environment.scheduler);
  co_await begin(*stream, environment, drain, beginning);
  switch (beginning.protocol) {
    case http2::Protocol::kNeedsMore:
      break;
    case http2::Protocol::kHttp2: {
      GrpcConnection connection(*stream, environment, drain);
      co_await connection.run(std::move(beginning.bytes));
      break;
    }
    case http2::Protocol::kHttp1: {
      HttpConnection connection(*stream, environment, drain);
      co_await connection.run(std::move(beginning.bytes));
      break;
    }
  }
}

}  // namespace detcd::api
