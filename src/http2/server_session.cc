#include "http2/server_session.h"

#include <algorithm>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "http2/server_state.h"

namespace detcd::http2 {
namespace {

constexpr std::size_t kSpareStreamsMax = 64;
// Room that is made at once, for what most reads and writes of a client with one call are.
constexpr std::size_t kEventsOfARequest = 4;
constexpr std::size_t kSmallAnswerBytes = 256;
constexpr std::uint32_t kInternal = 13;
constexpr std::string_view kTooManyPings = "too_many_pings";

}  // namespace

ServerStream* ServerSession::State::acquire(std::int32_t id) {
  if (spare.empty()) spare.push_back(std::make_unique<ServerStream>());
  std::unique_ptr<ServerStream> stream = std::move(spare.back());
  spare.pop_back();
  stream->begin(id);
  stream->place = streams.size();
  streams.push_back(std::move(stream));
  return streams.back().get();
}

void ServerSession::State::release(ServerStream& stream) {
  const std::size_t place = stream.place;
  std::unique_ptr<ServerStream> owned = std::move(streams[place]);
  if (place + 1 != streams.size()) {
    streams[place] = std::move(streams.back());
    streams[place]->place = place;
  }
  streams.pop_back();
  owned->head.clear();
  owned->input.clear();
  owned->output.clear();
  if (spare.size() < kSpareStreamsMax) spare.push_back(std::move(owned));
}

void ServerSession::State::request_headers_complete(ServerStream& stream) {
  // As grpc-go answers a header list that its framer truncated.
  if (stream.head.header_bytes > limits.header_bytes_max) {
    stream.finished = true;
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_FRAME_SIZE_ERROR);
    return;
  }
  if (!stream.head.rules.hold()) {
    stream.finished = true;
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_PROTOCOL_ERROR);
    return;
  }
  stream.plain = limits.plain_http && !is_grpc_content_type(stream.head.content_type);
  if (!stream.plain) {
    const std::optional<Refusal> refusal = stream.head.judge();
    if (refusal) return refuse(stream, *refusal);
    stream.encoding = *stream.head.encoding();
    stream.content_type = answer_content_type(stream.head.content_type);
    stream.input.begin(stream.encoding, limits.message_bytes_max);
  }
  stream.opened = true;
  RequestHead& head = stream.head;
  events.emplace_back(StreamOpened{.stream = StreamId(static_cast<std::uint64_t>(stream.id)),
                                   .method = std::move(head.method),
                                   .path = std::move(head.path),
                                   .content_type = std::move(head.content_type),
                                   .timeout_ns = head.timeout_ns,
                                   .metadata = std::move(head.metadata),
                                   .plain = stream.plain});
}

void ServerSession::State::request_ended(ServerStream& stream) {
  if (stream.finished) return;
  if (stream.plain && !stream.body.empty()) {
    events.emplace_back(MessageReceived{StreamId(static_cast<std::uint64_t>(stream.id)),
                                        Bytes::adopt(std::exchange(stream.body, {}))});
  }
  // io.ErrUnexpectedEOF, as grpc-go turns it into a status.
  if (!stream.input.between_messages()) return fail(stream, {kInternal, "unexpected EOF"});
  events.emplace_back(RequestEnded{StreamId(static_cast<std::uint64_t>(stream.id))});
}

// The body of a plain request has no length in front: all of it is one message, and its window is
// given back with each piece because the limit is ours.
void ServerSession::State::take_plain_data(ServerStream& stream, std::string_view data) {
  nghttp2_session_consume_stream(session, stream.id, data.size());
  if (stream.finished) return;
  if (data.size() <= limits.message_bytes_max - stream.body.size()) {
    stream.body.append(data);
    return;
  }
  stream.body = std::string();
  if (!stream.headers_sent) submit_plain_head(stream, 413, {});
  fail(stream, {});
}

