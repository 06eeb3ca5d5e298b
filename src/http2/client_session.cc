#include "http2/client_session.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "http2/answer_head.h"
#include "http2/framing.h"
#include "http2/nghttp2_text.h"

namespace detcd::http2 {
namespace {

constexpr std::uint32_t kOk = 0;
constexpr std::uint32_t kInternal = 13;
constexpr std::uint32_t kUnavailable = 14;

// etcd's client takes answers of any length gRPC-Go can hold (clientv3: defaultMaxCallRecvMsgSize).
constexpr std::size_t kAnswerBytesMax = 0x7fffffff;
constexpr std::int32_t kConnectionWindowBytes = 16 << 20;
constexpr std::size_t kSmallRequestBytes = 512;  // Room made at once, for what most writes are.

struct Call {
  std::int32_t id = 0;
  AnswerHead head;
  Deframer input;
  OutputQueue output;
  bool headers_sent = false;  // The request's HEADERS were handed out: the server may know it.
  bool answer_begun = false;
  bool end_requested = false;
  bool end_sent = false;
  bool data_active = false;  // nghttp2 holds a DATA item that reads from `output`.
  bool data_ending = false;  // That item's last frame was cut.
  bool ended = false;        // CallEnded was given, or the caller cancelled.
  bool window_held = false;
  std::size_t held_bytes = 0;  // Received and not given back to the stream's window.
};

}  // namespace

struct ClientSession::State {
  State(std::string authority_given, std::uint32_t stream_window_bytes);
  ~State() { nghttp2_session_del(session); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Call* find(StreamId stream) { return find(static_cast<std::int32_t>(stream.value())); }
  Call* find(std::int32_t id) {
    const auto found = calls.find(id);
    return found == calls.end() ? nullptr : found->second.get();
  }
  void pump(Call& call);
  void end(Call& call, GrpcStatus status, bool processed = true);
  void abandon(Call& call, GrpcStatus status);
  void answer_headers_complete(Call& call, bool stream_ends);
  void answer_ended(Call& call);
  void take_data(Call& call, std::string_view data);
  void end_all(std::string_view why);
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
  static int on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int error, void* user);
  static ssize_t read_data(nghttp2_session*, std::int32_t id, std::uint8_t* buffer,
                           std::size_t length, std::uint32_t* flags, nghttp2_data_source* source,
                           void* user);
  static int write_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* frame_head,
                        std::size_t length, nghttp2_data_source* source, void* user);

  std::string authority;
  nghttp2_session* session = nullptr;
  std::map<std::int32_t, std::unique_ptr<Call>> calls;
  std::vector<ClientEvent> events;
  std::vector<nghttp2_nv> headers;  // Of the request being opened; kept for its memory.
  std::string output;
  std::size_t output_max = 0;
  bool going_away = false;
  bool ping_outstanding = false;
  bool dead = false;
};

ClientSession::State::State(std::string authority_given, std::uint32_t stream_window_bytes)
    : authority(std::move(authority_given)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  check(nghttp2_session_callbacks_new(&callbacks) == 0, "there is memory for a session");
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_sent);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, write_data);
  nghttp2_option* option = nullptr;
  check(nghttp2_option_new(&option) == 0, "there is memory for a session");
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_no_auto_window_update(option, 1);
  check(nghttp2_session_client_new2(&session, callbacks, this, option) == 0,
        "there is memory for a session");
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  // Windows open again on receipt: an answer may be longer than any window, and its reader is the
  // caller, who asked for it. Only who doesn't read a stream holds its window back.
  const std::array<nghttp2_settings_entry, 2> settings = {{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window_bytes},
  }};
  check(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) == 0,
        "the settings are within HTTP/2's bounds");
  check(nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                              kConnectionWindowBytes) == 0,
        "the connection's window is within HTTP/2's bounds");
}

