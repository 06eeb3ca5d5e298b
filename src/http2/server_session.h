// One HTTP/2 connection of a gRPC server, sans-IO: bytes in, events out; answers in, bytes out. It
// wraps nghttp2 in memory and does gRPC's message framing, compression, trailers, limits, pings and
// GOAWAY. No clock: `now` is an argument where time matters.
//
// Flow control (FACTS §2): the connection window is consumed on receipt, a stream's window when its
// message is complete or the stream ends, so that partial messages of many streams can't starve
// each other; a stream's window always fits one whole message of message_bytes_max.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/units.h"
#include "http2/message.h"

namespace detcd::http2 {

struct ServerLimits {
  std::uint32_t concurrent_streams_max = 0xffffffff;
  std::size_t header_bytes_max = 64 << 10;
  std::size_t message_bytes_max = 2'097'152;  // After decompression.
  std::uint32_t connection_window_bytes = 4 << 20;
  Duration ping_interval_min = 5s;          // Strikes as grpc-go counts them.
  std::size_t output_bytes_high = 1 << 20;  // take_output() stops asking for more DATA above.
  // Resets that one connection may cause in a second before it is ended (CVE-2023-44487).
  std::uint32_t resets_per_second_max = 1000;
  // Hand over requests of any method whose content type isn't gRPC's, as plain HTTP (/health,
  // /metrics and the gateway of a client that negotiated h2), rather than refuse them with 415.
  bool plain_http = false;
};

// A stream began: the path is "/package.Service/Method".
struct StreamOpened {
  StreamId stream;
  std::string method;  // ":method"
  std::string path;
  std::string content_type;
  std::optional<std::int64_t> timeout_ns;  // grpc-timeout
  Headers metadata;                        // All other request headers, in order.
  bool plain = false;                      // Not gRPC: answer with answer_plain().
};
// One whole gRPC message, decompressed. Of a plain request its whole body, unless that is empty.
struct MessageReceived {
  StreamId stream;
  Bytes message;
};
// The client sends no more on this stream.
struct RequestEnded {
  StreamId stream;
};
// The client cancelled (RST_STREAM), broke gRPC's rules on this stream (the session has answered
// it), or the connection ended with the stream open. Nothing follows it, and nothing follows
// finish().
struct StreamReset {
  StreamId stream;
};
// All that was queued on the stream was handed out by take_output (for credit of long answers). It
// is among the events after take_output(), not only after feed().
struct StreamDrained {
  StreamId stream;
};
using ServerEvent =
    std::variant<StreamOpened, MessageReceived, RequestEnded, StreamReset, StreamDrained>;

class ServerSession {
 public:
  explicit ServerSession(ServerLimits limits);
  ~ServerSession();
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  // Takes bytes from the client. Violations of HTTP/2 or of the limits turn into RST_STREAM, GOAWAY
  // or a gRPC status by themselves (oversized message: RESOURCE_EXHAUSTED "grpc: received message
  // larger than max (N vs. M)"; content type that isn't application/grpc*: HTTP 415). False when
  // the connection is beyond saving: write out what is left, then close.
  bool feed(std::string_view bytes, TimePoint now);
  // The transport is gone: resets all streams.
  void connection_lost();
  // Nothing more is read or written: what take_output() gave last was the end. Close the transport.
  // To be asked after each take_output(): a GOAWAY of ours, for what the client sent or after
  // go_away(), ends the connection when it is written and no stream is left.
  [[nodiscard]] bool closed() const;
  std::vector<ServerEvent> take_events();

  // Bytes for the client, at most `max` plus one frame; empty when there is nothing now. Pings and
  // settings are answered ahead of data.
  std::string take_output(std::size_t max);
  [[nodiscard]] bool wants_write() const;

  // Answers on a stream; calls on a stream that is gone do nothing. The first one sends the
  // headers.
  void send_message(StreamId stream, Bytes message);
  // Ends the stream with trailers (a trailers-only answer when nothing was sent before). The
  // request side needn't have ended.
  void finish(StreamId stream, const GrpcStatus& status);
  // The head of the answer to a plain request. Its body is what send_message() adds, as it is;
  // finish() ends it, whatever the status.
  void answer_plain(StreamId stream, std::uint32_t http_status, const Headers& headers);
  // While held, the window of messages that were received isn't given back, so that the client can
  // send no more than one window of them; then all of it is.
  void hold_window(StreamId stream, bool held);
  // Bytes queued on the stream and not yet handed out.
  [[nodiscard]] std::size_t queued_bytes(StreamId stream) const;

  // GOAWAY(2^31-1): no new connection-level work is expected, streams go on. Then, with `final`,
  // GOAWAY(highest stream whose StreamOpened was handed out).
  void go_away(bool final);
  // Sends a keepalive ping; ping_outstanding() until its answer has arrived.
  void ping();
  [[nodiscard]] bool ping_outstanding() const;
  [[nodiscard]] std::size_t open_streams() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detcd::http2
