#include "client/connection.h"

#include <algorithm>
#include <utility>

#include "apply/api_error.h"
#include "base/check.h"
#include "client/stream_call.h"
#include "runtime/wait.h"
#include "telemetry/trace_context.h"

namespace detcd::client {
namespace {

using apply::GrpcCode;

constexpr std::size_t kWriteBytes = 64 << 10;

http2::GrpcStatus status(GrpcCode code, std::string text) {
  return {static_cast<std::uint32_t>(code), std::move(text)};
}

}  // namespace

// Takes the call off the connection however it ends.
class Connection::Unary final : public CallEnd {
 public:
  Unary(Connection& connection, http2::StreamId stream)
      : connection_(connection), stream_(stream), ended_(connection.scheduler_) {
    connection_.calls_.emplace(stream_, this);
  }
  Unary(const Unary&) = delete;
  Unary& operator=(const Unary&) = delete;
  ~Unary() override { connection_.leave(stream_, !done_); }

  void take(Bytes message) override {
    result_.message = std::move(message);
    answered_ = true;
  }
  void end(http2::CallEnded ended) override {
    result_.status = std::move(ended.status);
    result_.processed = ended.processed;
    if (result_.status.code == 0 && !answered_) {
      result_.status =
          status(GrpcCode::kInternal,
                 "cardinality violation: received no response message from non-server-streaming "
                 "RPC");
    }
    done_ = true;
    ended_.wake_all();
  }
  runtime::Task<CallResult> wait(TimePoint deadline) {
    while (!done_) {
      const bool woken = co_await ended_.wait_until(deadline);
      if (!woken) {
        co_return CallResult{
            status(GrpcCode::kDeadlineExceeded, "context deadline exceeded"), {}, true};
      }
    }
    co_return std::move(result_);
  }

 private:
  Connection& connection_;
  http2::StreamId stream_;
  CallResult result_;
  bool answered_ = false;  // The message has come.
  bool done_ = false;
  runtime::Signal ended_;
};

Connection::Connection(runtime::Scheduler& scheduler, std::unique_ptr<runtime::Stream> stream,
                       const ConnectionOptions& options)
    : scheduler_(scheduler),
      stream_(std::move(stream)),
      session_(options.authority, options.stream_window_bytes),
      last_read_(scheduler.clock().boot()),
      output_(scheduler),
      tasks_(scheduler) {
  tasks_.spawn(read());
  tasks_.spawn(write());
  if (options.keepalive_interval != Duration::max()) {
    tasks_.spawn(keep_alive(options.keepalive_interval, options.keepalive_timeout));
  }
}

Connection::~Connection() {
  check(calls_.empty(), "a connection outlives its calls");
}

void Connection::leave(http2::StreamId stream, bool cancel) {
  calls_.erase(stream);
  if (!cancel) return;
  session_.cancel(stream);
  output_.wake_all();
}

runtime::Task<CallResult> Connection::call(UnaryCall request) {
  const TimePoint now = scheduler_.clock().boot();
  if (request.deadline <= now) {
    co_return CallResult{
        status(GrpcCode::kDeadlineExceeded, "context deadline exceeded"), {}, false};
  }
  std::optional<http2::StreamId> stream;
  if (usable()) {
    std::optional<std::int64_t> timeout_ns;
    if (request.deadline != kNever) timeout_ns = (request.deadline - now).count();
    http2::Headers metadata;
    if (request.trace != 0) {
      metadata.emplace_back(telemetry::kTraceParent, telemetry::format_traceparent(request.trace));
    }
    if (!request.token.empty()) metadata.emplace_back("token", request.token);
    stream = session_.open(request.path, metadata, timeout_ns);
  }
  if (!stream) {
    co_return CallResult{status(GrpcCode::kUnavailable, "transport is closing"), {}, false};
  }
  session_.send_message(*stream, Bytes::adopt(std::move(request.message)));
  session_.end_request(*stream);
  Unary call(*this, *stream);
  output_.wake_all();
  co_return co_await call.wait(request.deadline);
}

std::unique_ptr<StreamCall> Connection::open_stream(const std::string& path,
                                                    const http2::Headers& metadata) {
  if (!usable()) return nullptr;
  const std::optional<http2::StreamId> stream = session_.open(path, metadata, std::nullopt);
  if (!stream) return nullptr;
  auto call = std::make_unique<StreamCall>(*this, *stream);
  output_.wake_all();
  return call;
}

void Connection::take_events() {
  for (http2::ClientEvent& event : session_.take_events()) {
    const http2::StreamId stream = std::visit([](const auto& e) { return e.stream; }, event);
    const auto found = calls_.find(stream);
    if (found == calls_.end()) continue;
    if (auto* answer = std::get_if<http2::AnswerMessage>(&event)) {
      found->second->take(std::move(answer->message));
    } else {
      found->second->end(std::get<http2::CallEnded>(std::move(event)));
    }
  }
}

runtime::Task<void> Connection::keep_alive(Duration interval, Duration timeout) {
  while (!lost_) {
    co_await runtime::sleep_until(scheduler_, last_read_ + interval);
    const TimePoint asked = scheduler_.clock().boot();
    if (calls_.empty()) {
      last_read_ = std::max(last_read_, asked);
      continue;
    }
    if (last_read_ + interval > asked) continue;
    session_.ping();
    output_.wake_all();
    co_await runtime::sleep_for(scheduler_, timeout);
    if (last_read_ < asked) lose();
  }
}

runtime::Task<void> Connection::read() {
  for (;;) {
    const Result<std::string_view> bytes = co_await stream_->read();
    if (!bytes || bytes->empty()) break;
    last_read_ = scheduler_.clock().boot();
    const bool alive = session_.feed(*bytes);
    take_events();
    output_.wake_all();
    if (!alive) break;
  }
  lose();
}

runtime::Task<void> Connection::write() {
  while (!lost_) {
    std::string out = session_.take_output(kWriteBytes);
    take_events();
    if (out.empty()) {
      const bool woken = co_await output_.wait();
      static_cast<void>(woken);
      continue;
    }
    const Result<void> written = co_await stream_->write(std::move(out));
    if (!written) lose();
    for (const auto& [stream, call] : calls_) call->moved();
  }
}

void Connection::lose() {
  if (lost_) return;
  lost_ = true;
  session_.connection_lost();
  take_events();
  stream_->abort();
}

}  // namespace detcd::client
