#include "api/calls.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "api/errors.h"
#include "base/check.h"
#include "telemetry/trace_context.h"

namespace detcd::api {
namespace {

// What an answer costs beside its message.
constexpr std::size_t kAnswerOverheadBytes = 512;
constexpr std::size_t kRecountMin = 1024;

// A unary stream asks once, so its id names the call.
server::CallId call_of(http2::StreamId stream) {
  return server::CallId(stream.value());
}

TimePoint deadline_after(TimePoint now, std::int64_t timeout_ns) {
  if (Duration(timeout_ns) >= kNever - now) return kNever;
  return now + Duration(timeout_ns);
}

}  // namespace

Calls::Calls(http2::ServerSession& session, const server::Service& service,
             const Settings& settings, ReplySender reply)
    : session_(session), service_(service), settings_(settings), reply_(std::move(reply)) {}

Calls::~Calls() {
  for (const auto& [stream, call] : open_) {
    if (call.stage == Stage::kAsked) forget(stream);
  }
}

void Calls::take_events(TimePoint now) {
  now_ = now;
  for (http2::ServerEvent& event : session_.take_events()) {
    std::visit([this](auto& e) { take(e); }, event);
  }
  release_taken();
}

void Calls::take(const http2::StreamOpened& event) {
  if (event.method != "POST") return session_.finish(event.stream, not_a_post(event.method));
  const std::variant<const Method*, http2::GrpcStatus> found = find_method(event.path);
  if (const auto* unknown = std::get_if<http2::GrpcStatus>(&found)) {
    return session_.finish(event.stream, *unknown);
  }
  if (untaken_above(settings_.untaken_bytes_max)) {
    return session_.finish(event.stream, status_of(apply::ApiError::kTooManyRequests));
  }
  Call call;
  call.method = std::get<const Method*>(found);
  if (event.timeout_ns) {
    call.deadline = deadline_after(now_, *event.timeout_ns);
    if (call.deadline != kNever) deadlines_.emplace(call.deadline, event.stream.value());
  }
  for (const auto& [name, value] : event.metadata) {
    if (name == telemetry::kTraceParent) call.trace = telemetry::parse_traceparent(value);
    if (name == "hasleader" && value == "true") call.require_leader = true;
  }
  open_.emplace(event.stream, std::move(call));
}

void Calls::take(http2::MessageReceived& event) {
  const auto call = open_.find(event.stream);
  if (call == open_.end()) return;
  const bool again = std::exchange(call->second.requested, true);
  if (call->second.method->shape == Shape::kUnary) {
    // grpc-go never reads a second message of a unary call.
    if (!again) ask(call, event.message);
    return;
  }
  if (again) return finish(call, several_requests_streaming());
  call->second.request = std::move(event.message);
}

void Calls::take(const http2::RequestEnded& event) {
  const auto call = open_.find(event.stream);
  if (call == open_.end() || call->second.stage != Stage::kAwaitingRequest) return;
  const bool unary = call->second.method->shape == Shape::kUnary;
  if (!call->second.requested) {
    return finish(call, unary ? no_request_unary() : no_request_streaming());
  }
  const Bytes request = std::exchange(call->second.request, {});
  ask(call, request);
}

void Calls::take(const http2::StreamReset& event) {
  const auto call = open_.find(event.stream);
  if (call == open_.end()) return;
  if (call->second.stage == Stage::kAsked) forget(event.stream);
  close(call);
}

void Calls::ask(Open::iterator call, const Bytes& message) {
  const Method& method = *call->second.method;
  Asked asked = method.ask(message, settings_.requests);
  if (const auto* refused = std::get_if<http2::GrpcStatus>(&asked)) return finish(call, *refused);
  if (auto* answer = std::get_if<Bytes>(&asked)) {
    send(call->first, std::move(*answer));
    if (method.shape == Shape::kUnary) return finish(call, ok());
    call->second.stage = Stage::kStreaming;
    ++streaming_;
    return;
  }
  call->second.stage = Stage::kAsked;
  const bool sent =
      service_.node.send(server::Call{.call = call_of(call->first),
                                      .trace = call->second.trace,
                                      .require_leader = call->second.require_leader,
                                      .deadline = call->second.deadline,
                                      .request = std::get<server::Request>(std::move(asked)),
                                      .reply = reply_});
  if (!sent) finish(call, status_of(apply::ApiError::kStopped));
}

void Calls::take_reply(server::Reply reply) {
  const auto call = open_.find(http2::StreamId(reply.call.value()));
  // The answer of a call that was forgotten meanwhile.
  if (call == open_.end() || call->second.stage != Stage::kAsked) return;
  Answered answered = call->second.method->answer(reply);
  if (auto* message = std::get_if<Bytes>(&answered)) {
    if (reply.held) held_.emplace_back(call->first, std::move(reply.held));
    send(call->first, std::move(*message));
    return finish(call, ok());
  }
  finish(call, std::get<http2::GrpcStatus>(answered));
}

// Few are held at once: the node makes no more before these are gone.
void Calls::release_taken() {
  std::erase_if(held_, [this](const auto& held) { return session_.queued_bytes(held.first) == 0; });
}

void Calls::expire(TimePoint now) {
  now_ = now;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const http2::StreamId stream(deadlines_.begin()->second);
    const auto call = open_.find(stream);
    check(call != open_.end(), "a deadline belongs to an open call");
    if (call->second.stage == Stage::kAsked) forget(stream);
    finish(call, deadline_exceeded());
  }
}

TimePoint Calls::next_deadline() const {
  return deadlines_.empty() ? kNever : deadlines_.begin()->first;
}

bool Calls::untaken_above(std::size_t bound) {
  if (untaken_bytes_ > bound) recount();
  return untaken_bytes_ > bound;
}

void Calls::recount() {
  untaken_bytes_ = 0;
  std::erase_if(untaken_, [this](http2::StreamId stream) {
    const std::size_t queued = session_.queued_bytes(stream);
    if (queued > 0) untaken_bytes_ += queued + kAnswerOverheadBytes;
    return queued == 0;
  });
  recount_at_ = std::max(kRecountMin, 2 * untaken_.size());
}

void Calls::send(http2::StreamId stream, Bytes message) {
  // Each recount is paid for by as many answers as it looks at.
  if (untaken_.size() >= recount_at_) recount();
  untaken_bytes_ += message.size() + kAnswerOverheadBytes;
  untaken_.push_back(stream);
  session_.send_message(stream, std::move(message));
}

void Calls::finish(Open::iterator call, const http2::GrpcStatus& status) {
  session_.finish(call->first, status);
  close(call);
}

void Calls::forget(http2::StreamId stream) {
  // A node that is gone has nothing to forget.
  const bool sent = service_.node.send(server::Forget{call_of(stream), reply_});
  static_cast<void>(sent);
}

void Calls::close(Open::iterator call) {
  if (call->second.deadline != kNever) {
    deadlines_.erase({call->second.deadline, call->first.value()});
  }
  if (call->second.stage == Stage::kStreaming) --streaming_;
  open_.erase(call);
}

}  // namespace detcd::api
