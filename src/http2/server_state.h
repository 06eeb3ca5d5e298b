// The inside of ServerSession, shared by its two halves: server_session.cc decides, server_io.cc
// talks to nghttp2. Nothing else includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "http2/framing.h"
#include "http2/message.h"
#include "http2/policy.h"
#include "http2/request_head.h"
#include "http2/server_session.h"

struct nghttp2_session;

namespace detcd::http2 {

// One request and its answer, from the first header until nghttp2 closes the stream.
struct ServerStream {
  std::int32_t id = 0;
  std::size_t place = 0;  // In State::streams.
  RequestHead head;
  Encoding encoding = Encoding::kIdentity;
  std::string content_type;  // Of the answer.
  Deframer input;
  OutputQueue output;
  GrpcStatus status;
  std::string body;            // Of a plain request.
  bool plain = false;          // Plain HTTP rather than gRPC.
  bool opened = false;         // StreamOpened was put among the events.
  bool headers_sent = false;   // Given to nghttp2.
  bool finished = false;       // By finish(), by an error, or because the client reset it.
  bool trailers_sent = false;  // Given to nghttp2; of a plain answer its last DATA frame.
  bool data_active = false;    // nghttp2 holds a DATA item that reads from `output`.
  bool data_ending = false;    // That item's last frame was cut.
  bool window_held = false;
  std::size_t held_bytes = 0;  // Of the window, while it is held.

  void begin(std::int32_t stream_id) {
    id = stream_id;
    head.clear();
    encoding = Encoding::kIdentity;
    content_type.clear();
    input.clear();
    output.clear();
    status = GrpcStatus();
    body = std::string();
    window_held = false;
    held_bytes = 0;
    plain = opened = headers_sent = finished = trailers_sent = data_active = data_ending = false;
  }
};

// How the session hears from nghttp2 and what it keeps between its callbacks.
struct ServerSession::State {
  struct Callbacks;  // What nghttp2 calls.

  explicit State(ServerLimits limits_given);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ServerStream* find(std::int32_t id) const;
  ServerStream* acquire(std::int32_t id);
  void release(ServerStream& stream);
  void refuse(ServerStream& stream, const Refusal& refusal);
  void request_headers_complete(ServerStream& stream);
  void request_ended(ServerStream& stream);
  void take_data(ServerStream& stream, std::string_view data);
  void take_plain_data(ServerStream& stream, std::string_view data);
  void fail(ServerStream& stream, GrpcStatus status);
  void submit_headers(ServerStream& stream);
  void submit_plain_head(ServerStream& stream, std::uint32_t http_status, const Headers& headers);
  void submit_data(ServerStream& stream);
  void submit_trailers(ServerStream& stream);
  void finish(ServerStream& stream, GrpcStatus status);
  void data_frame_sent(ServerStream& stream);
  void ping_received();
  void stream_was_reset();
  void end_connection(std::uint32_t error_code, std::string_view debug_data);
  void reset_all();
  void notice_end();

  ServerLimits limits;
  nghttp2_session* session = nullptr;
  std::vector<std::unique_ptr<ServerStream>> streams;
  std::vector<std::unique_ptr<ServerStream>> spare;
  std::vector<ServerEvent> events;
  std::string output;
  std::size_t output_data_max = 0;
  TimePoint now{};
  PingPolicy pings;
  RateLimit resets;
  std::int32_t handed_out = 0;          // The highest stream whose StreamOpened was taken.
  std::optional<std::int32_t> last_id;  // Said in the final GOAWAY; later streams don't exist.
  bool ping_outstanding = false;
  bool ending = false;  // A GOAWAY of ours ends the connection once written.
  bool dead = false;    // Nothing is read or written any more.
};

}  // namespace detcd::http2
