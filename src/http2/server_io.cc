#include <algorithm>
#include <array>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "http2/nghttp2_text.h"
#include "http2/server_state.h"

namespace detcd::http2 {
namespace {

constexpr std::uint32_t kUnlimited = 0xffffffff;

}  // namespace

struct ServerSession::State::Callbacks {
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
};

ServerSession::State::State(ServerLimits limits_given)
    : limits(limits_given),
      pings(limits_given.ping_interval_min),
      resets(limits_given.resets_per_second_max) {
  nghttp2_session_callbacks* callbacks = nullptr;
  check(nghttp2_session_callbacks_new(&callbacks) == 0, "there is memory for a session");
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::on_frame_sent);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, Callbacks::write_data);
  nghttp2_option* option = nullptr;
  check(nghttp2_option_new(&option) == 0, "there is memory for a session");
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_no_http_messaging(option, 1);  // HeaderRules instead.
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
  const std::uint32_t connection_window =
      std::clamp<std::uint32_t>(limits.connection_window_bytes,
                                NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE, NGHTTP2_MAX_WINDOW_SIZE);
  check(nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                              static_cast<std::int32_t>(connection_window)) == 0,
        "the connection's window is within HTTP/2's bounds");
}

ServerSession::State::~State() {
  nghttp2_session_del(session);
}

ServerStream* ServerSession::State::find(std::int32_t id) const {
  return static_cast<ServerStream*>(nghttp2_session_get_stream_user_data(session, id));
}

// grpc-go's earlyAbortStream: all in one block of headers, whatever the request still sends.
void ServerSession::State::refuse(ServerStream& stream, const Refusal& refusal) {
  stream.finished = stream.headers_sent = stream.trailers_sent = true;
  const std::string http_status = std::to_string(refusal.http_status);
  const std::string code = std::to_string(refusal.status.code);
  const std::string message = percent_encode(refusal.status.message);
  const std::string content_type = answer_content_type(stream.head.content_type);
  std::array<nghttp2_nv, 5> headers = {header(":status", http_status),
                                       header("content-type", content_type),
                                       header("grpc-status", code), header("grpc-message", message),
                                       header("grpc-accept-encoding", "gzip,identity")};
  const bool tell_encodings = !stream.head.encoding();
  nghttp2_submit_response(session, stream.id, headers.data(),
                          headers.size() - (tell_encodings ? 0 : 1), nullptr);
}

// The answer's headers, with the DATA item that reads what is queued.
void ServerSession::State::submit_headers(ServerStream& stream) {
  stream.headers_sent = true;
  stream.data_active = true;
  std::array<nghttp2_nv, 3> headers = {header(":status", "200"),
                                       header("content-type", stream.content_type),
                                       header("grpc-encoding", "gzip")};
  const std::size_t count = headers.size() - (stream.encoding == Encoding::kGzip ? 0 : 1);
  nghttp2_data_provider provider{.source = {.ptr = &stream}, .read_callback = Callbacks::read_data};
  nghttp2_submit_response(session, stream.id, headers.data(), count, &provider);
}

void ServerSession::State::submit_plain_head(ServerStream& stream, std::uint32_t http_status,
                                             const Headers& headers) {
  stream.headers_sent = true;
  const std::string status = std::to_string(http_status);
  std::vector<nghttp2_nv> pairs = {header(":status", status)};
  for (const auto& [name, value] : headers) pairs.push_back(header(name, value));
  nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, stream.id, nullptr, pairs.data(), pairs.size(),
                         nullptr);
}

void ServerSession::State::submit_data(ServerStream& stream) {
  stream.data_active = true;
  nghttp2_data_provider provider{.source = {.ptr = &stream}, .read_callback = Callbacks::read_data};
  nghttp2_submit_data(session, NGHTTP2_FLAG_END_STREAM, stream.id, &provider);
}

// Trailers overtake DATA inside nghttp2, so they are submitted only when no DATA is left.
void ServerSession::State::submit_trailers(ServerStream& stream) {
  // A plain answer has none: an empty DATA frame ends it.
  if (stream.plain && stream.headers_sent) return submit_data(stream);
  if (stream.plain) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_INTERNAL_ERROR);
    return;
  }
  stream.trailers_sent = true;
  const std::string code = std::to_string(stream.status.code);
  const std::string message = percent_encode(stream.status.message);
  std::array<nghttp2_nv, 4> headers = {
      header(":status", "200"), header("content-type", stream.content_type),
      header("grpc-status", code), header("grpc-message", message)};
  const std::size_t omitted = stream.status.message.empty() ? 1 : 0;
  if (stream.headers_sent) {
    nghttp2_submit_trailer(session, stream.id, headers.data() + 2, 2 - omitted);
    return;
  }
  stream.headers_sent = true;
  nghttp2_submit_response(session, stream.id, headers.data(), 4 - omitted, nullptr);
}

