#include "http2/server_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "http2/framing.h"
#include "http2/policy.h"
#include "http2/request_head.h"

namespace detcd::http2 {
namespace {

constexpr std::size_t kSpareStreamsMax = 64;
constexpr std::uint32_t kUnlimited = 0xffffffff;
constexpr std::uint32_t kInternal = 13;
constexpr std::string_view kTooManyPings = "too_many_pings";

struct Stream {
  std::int32_t id = 0;
  std::size_t place = 0;       // In State::streams.
  RequestHead head;
  Encoding encoding = Encoding::kIdentity;
  std::string content_type;    // Of the answer.
  Deframer input;
  OutputQueue output;
  GrpcStatus status;
  bool opened = false;         // StreamOpened was put among the events.
  bool headers_sent = false;   // Given to nghttp2.
  bool finished = false;       // By finish(), by an error, or because the client reset it.
  bool trailers_sent = false;  // Given to nghttp2.
  bool data_active = false;    // nghttp2 holds a DATA item that reads from `output`.
  bool data_ending = false;    // That item's last frame was cut.

  void begin(std::int32_t stream_id) {
    id = stream_id;
    head.clear();
    encoding = Encoding::kIdentity;
    content_type.clear();
    input.clear();
    output.clear();
    status = GrpcStatus();
    opened = headers_sent = finished = trailers_sent = data_active = data_ending = false;
  }
};

// Points into `name` and `value`; nghttp2 copies the pair into its frame.
nghttp2_nv header(std::string_view name, std::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

struct ServerSession::State {
  explicit State(ServerLimits limits_given);
  ~State() { nghttp2_session_del(session); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Stream* find(std::int32_t id) const {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }
  Stream* acquire(std::int32_t id);
  void release(Stream& stream);
  void refuse(Stream& stream, const Refusal& refusal);
  void request_headers_complete(Stream& stream);
  void request_ended(Stream& stream);
  void take_data(Stream& stream, std::string_view data);
  void fail(Stream& stream, GrpcStatus status);
  void submit_headers(Stream& stream);
  void submit_data(Stream& stream);
  void submit_trailers(Stream& stream);
  void finish(Stream& stream, GrpcStatus status);
  void data_frame_sent(Stream& stream);
  void ping_received();
  void stream_was_reset();
  void end_connection(std::uint32_t error_code, std::string_view debug_data);
  void reset_all();
  void notice_end();

  // nghttp2's callbacks; `user` is the State.
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t flags, void* user);
  static int on_frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int on_data(nghttp2_session*, std::uint8_t flags, std::int32_t id,
                     const std::uint8_t* data, std::size_t size, void* user);
  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user);
  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static ssize_t read_data(nghttp2_session*, std::int32_t id, std::uint8_t* buffer,
                           std::size_t length, std::uint32_t* flags, nghttp2_data_source* source,
                           void* user);
  static int write_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* frame_head,
                        std::size_t length, nghttp2_data_source* source, void* user);

  ServerLimits limits;
  nghttp2_session* session = nullptr;
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<std::unique_ptr<Stream>> spare;
  std::vector<ServerEvent> events;
  std::string output;
  std::size_t output_data_max = 0;
  TimePoint now{};
  PingPolicy pings;
  RateLimit resets;
  std::int32_t handed_out = 0;           // The highest stream whose StreamOpened was taken.
  std::optional<std::int32_t> last_id;   // Said in the final GOAWAY; later streams don't exist.
  bool ping_outstanding = false;
  bool ending = false;                   // A GOAWAY of ours ends the connection once written.
  bool dead = false;                     // Nothing is read or written any more.
};

ServerSession::State::State(ServerLimits limits_given)
    : limits(limits_given),
      pings(limits_given.ping_interval_min),
      resets(limits_given.resets_per_second_max) {
  nghttp2_session_callbacks* callbacks = nullptr;
  check(nghttp2_session_callbacks_new(&callbacks) == 0, "there is memory for a session");
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, write_data);
  nghttp2_option* option = nullptr;
  check(nghttp2_option_new(&option) == 0, "there is memory for a session");
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  // Its limit of resets reads the wall clock; ours counts on the injected time.
  nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
  // Room for headers in frames of a fair size, up to the limit that RequestHead counts.
  nghttp2_option_set_max_continuations(option, 8 + limits.header_bytes_max / 1024);
  check(nghttp2_session_server_new2(&session, callbacks, this, option) == 0,
        "there is memory for a session");
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);

  const std::size_t window = limits.message_bytes_max + kPrefixBytes;
  check(window <= NGHTTP2_MAX_WINDOW_SIZE, "a whole message fits a stream's window");
  std::array<nghttp2_settings_entry, 3> settings = {{
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
       std::max<std::uint32_t>(NGHTTP2_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(window))},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.header_bytes_max)},
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.concurrent_streams_max},
  }};
  const bool limited = limits.concurrent_streams_max != kUnlimited;
  check(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(),
                                settings.size() - (limited ? 0 : 1)) == 0,
        "the settings are within HTTP/2's bounds");
  const std::uint32_t connection_window = std::clamp<std::uint32_t>(
      limits.connection_window_bytes, NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE,
      NGHTTP2_MAX_WINDOW_SIZE);
  check(nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                              static_cast<std::int32_t>(connection_window)) == 0,
        "the connection's window is within HTTP/2's bounds");
}