// Lets nghttp2 read what is queued. A DATA item can't be submitted before its stream exists, which
// is when the HEADERS go out.
void ClientSession::State::pump(Call& call) {
  if (!call.headers_sent || call.data_active || call.end_sent) return;
  if (call.output.empty() && !call.end_requested) return;
  call.data_active = true;
  nghttp2_data_provider provider{.source = {.ptr = &call}, .read_callback = read_data};
  nghttp2_submit_data(session, NGHTTP2_FLAG_END_STREAM, call.id, &provider);
}

void ClientSession::State::end(Call& call, GrpcStatus status, bool processed) {
  if (call.ended) return;
  call.ended = true;
  events.emplace_back(CallEnded{.stream = StreamId(static_cast<std::uint64_t>(call.id)),
                                .status = std::move(status),
                                .trailers = std::move(call.head.rest),
                                .processed = processed});
}

// Ends the call before the server does.
void ClientSession::State::abandon(Call& call, GrpcStatus status) {
  if (call.ended) return;
  end(call, std::move(status));
  nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, call.id, NGHTTP2_CANCEL);
}

void ClientSession::State::answer_headers_complete(Call& call, bool stream_ends) {
  if (call.ended || call.answer_begun) return;
  // An interim answer (1xx) comes before the true one.
  if (call.head.http_status >= 100 && call.head.http_status < 200) return;
  call.answer_begun = true;
  std::optional<GrpcStatus> refusal = call.head.judge();
  if (refusal && stream_ends) return end(call, std::move(*refusal));
  if (refusal) return abandon(call, std::move(*refusal));
  const bool zipped = call.head.encoding_name == "gzip";
  call.input.begin(zipped ? Encoding::kGzip : Encoding::kIdentity, kAnswerBytesMax);
}

void ClientSession::State::answer_ended(Call& call) {
  if (!call.ended) {
    GrpcStatus status = call.head.final_status();
    if (status.code == kOk && !call.input.between_messages()) {
      status = {.code = kInternal, .message = "unexpected EOF"};
    }
    end(call, std::move(status));
  }
  // The answer is complete: what we had still to say has no reader.
  if (!call.end_sent) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, call.id, NGHTTP2_NO_ERROR);
  }
}

void ClientSession::State::take_data(Call& call, std::string_view data) {
  while (!call.ended && !data.empty()) {
    const Deframer::Step step = call.input.step(data);
    if (step == Deframer::Step::kFailed) {
      abandon(call, call.input.failure());
    } else if (step == Deframer::Step::kMessage) {
      events.emplace_back(
          AnswerMessage{StreamId(static_cast<std::uint64_t>(call.id)), call.input.take_message()});
    }
  }
}

void ClientSession::State::end_all(std::string_view why) {
  dead = true;
  for (const auto& [id, call] : calls) {
    end(*call, {.code = kUnavailable, .message = std::string(why)}, call->headers_sent);
  }
}

void ClientSession::State::notice_end() {
  if (dead) return;
  if (nghttp2_session_want_read(session) != 0 || nghttp2_session_want_write(session) != 0) return;
  end_all("transport is closing");
}

int ClientSession::State::on_begin_headers(nghttp2_session*, const nghttp2_frame* frame,
                                           void* user) {
  Call* call = static_cast<State*>(user)->find(frame->hd.stream_id);
  if (call != nullptr) call->head.begin_block();
  return 0;
}

int ClientSession::State::on_header(nghttp2_session*, const nghttp2_frame* frame,
                                    const std::uint8_t* name, std::size_t name_size,
                                    const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                                    void* user) {
  Call* call = static_cast<State*>(user)->find(frame->hd.stream_id);
  if (call == nullptr || call->ended) return 0;
  call->head.add(text(name, name_size), text(value, value_size));
  return 0;
}

int ClientSession::State::on_frame_received(nghttp2_session*, const nghttp2_frame* frame,
                                            void* user) {
  State& state = *static_cast<State*>(user);
  if (frame->hd.type == NGHTTP2_GOAWAY) {
    state.going_away = true;
    return 0;
  }
  if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
    state.ping_outstanding = false;
    return 0;
  }
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  Call* call = state.find(frame->hd.stream_id);
  if (call == nullptr) return 0;
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame->hd.type == NGHTTP2_HEADERS) state.answer_headers_complete(*call, ends);
  if (ends) state.answer_ended(*call);
  return 0;
}