void ServerSession::State::take_data(ServerStream& stream, std::string_view data) {
  if (stream.plain) return take_plain_data(stream, data);
  const std::size_t held = stream.input.between_messages() ? 0 : stream.input.frame_bytes();
  const std::size_t size = data.size();
  std::size_t complete = 0;  // Bytes of the stream's window that are free again.
  while (!stream.finished && !data.empty()) {
    const Deframer::Step step = stream.input.step(data);
    if (step == Deframer::Step::kFailed) {
      fail(stream, stream.input.failure());
    } else if (step == Deframer::Step::kMessage) {
      complete += stream.input.frame_bytes();
      events.emplace_back(MessageReceived{StreamId(static_cast<std::uint64_t>(stream.id)),
                                          stream.input.take_message()});
    }
  }
  // The answer is decided: what the client still sends only passes through.
  if (stream.finished) {
    complete = held + size;
    stream.input.clear();
  }
  if (stream.window_held && !stream.finished) {
    stream.held_bytes += complete;
  } else if (complete > 0) {
    nghttp2_session_consume_stream(session, stream.id, complete);
  }
}

// The session ends a call by itself; whoever works on it is told to stop.
void ServerSession::State::fail(ServerStream& stream, GrpcStatus status) {
  if (stream.finished) return;
  finish(stream, std::move(status));
  events.emplace_back(StreamReset{StreamId(static_cast<std::uint64_t>(stream.id))});
}

void ServerSession::State::finish(ServerStream& stream, GrpcStatus status) {
  stream.finished = true;
  stream.status = std::move(status);
  if (!stream.data_active) submit_trailers(stream);
}

void ServerSession::State::data_frame_sent(ServerStream& stream) {
  if (!stream.data_ending) return;
  stream.data_ending = stream.data_active = false;
  if (!stream.output.empty()) return submit_data(stream);
  if (stream.finished) {
    if (!stream.trailers_sent) submit_trailers(stream);
    return;
  }
  events.emplace_back(StreamDrained{StreamId(static_cast<std::uint64_t>(stream.id))});
}

void ServerSession::State::ping_received() {
  if (!pings.accept(now, !streams.empty())) {
    end_connection(NGHTTP2_ENHANCE_YOUR_CALM, kTooManyPings);
  }
}

void ServerSession::State::stream_was_reset() {
  if (!resets.accept(now)) end_connection(NGHTTP2_ENHANCE_YOUR_CALM, "too_many_resets");
}

void ServerSession::State::end_connection(std::uint32_t error_code, std::string_view debug_data) {
  if (ending) return;
  ending = true;
  nghttp2_submit_goaway(
      session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session), error_code,
      reinterpret_cast<const std::uint8_t*>(debug_data.data()), debug_data.size());
}

void ServerSession::State::reset_all() {
  for (const std::unique_ptr<ServerStream>& stream : streams) {
    if (stream->opened && !stream->finished) {
      events.emplace_back(StreamReset{StreamId(static_cast<std::uint64_t>(stream->id))});
    }
    stream->finished = stream->trailers_sent = true;
  }
}

// nghttp2 wants nothing any more after a GOAWAY of its own, or when both sides have said goodbye.
void ServerSession::State::notice_end() {
  if (dead) return;
  if (nghttp2_session_want_read(session) != 0 || nghttp2_session_want_write(session) != 0) return;
  dead = true;
  reset_all();
}

ServerSession::ServerSession(ServerLimits limits) : state_(std::make_unique<State>(limits)) {}
ServerSession::~ServerSession() = default;

// put-path 2/8: bytes become frames, and frames one whole request.
bool ServerSession::feed(std::string_view bytes, TimePoint now) {
  State& state = *state_;
  if (state.dead || state.ending) return false;
  state.now = now;
  if (state.events.empty()) state.events.reserve(kEventsOfARequest);
  const ssize_t taken = nghttp2_session_mem_recv(
      state.session, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) {
    state.dead = true;
    state.reset_all();
    return false;
  }
  if (state.ending) state.reset_all();
  state.notice_end();
  return !state.dead && !state.ending;
}

void ServerSession::connection_lost() {
  state_->dead = true;
  state_->reset_all();
}

std::vector<ServerEvent> ServerSession::take_events() {
  State& state = *state_;
  for (const ServerEvent& event : state.events) {
    const StreamOpened* opened = std::get_if<StreamOpened>(&event);
    if (opened == nullptr) continue;
    const auto id = static_cast<std::int32_t>(opened->stream.value());
    state.handed_out = std::max(state.handed_out, id);
  }
  return std::exchange(state.events, {});
}

