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

// Of a stream in both directions: requests that the node hasn't taken, above which the client may
// send but one window more, and below which it goes on.
constexpr std::uint32_t kAskedHigh = 64;
constexpr std::uint32_t kAskedLow = 32;
// Credit goes back in pieces of this size, while no more than that waits for the client.
constexpr std::int64_t kCreditResponses = 32;
constexpr std::int64_t kCreditBytes = 8 << 10;
constexpr std::size_t kQueuedLow = 16 << 10;
constexpr std::size_t kQueuedHigh = 64 << 10;

// A unary stream asks once, so its id names the call.
server::CallId call_of(http2::StreamId stream) {
  return server::CallId(stream.value());
}

TimePoint deadline_after(TimePoint now, std::int64_t timeout_ns) {
  if (Duration(timeout_ns) >= kNever - now) return kNever;
  return now + Duration(timeout_ns);
}

// As etcd finds it (ETCD.md §3.3): `token` first, and the first value that was sent.
std::optional<std::string> token_in(const http2::Headers& metadata) {
  for (const std::string_view key : {"token", "authorization"}) {
    for (const auto& [name, value] : metadata) {
      if (name != key) continue;
      constexpr std::string_view kBearer = "Bearer ";
      return value.starts_with(kBearer) ? value.substr(kBearer.size()) : value;
    }
  }
  return std::nullopt;
}

}  // namespace

Calls::Calls(http2::ServerSession& session, const server::Service& service,
             const Settings& settings, ReplySender reply)
    : session_(session), service_(service), settings_(settings), reply_(std::move(reply)) {}

Calls::~Calls() {
  for (const auto& [stream, call] : open_) {
    if (is_at_node(call)) forget(stream);
  }
}

bool Calls::is_at_node(const Call& call) {
  return call.stage == Stage::kAsked ||
         (call.stage == Stage::kStreaming && call.method->answer_stream != nullptr);
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
  call.token = token_in(event.metadata);
  const auto opened = open_.emplace(event.stream, std::move(call)).first;
  if (opened->second.method->shape == Shape::kBothWays) begin_stream(opened);
}

void Calls::take(http2::MessageReceived& event) {
  const auto call = open_.find(event.stream);
  if (call == open_.end()) return;
  if (call->second.method->shape == Shape::kBothWays) return ask_stream(call, event.message);
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
  if (call == open_.end()) return;
  if (is_at_node(call->second) && call->second.method->ends_with_requests) {
    call->second.ending = true;
    return end_when_answered(call);
  }
  if (call->second.stage != Stage::kAwaitingRequest) return;
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
  if (is_at_node(call->second)) forget(event.stream);
  close(call);
}

void Calls::take(const http2::StreamDrained& event) {
  const auto call = open_.find(event.stream);
  if (call == open_.end()) return;
  release_window(call);
  if (call->second.taken_responses > 0) return_credit(call);
}

void Calls::begin_stream(Open::iterator call) {
  call->second.stage = Stage::kStreaming;
  ++streaming_;
  if (!tell(call->first, call->second, call->second.method->open())) {
    finish(call, status_of(apply::ApiError::kStopped));
  }
}

void Calls::ask_stream(Open::iterator call, const Bytes& message) {
  Asked asked = call->second.method->ask(message, settings_.requests);
  if (const auto* refused = std::get_if<http2::GrpcStatus>(&asked)) {
    forget(call->first);
    return finish(call, *refused);
  }
  ++call->second.asked;
  // Keep-alives are answered without credit: what isn't taken is the bound.
  const bool untaken =
      call->second.method->ends_with_requests && session_.queued_bytes(call->first) > kQueuedHigh;
  const bool much = untaken || call->second.asked == kAskedHigh;
  if (much && !std::exchange(call->second.held, true)) {
    session_.hold_window(call->first, true);
  }
  // Whether there is a leader was asked when the stream began; from then on the node watches.
  call->second.require_leader = false;
  // A node that has stopped answers no more; the connection is about to end, and says so.
  const bool sent = tell(call->first, call->second, std::get<server::Request>(std::move(asked)));
  static_cast<void>(sent);
}

void Calls::take_stream_reply(Open::iterator call, server::Reply reply) {
  Call& stream = call->second;
  StreamAnswer answer = stream.method->answer_stream(reply, settings_.requests);
  if (reply.held) held_.emplace_back(call->first, std::move(reply.held));
  for (Bytes& message : answer.messages) send(call->first, std::move(message));
  if (answer.end) return finish(call, *answer.end);
  stream.asked -= std::min(stream.asked, answer.accepted);
  if (stream.ending) return end_when_answered(call);
  release_window(call);
  stream.taken_responses += answer.responses;
  stream.taken_bytes += answer.bytes;
  if (session_.queued_bytes(call->first) <= kQueuedLow) return_credit(call);
}

// A client that doesn't take what it was answered isn't asked for more either.
void Calls::release_window(Open::iterator call) {
  if (!call->second.held || call->second.asked >= kAskedLow) return;
  const bool credited = !call->second.method->ends_with_requests;
  if (!credited && session_.queued_bytes(call->first) > kQueuedLow) return;
  call->second.held = false;
  session_.hold_window(call->first, false);
}

void Calls::end_when_answered(Open::iterator call) {
  if (call->second.asked > 0) return;
  forget(call->first);
  finish(call, ok());
}

// What was handed out is as good as taken: little of it waits.
void Calls::return_credit(Open::iterator call) {
  Call& stream = call->second;
  if (stream.taken_responses < kCreditResponses && stream.taken_bytes < kCreditBytes) return;
  const bool sent = service_.node.send(server::Credit{call_of(call->first), reply_,
                                                      std::exchange(stream.taken_responses, 0),
                                                      std::exchange(stream.taken_bytes, 0)});
  static_cast<void>(sent);
}

bool Calls::tell(http2::StreamId stream, const Call& call, server::Request request) {
  return service_.node.send(server::Call{.call = call_of(stream),
                                         .trace = call.trace,
                                         .require_leader = call.require_leader,
                                         .token = call.token,
                                         .deadline = call.deadline,
                                         .request = std::move(request),
                                         .reply = reply_});
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
  if (!tell(call->first, call->second, std::get<server::Request>(std::move(asked)))) {
    return finish(call, status_of(apply::ApiError::kStopped));
  }
  if (method.answer_stream == nullptr) return;
  call->second.stage = Stage::kStreaming;
  ++streaming_;
}

void Calls::take_reply(server::Reply reply) {
  const auto call = open_.find(http2::StreamId(reply.call.value()));
  // The answer of a call that was forgotten meanwhile.
  if (call == open_.end() || !is_at_node(call->second)) return;
  if (call->second.method->answer_stream != nullptr)
    return take_stream_reply(call, std::move(reply));
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
    if (is_at_node(call->second)) forget(stream);
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
  // A stream that goes on is there once for each of its messages.
  std::ranges::sort(untaken_, IdOrder{});
  const auto again = std::ranges::unique(untaken_);
  untaken_.erase(again.begin(), again.end());
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