int ClientSession::State::on_data(nghttp2_session*, std::uint8_t, std::int32_t id,
                                  const std::uint8_t* data, std::size_t size, void* user) {
  State& state = *static_cast<State*>(user);
  nghttp2_session_consume_connection(state.session, size);
  Call* call = state.find(id);
  if (call == nullptr) return 0;
  if (call->window_held) {
    call->held_bytes += size;
  } else {
    nghttp2_session_consume_stream(state.session, id, size);
  }
  state.take_data(*call, text(data, size));
  return 0;
}

int ClientSession::State::on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t error,
                                          void* user) {
  State& state = *static_cast<State*>(user);
  Call* call = state.find(id);
  if (call == nullptr) return 0;
  // nghttp2 closes the streams above GOAWAY's last id with REFUSED_STREAM, too.
  const bool refused = error == NGHTTP2_REFUSED_STREAM;
  state.end(*call,
            {.code = grpc_code_of_reset(error),
             .message = std::string("stream terminated by RST_STREAM with error code: ") +
                        nghttp2_http2_strerror(error)},
            !refused);
  state.calls.erase(id);
  return 0;
}

int ClientSession::State::on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  State& state = *static_cast<State*>(user);
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  Call* call = state.find(frame->hd.stream_id);
  if (call == nullptr) return 0;
  if (frame->hd.type == NGHTTP2_HEADERS) {
    call->headers_sent = true;
  } else {
    if (!call->data_ending) return 0;
    call->data_ending = call->data_active = false;
    call->end_sent = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  }
  state.pump(*call);
  return 0;
}

// A request that never left: the server went away first, or the caller cancelled it.
int ClientSession::State::on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int,
                                            void* user) {
  State& state = *static_cast<State*>(user);
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  Call* call = state.find(frame->hd.stream_id);
  if (call == nullptr || call->headers_sent) return 0;
  state.end(*call, {.code = kUnavailable, .message = "transport is closing"}, false);
  state.calls.erase(frame->hd.stream_id);
  return 0;
}

ssize_t ClientSession::State::read_data(nghttp2_session*, std::int32_t, std::uint8_t*,
                                        std::size_t length, std::uint32_t* flags,
                                        nghttp2_data_source* source, void*) {
  Call& call = *static_cast<Call*>(source->ptr);
  const std::size_t count = std::min(length, call.output.bytes());
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (count == call.output.bytes()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!call.end_requested) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    call.data_ending = true;
  }
  return static_cast<ssize_t>(count);
}

int ClientSession::State::write_data(nghttp2_session*, nghttp2_frame*,
                                     const std::uint8_t* frame_head, std::size_t length,
                                     nghttp2_data_source* source, void* user) {
  constexpr std::size_t kFrameHeadBytes = 9;
  State& state = *static_cast<State*>(user);
  if (state.output.size() >= state.output_max) return NGHTTP2_ERR_WOULDBLOCK;
  state.output.append(text(frame_head, kFrameHeadBytes));
  static_cast<Call*>(source->ptr)->output.move_to(state.output, length);
  return 0;
}

ClientSession::ClientSession(std::string authority, std::uint32_t stream_window_bytes)
    : state_(std::make_unique<State>(std::move(authority), stream_window_bytes)) {}
ClientSession::~ClientSession() = default;