Stream* ServerSession::State::acquire(std::int32_t id) {
  if (spare.empty()) spare.push_back(std::make_unique<Stream>());
  std::unique_ptr<Stream> stream = std::move(spare.back());
  spare.pop_back();
  stream->begin(id);
  stream->place = streams.size();
  streams.push_back(std::move(stream));
  return streams.back().get();
}

void ServerSession::State::release(Stream& stream) {
  const std::size_t place = stream.place;
  std::unique_ptr<Stream> owned = std::move(streams[place]);
  if (place + 1 != streams.size()) {
    streams[place] = std::move(streams.back());
    streams[place]->place = place;
  }
  streams.pop_back();
  owned->input.clear();
  owned->output.clear();
  if (spare.size() < kSpareStreamsMax) spare.push_back(std::move(owned));
}

// grpc-go's earlyAbortStream: all in one block of headers, whatever the request still sends.
void ServerSession::State::refuse(Stream& stream, const Refusal& refusal) {
  stream.finished = stream.headers_sent = stream.trailers_sent = true;
  const std::string http_status = std::to_string(refusal.http_status);
  const std::string code = std::to_string(refusal.status.code);
  const std::string message = percent_encode(refusal.status.message);
  const std::string content_type = answer_content_type(stream.head.content_type);
  std::array<nghttp2_nv, 5> headers = {
      header(":status", http_status), header("content-type", content_type),
      header("grpc-status", code), header("grpc-message", message),
      header("grpc-accept-encoding", "gzip,identity")};
  const bool tell_encodings = !stream.head.encoding();
  nghttp2_submit_response(session, stream.id, headers.data(),
                          headers.size() - (tell_encodings ? 0 : 1), nullptr);
}

void ServerSession::State::request_headers_complete(Stream& stream) {
  // As grpc-go answers a header list that its framer truncated.
  if (stream.head.header_bytes > limits.header_bytes_max) {
    stream.finished = true;
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_FRAME_SIZE_ERROR);
    return;
  }
  const std::optional<Refusal> refusal = stream.head.judge();
  if (refusal) return refuse(stream, *refusal);
  stream.encoding = *stream.head.encoding();
  stream.content_type = answer_content_type(stream.head.content_type);
  stream.input.begin(stream.encoding, limits.message_bytes_max);
  stream.opened = true;
  RequestHead& head = stream.head;
  events.emplace_back(StreamOpened{.stream = StreamId(static_cast<std::uint64_t>(stream.id)),
                                   .method = std::move(head.method),
                                   .path = std::move(head.path),
                                   .content_type = std::move(head.content_type),
                                   .timeout_ns = head.timeout_ns,
                                   .metadata = std::move(head.metadata)});
}

void ServerSession::State::request_ended(Stream& stream) {
  if (stream.finished) return;
  // io.ErrUnexpectedEOF, as grpc-go turns it into a status.
  if (!stream.input.between_messages()) return fail(stream, {kInternal, "unexpected EOF"});
  events.emplace_back(RequestEnded{StreamId(static_cast<std::uint64_t>(stream.id))});
}

void ServerSession::State::take_data(Stream& stream, std::string_view data) {
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
  if (complete > 0) nghttp2_session_consume_stream(session, stream.id, complete);
}

// The session ends a call by itself; whoever works on it is told to stop.
void ServerSession::State::fail(Stream& stream, GrpcStatus status) {
  if (stream.finished) return;
  finish(stream, std::move(status));
  events.emplace_back(StreamReset{StreamId(static_cast<std::uint64_t>(stream.id))});
}