int ServerSession::State::Callbacks::on_begin_headers(nghttp2_session* session,
                                                      const nghttp2_frame* frame, void* user) {
  State& state = *static_cast<State*>(user);
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST || state.ending) return 0;
  const std::int32_t id = frame->hd.stream_id;
  if (state.last_id && id > *state.last_id) return 0;
  nghttp2_session_set_stream_user_data(session, id, state.acquire(id));
  return 0;
}

int ServerSession::State::Callbacks::on_header(nghttp2_session*, const nghttp2_frame* frame,
                                               const std::uint8_t* name, std::size_t name_size,
                                               const std::uint8_t* value, std::size_t value_size,
                                               std::uint8_t, void* user) {
  State& state = *static_cast<State*>(user);
  // gRPC has no use for a client's trailers.
  if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  ServerStream* stream = state.find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  stream->head.add(text(name, name_size), text(value, value_size), state.limits.header_bytes_max);
  return 0;
}

int ServerSession::State::Callbacks::on_frame_received(nghttp2_session*, const nghttp2_frame* frame,
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
  ServerStream* stream = frame->hd.stream_id > 0 ? state.find(frame->hd.stream_id) : nullptr;
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

int ServerSession::State::Callbacks::on_data(nghttp2_session* session, std::uint8_t,
                                             std::int32_t id, const std::uint8_t* data,
                                             std::size_t size, void* user) {
  State& state = *static_cast<State*>(user);
  // FACTS: the connection's window never waits for a message of one stream.
  nghttp2_session_consume_connection(session, size);
  ServerStream* stream = state.find(id);
  if (stream != nullptr && !state.ending) state.take_data(*stream, text(data, size));
  return 0;
}

int ServerSession::State::Callbacks::on_stream_close(nghttp2_session*, std::int32_t id,
                                                     std::uint32_t, void* user) {
  State& state = *static_cast<State*>(user);
  ServerStream* stream = state.find(id);
  if (stream == nullptr) return 0;
  if (stream->opened && !stream->finished) {
    state.events.emplace_back(StreamReset{StreamId(static_cast<std::uint64_t>(id))});
  }
  state.release(*stream);
  return 0;
}

int ServerSession::State::Callbacks::on_frame_sent(nghttp2_session* session,
                                                   const nghttp2_frame* frame, void* user) {
  State& state = *static_cast<State*>(user);
  const std::int32_t id = frame->hd.stream_id;
  if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
    state.dead = true;
    state.reset_all();
  } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
    // Streams that our side had to reset count like the client's own resets: both are cheap to
    // cause and costly to serve.
    if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR) state.stream_was_reset();
  } else if (frame->hd.type == NGHTTP2_DATA) {
    state.pings.answer_sent();
    ServerStream* stream = state.find(id);
    if (stream != nullptr) state.data_frame_sent(*stream);
  } else if (frame->hd.type == NGHTTP2_HEADERS) {
    state.pings.answer_sent();
  }
  const bool may_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
  const bool ends = may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  // The answer is complete and the client may still be sending: RFC 9113 §8.1 lets us stop it.
  if (ends && nghttp2_session_get_stream_remote_close(session, id) == 0) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
  }
  return 0;
}

ssize_t ServerSession::State::Callbacks::read_data(nghttp2_session*, std::int32_t, std::uint8_t*,
                                                   std::size_t length, std::uint32_t* flags,
                                                   nghttp2_data_source* source, void*) {
  ServerStream& stream = *static_cast<ServerStream*>(source->ptr);
  const std::size_t count = std::min(length, stream.output.bytes());
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (count == stream.output.bytes()) {
    stream.data_ending = true;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    // A gRPC answer ends with its trailers.
    if (stream.plain && stream.finished) {
      stream.trailers_sent = true;
    } else {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
  }
  return static_cast<ssize_t>(count);
}

int ServerSession::State::Callbacks::write_data(nghttp2_session*, nghttp2_frame*,
                                                const std::uint8_t* frame_head, std::size_t length,
                                                nghttp2_data_source* source, void* user) {
  constexpr std::size_t kFrameHeadBytes = 9;
  State& state = *static_cast<State*>(user);
  if (state.output.size() >= state.output_data_max) return NGHTTP2_ERR_WOULDBLOCK;
  state.output.append(text(frame_head, kFrameHeadBytes));
  static_cast<ServerStream*>(source->ptr)->output.move_to(state.output, length);
  return 0;
}

}  // namespace detcd::http2