std::optional<StreamId> ClientSession::open(std::string_view path, const Headers& metadata,
                                            std::optional<std::int64_t> timeout_ns) {
  State& state = *state_;
  if (state.dead || state.going_away) return std::nullopt;
  if (nghttp2_session_check_request_allowed(state.session) == 0) return std::nullopt;
  const std::uint32_t streams_max =
      nghttp2_session_get_remote_settings(state.session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  if (state.calls.size() >= streams_max) return std::nullopt;
  const std::string timeout = timeout_ns ? format_grpc_timeout(*timeout_ns) : std::string();
  std::vector<nghttp2_nv>& headers = state.headers;
  headers.assign({header(":method", "POST"), header(":scheme", "http"), header(":path", path),
                  header(":authority", state.authority), header("content-type", "application/grpc"),
                  header("te", "trailers")});
  if (timeout_ns) headers.push_back(header("grpc-timeout", timeout));
  for (const auto& [name, value] : metadata) headers.push_back(header(name, value));
  const std::int32_t id = nghttp2_submit_headers(state.session, NGHTTP2_FLAG_NONE, -1, nullptr,
                                                 headers.data(), headers.size(), nullptr);
  if (id < 0) return std::nullopt;
  auto call = std::make_unique<Call>();
  call->id = id;
  state.calls.emplace(id, std::move(call));
  return StreamId(static_cast<std::uint64_t>(id));
}

void ClientSession::send_message(StreamId stream, Bytes message) {
  Call* call = state_->find(stream);
  if (call == nullptr || call->ended || call->end_requested || state_->dead) return;
  call->output.push(std::move(message), Encoding::kIdentity);
  state_->pump(*call);
}

void ClientSession::end_request(StreamId stream) {
  Call* call = state_->find(stream);
  if (call == nullptr || call->ended || state_->dead) return;
  call->end_requested = true;
  state_->pump(*call);
}

void ClientSession::cancel(StreamId stream) {
  Call* call = state_->find(stream);
  if (call == nullptr || call->ended || state_->dead) return;
  call->ended = true;
  nghttp2_submit_rst_stream(state_->session, NGHTTP2_FLAG_NONE, call->id, NGHTTP2_CANCEL);
}

void ClientSession::hold_window(StreamId stream, bool held) {
  Call* call = state_->find(stream);
  if (call == nullptr || state_->dead) return;
  call->window_held = held;
  const std::size_t bytes = held ? 0 : std::exchange(call->held_bytes, 0);
  if (bytes > 0) nghttp2_session_consume_stream(state_->session, call->id, bytes);
}

bool ClientSession::feed(std::string_view bytes) {
  State& state = *state_;
  if (state.dead) return false;
  const ssize_t taken = nghttp2_session_mem_recv(
      state.session, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) state.end_all("error reading from server: not HTTP/2");
  state.notice_end();
  return !state.dead;
}

void ClientSession::connection_lost() {
  if (!state_->dead) state_->end_all("error reading from server: EOF");
}

std::vector<ClientEvent> ClientSession::take_events() {
  return std::exchange(state_->events, {});
}

std::string ClientSession::take_output(std::size_t max) {
  State& state = *state_;
  state.output.clear();
  state.output_max = max;
  while (!state.dead && state.output.size() < max) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(state.session, &data);
    if (size < 0) state.end_all("transport is closing");
    if (size <= 0) break;
    if (state.output.empty()) state.output.reserve(kSmallRequestBytes);
    state.output.append(text(data, static_cast<std::size_t>(size)));
  }
  state.notice_end();
  return std::exchange(state.output, {});
}

bool ClientSession::wants_write() const {
  return !state_->dead && nghttp2_session_want_write(state_->session) != 0;
}

bool ClientSession::going_away() const {
  return state_->going_away;
}

std::size_t ClientSession::open_streams() const {
  return state_->calls.size();
}

std::size_t ClientSession::queued_bytes(StreamId stream) const {
  const Call* call = state_->find(stream);
  return call == nullptr ? 0 : call->output.bytes();
}

bool ClientSession::closed() const {
  return state_->dead;
}

void ClientSession::ping() {
  if (state_->dead || state_->ping_outstanding) return;
  state_->ping_outstanding = true;
  nghttp2_submit_ping(state_->session, NGHTTP2_FLAG_NONE, nullptr);
}

bool ClientSession::ping_outstanding() const {
  return state_->ping_outstanding;
}

}  // namespace detcd::http2