// The answer's headers, with the DATA item that reads what is queued.
void ServerSession::State::submit_headers(Stream& stream) {
  stream.headers_sent = true;
  stream.data_active = true;
  std::array<nghttp2_nv, 3> headers = {header(":status", "200"),
                                       header("content-type", stream.content_type),
                                       header("grpc-encoding", "gzip")};
  const std::size_t count = headers.size() - (stream.encoding == Encoding::kGzip ? 0 : 1);
  nghttp2_data_provider provider{.source = {.ptr = &stream}, .read_callback = read_data};
  nghttp2_submit_response(session, stream.id, headers.data(), count, &provider);
}

void ServerSession::State::submit_data(Stream& stream) {
  stream.data_active = true;
  nghttp2_data_provider provider{.source = {.ptr = &stream}, .read_callback = read_data};
  nghttp2_submit_data(session, NGHTTP2_FLAG_NONE, stream.id, &provider);
}

// Trailers overtake DATA inside nghttp2, so they are submitted only when no DATA is left.
void ServerSession::State::submit_trailers(Stream& stream) {
  stream.trailers_sent = true;
  const std::string code = std::to_string(stream.status.code);
  const std::string message = percent_encode(stream.status.message);
  std::array<nghttp2_nv, 4> headers = {header(":status", "200"),
                                       header("content-type", stream.content_type),
                                       header("grpc-status", code),
                                       header("grpc-message", message)};
  const std::size_t omitted = stream.status.message.empty() ? 1 : 0;
  if (stream.headers_sent) {
    nghttp2_submit_trailer(session, stream.id, headers.data() + 2, 2 - omitted);
    return;
  }
  stream.headers_sent = true;
  nghttp2_submit_response(session, stream.id, headers.data(), 4 - omitted, nullptr);
}

void ServerSession::State::finish(Stream& stream, GrpcStatus status) {
  stream.finished = true;
  stream.status = std::move(status);
  if (!stream.data_active) submit_trailers(stream);
}

void ServerSession::State::data_frame_sent(Stream& stream) {
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
  nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session), error_code,
                        reinterpret_cast<const std::uint8_t*>(debug_data.data()),
                        debug_data.size());
}

void ServerSession::State::reset_all() {
  for (const std::unique_ptr<Stream>& stream : streams) {
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

int ServerSession::State::on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame,
                                           void* user) {
  State& state = *static_cast<State*>(user);
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST || state.ending) return 0;
  const std::int32_t id = frame->hd.stream_id;
  if (state.last_id && id > *state.last_id) return 0;
  nghttp2_session_set_stream_user_data(session, id, state.acquire(id));
  return 0;
}

int ServerSession::State::on_header(nghttp2_session*, const nghttp2_frame* frame,
                                    const std::uint8_t* name, std::size_t name_size,
                                    const std::uint8_t* value, std::size_t value_size,
                                    std::uint8_t, void* user) {
  State& state = *static_cast<State*>(user);
  // gRPC has no use for a client's trailers.
  if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  Stream* stream = state.find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  stream->head.add(text(name, name_size), text(value, value_size), state.limits.header_bytes_max);
  return 0;
}

int ServerSession::State::on_frame_received(nghttp2_session*, const nghttp2_frame* frame,
                                            void* user) {
  State& state = *static_cast<State*>(user);
  if (state.ending) return 0;
  if (frame->hd.type == NGHTTP2_PING) {
    if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
      state.ping_received();
    } else {
      state.ping_outstanding = false;
    }
    return 0;
  }
  Stream* stream = frame->hd.stream_id > 0 ? state.find(frame->hd.stream_id) : nullptr;
  if (stream == nullptr) return 0;
  if (frame->hd.type == NGHTTP2_RST_STREAM) {
    if (!stream->trailers_sent) state.stream_was_reset();
    return 0;
  }
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    state.request_headers_complete(*stream);
  }
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) state.request_ended(*stream);
  return 0;
}

int ServerSession::State::on_data(nghttp2_session* session, std::uint8_t, std::int32_t id,
                                  const std::uint8_t* data, std::size_t size, void* user) {
  State& state = *static_cast<State*>(user);
  // FACTS: the connection's window never waits for a message of one stream.
  nghttp2_session_consume_connection(session, size);
  Stream* stream = state.find(id);
  if (stream != nullptr && !state.ending) state.take_data(*stream, text(data, size));
  return 0;
}

