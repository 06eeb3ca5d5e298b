#include "client/connection.h"

#include <utility>

#include "apply/api_error.h"
#include "base/check.h"
#include "telemetry/trace_context.h"

namespace detcd::client {
namespace {

using apply::GrpcCode;

constexpr std::size_t kWriteBytes = 64 << 10;

http2::GrpcStatus status(GrpcCode code, std::string text) {
  return {static_cast<std::uint32_t>(code), std::move(text)};
}

}  // namespace

Connection::Connection(runtime::Scheduler& scheduler, std::unique_ptr<runtime::Stream> stream,
                       const std::string& authority)
    : scheduler_(scheduler),
      stream_(std::move(stream)),
      session_(authority),
      output_(scheduler),
      tasks_(scheduler) {
  tasks_.spawn(read());
  tasks_.spawn(write());
}

Connection::~Connection() {
  check(pending_.empty(), "a connection outlives its calls");
}

Connection::Registration::~Registration() {
  connection.pending_.erase(stream);
  if (pending.done) return;
  connection.session_.cancel(stream);
  connection.output_.wake_all();
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
    stream = session_.open(request.path, metadata, timeout_ns);
  }
  if (!stream) {
    co_return CallResult{status(GrpcCode::kUnavailable, "transport is closing"), {}, false};
  }
  session_.send_message(*stream, Bytes::adopt(std::move(request.message)));
  session_.end_request(*stream);
  Pending pending(scheduler_);
  pending_.emplace(*stream, &pending);
  const Registration registration{*this, *stream, pending};
  output_.wake_all();
  while (!pending.done) {
    const bool woken = co_await pending.ended.wait_until(request.deadline);
    if (!woken) {
      co_return CallResult{
          status(GrpcCode::kDeadlineExceeded, "context deadline exceeded"), {}, true};
    }
  }
  co_return std::move(pending.result);
}

void Connection::take_events() {
  for (http2::ClientEvent& event : session_.take_events()) {
    const http2::StreamId stream = std::visit([](const auto& e) { return e.stream; }, event);
    const auto found = pending_.find(stream);
    if (found == pending_.end()) continue;
    Pending& pending = *found->second;
    if (auto* answer = std::get_if<http2::AnswerMessage>(&event)) {
      pending.result.message = std::move(answer->message);
      pending.answered = true;
      continue;
    }
    auto& ended = std::get<http2::CallEnded>(event);
    pending.result.status = std::move(ended.status);
    pending.result.processed = ended.processed;
    if (pending.result.status.code == 0 && !pending.answered) {
      pending.result.status =
          status(GrpcCode::kInternal,
                 "cardinality violation: received no response message from non-server-streaming "
                 "RPC");
    }
    pending.done = true;
    pending.ended.wake_all();
  }
}

runtime::Task<void> Connection::read() {
  for (;;) {
    const Result<std::string_view> bytes = co_await stream_->read();
    if (!bytes || bytes->empty()) break;
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