std::string ServerSession::take_output(std::size_t max) {
  State& state = *state_;
  state.output.clear();
  state.output_data_max = std::min(max, state.limits.output_bytes_high);
  while (!state.dead && state.output.size() < max) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(state.session, &data);
    if (size < 0) {
      state.dead = true;
      state.reset_all();
    }
    if (size <= 0) break;
    if (state.output.empty()) state.output.reserve(kSmallAnswerBytes);
    state.output.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  state.notice_end();
  return std::exchange(state.output, {});
}

bool ServerSession::wants_write() const {
  return !state_->dead && nghttp2_session_want_write(state_->session) != 0;
}

bool ServerSession::closed() const {
  return state_->dead;
}

void ServerSession::send_message(StreamId stream, Bytes message) {
  State& state = *state_;
  ServerStream* found = state.find(static_cast<std::int32_t>(stream.value()));
  if (found == nullptr || found->finished) return;
  if (found->plain) {
    check(found->headers_sent, "a plain answer begins with its head");
    if (message.empty()) return;
    found->output.push_plain(std::move(message));
  } else {
    found->output.push(std::move(message), found->encoding);
  }
  if (!found->headers_sent) {
    state.submit_headers(*found);
  } else if (!found->data_active) {
    state.submit_data(*found);
  }
}

void ServerSession::finish(StreamId stream, const GrpcStatus& status) {
  ServerStream* found = state_->find(static_cast<std::int32_t>(stream.value()));
  if (found == nullptr || found->finished) return;
  state_->finish(*found, status);
  // A message that is under way isn't waited for: its bytes and its window are given back.
  if (!found->input.between_messages()) {
    nghttp2_session_consume_stream(state_->session, found->id, found->input.frame_bytes());
  }
  found->input.clear();
  hold_window(stream, false);
}

void ServerSession::answer_plain(StreamId stream, std::uint32_t http_status,
                                 const Headers& headers) {
  ServerStream* found = state_->find(static_cast<std::int32_t>(stream.value()));
  if (found == nullptr || found->finished) return;
  check(found->plain && !found->headers_sent, "a plain request is answered with one head");
  state_->submit_plain_head(*found, http_status, headers);
}

void ServerSession::hold_window(StreamId stream, bool held) {
  ServerStream* found = state_->find(static_cast<std::int32_t>(stream.value()));
  if (found == nullptr) return;
  found->window_held = held;
  const std::size_t bytes = held ? 0 : std::exchange(found->held_bytes, 0);
  if (bytes > 0) nghttp2_session_consume_stream(state_->session, found->id, bytes);
}

std::size_t ServerSession::queued_bytes(StreamId stream) const {
  const ServerStream* found = state_->find(static_cast<std::int32_t>(stream.value()));
  return found == nullptr ? 0 : found->output.bytes();
}

void ServerSession::go_away(bool final) {
  State& state = *state_;
  if (state.dead || state.ending || state.last_id) return;
  if (!final) {
    nghttp2_submit_shutdown_notice(state.session);
    return;
  }
  state.last_id = state.handed_out;
  const StreamId last(static_cast<std::uint64_t>(state.handed_out));
  // Clients repeat what is above the last id elsewhere, so nothing of it may be worked on.
  std::erase_if(state.events, [&](const ServerEvent& event) {
    return std::visit([&](const auto& e) { return e.stream.value() > last.value(); }, event);
  });
  for (const std::unique_ptr<ServerStream>& stream : state.streams) {
    if (stream->id > state.handed_out) stream->finished = true;
  }
  nghttp2_submit_goaway(state.session, NGHTTP2_FLAG_NONE, state.handed_out, NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

void ServerSession::ping() {
  if (state_->dead || state_->ending || state_->ping_outstanding) return;
  state_->ping_outstanding = true;
  nghttp2_submit_ping(state_->session, NGHTTP2_FLAG_NONE, nullptr);
}

bool ServerSession::ping_outstanding() const {
  return state_->ping_outstanding;
}

std::size_t ServerSession::open_streams() const {
  return state_->streams.size();
}

}  // namespace detcd::http2
