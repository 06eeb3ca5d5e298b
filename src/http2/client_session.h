// One HTTP/2 connection of a gRPC client, sans-IO, the mirror of ServerSession: used by detcd's own
// client in both worlds and by the load generator.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "http2/message.h"

namespace detcd::http2 {

struct AnswerMessage {
  StreamId stream;
  Bytes message;
};
// The call is over; comes once for each call, except after cancel(). A stream that was reset or cut
// without trailers ends in UNAVAILABLE (14) or what gRPC maps its reset code to; `processed` is
// false when the server provably never saw it.
struct CallEnded {
  StreamId stream;
  GrpcStatus status;
  Headers trailers;
  bool processed = true;
};
using ClientEvent = std::variant<AnswerMessage, CallEnded>;

class ClientSession {
 public:
  static constexpr std::uint32_t kStreamWindowBytes = 4 << 20;
  // So much may the server send on one call before it was taken.
  explicit ClientSession(std::string authority,
                         std::uint32_t stream_window_bytes = kStreamWindowBytes);
  ~ClientSession();
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  // Opens a call; none when the connection takes no more streams now.
  std::optional<StreamId> open(std::string_view path, const Headers& metadata,
                               std::optional<std::int64_t> timeout_ns);
  void send_message(StreamId stream, Bytes message);
  void end_request(StreamId stream);  // Half close.
  void cancel(StreamId stream);       // RST_STREAM(CANCEL); no event of the call comes after it.
  // While held, the server may send no more on this call than one window.
  void hold_window(StreamId stream, bool held);

  bool feed(std::string_view bytes);
  // The transport is gone: ends all calls.
  void connection_lost();
  std::vector<ClientEvent> take_events();
  std::string take_output(std::size_t max);
  [[nodiscard]] bool wants_write() const;
  // The server sent GOAWAY: finish what is open, use another connection for new calls.
  [[nodiscard]] bool going_away() const;
  [[nodiscard]] std::size_t open_streams() const;
  // Bytes queued on the call and not yet handed out.
  [[nodiscard]] std::size_t queued_bytes(StreamId stream) const;
  // Nothing more is read or written: close the transport.
  [[nodiscard]] bool closed() const;
  // Sends a keepalive ping; ping_outstanding() until its answer has arrived.
  void ping();
  [[nodiscard]] bool ping_outstanding() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detcd::http2