int ServerSession::State::on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t,
                                          void* user) {
  State& state = *static_cast<State*>(user);
  Stream* stream = state.find(id);
  if (stream == nullptr) return 0;
  if (stream->opened && !stream->finished) {
    state.events.emplace_back(StreamReset{StreamId(static_cast<std::uint64_t>(id))});
  }
  state.release(*stream);
  return 0;
}

int ServerSession::State::on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame,
                                        void* user) {
  State& state = *static_cast<State*>(user);
  const std::int32_t id = frame->hd.stream_id;
  if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
    state.dead = true;
    state.reset_all();
  } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
    // Streams that our side had to reset count like the client's own resets: both are cheap to cause
    // and costly to serve.
    if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR) state.stream_was_reset();
  } else if (frame->hd.type == NGHTTP2_DATA) {
    state.pings.answer_sent();
    Stream* stream = state.find(id);
    if (stream != nullptr) state.data_frame_sent(*stream);
  } else if (frame->hd.type == NGHTTP2_HEADERS) {
    state.pings.answer_sent();
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    // The answer is complete and the client may still be sending: RFC 9113 §8.1 lets us stop it.
    if (ends && nghttp2_session_get_stream_remote_close(session, id) == 0) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
    }
  }
  return 0;
}

ssize_t ServerSession::State::read_data(nghttp2_session*, std::int32_t, std::uint8_t*,
                                        std::size_t length, std::uint32_t* flags,
                                        nghttp2_data_source* source, void*) {
  Stream& stream = *static_cast<Stream*>(source->ptr);
  const std::size_t count = std::min(length, stream.output.bytes());
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (count == stream.output.bytes()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    stream.data_ending = true;
  }
  return static_cast<ssize_t>(count);
}

int ServerSession::State::write_data(nghttp2_session*, nghttp2_frame*,
                                     const std::uint8_t* frame_head, std::size_t length,
                                     nghttp2_data_source* source, void* user) {
  constexpr std::size_t kFrameHeadBytes = 9;
  State& state = *static_cast<State*>(user);
  if (state.output.size() >= state.output_data_max) return NGHTTP2_ERR_WOULDBLOCK;
  state.output.append(text(frame_head, kFrameHeadBytes));
  static_cast<Stream*>(source->ptr)->output.move_to(state.output, length);
  return 0;
}

ServerSession::ServerSession(ServerLimits limits) : state_(std::make_unique<State>(limits)) {}
ServerSession::~ServerSession() = default;

// put-path 2/8
bool ServerSession::feed(std::string_view bytes, TimePoint now) {
  State& state = *state_;
  if (state.dead || state.ending) return false;
  state.now = now;
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
    state.handed_out = std::max(state.handed_out, static_cast<std::int32_t>(opened->stream.value()));
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
    state.output.append(text(data, static_cast<std::size_t>(size)));
  }
  state.notice_end();
  return std::exchange(state.output, {});
}

bool ServerSession::wants_write() const {
  return !state_->dead && nghttp2_session_want_write(state_->session) != 0;
}

bool ServerSession::closed() const { return state_->dead; }

void ServerSession::send_message(StreamId stream, Bytes message) {
  State& state = *state_;
  Stream* found = state.find(static_cast<std::int32_t>(stream.value()));
  if (found == nullptr || found->finished) return;
  found->output.push(std::move(message), found->encoding);
  if (!found->headers_sent) {
    state.submit_headers(*found);
  } else if (!found->data_active) {
    state.submit_data(*found);
  }
}

void ServerSession::finish(StreamId stream, const GrpcStatus& status) {
  Stream* found = state_->find(static_cast<std::int32_t>(stream.value()));
  if (found == nullptr || found->finished) return;
  state_->finish(*found, status);
  // A message that is under way isn't waited for: its bytes and its window are given back.
  if (!found->input.between_messages()) {
    nghttp2_session_consume_stream(state_->session, found->id, found->input.frame_bytes());
  }
  found->input.clear();
}

std::size_t ServerSession::queued_bytes(StreamId stream) const {
  const Stream* found = state_->find(static_cast<std::int32_t>(stream.value()));
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
  for (const std::unique_ptr<Stream>& stream : state.streams) {
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

bool ServerSession::ping_outstanding() const { return state_->ping_outstanding; }

std::size_t ServerSession::open_streams() const { return state_->streams.size(); }

}  // namespace detcd::http2
