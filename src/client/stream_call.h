// A call in both directions on a connection: messages go and come until either side ends it. Both
// ways are bounded: a sender waits while much waits to leave, and a server whose answers aren't
// taken gets no more window. It ends exactly once; destroying it cancels it on the wire.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "client/connection.h"
#include "http2/client_session.h"
#include "runtime/task.h"
#include "runtime/wait.h"

namespace detcd::client {

class StreamCall final : public CallEnd {
 public:
  // Made by Connection::open_stream; the connection outlives it.
  StreamCall(Connection& connection, http2::StreamId stream);
  StreamCall(const StreamCall&) = delete;
  StreamCall& operator=(const StreamCall&) = delete;
  ~StreamCall() override;

  // Waits for room. False when the call is over, or the request was ended.
  runtime::Task<bool> send(std::string message);
  // Half close: nothing more is sent, answers go on.
  void end_request();
  // The next message, in order; none when the call is over and all were given: see status().
  runtime::Task<std::optional<Bytes>> receive();
  // Waits no longer than this; none may also mean that.
  runtime::Task<std::optional<Bytes>> receive_until(TimePoint deadline);
  [[nodiscard]] bool over() const { return end_.has_value() && messages_.empty(); }
  // How the server ended it. Only of a call that has ended.
  [[nodiscard]] const http2::GrpcStatus& status() const { return end_->status; }

 private:
  void take(Bytes message) override;
  void end(http2::CallEnded ended) override;
  void moved() override;
  std::optional<Bytes> pop();

  Connection& connection_;
  http2::StreamId stream_;
  std::deque<Bytes> messages_;
  std::size_t bytes_ = 0;  // Of these.
  bool held_ = false;      // The window.
  bool request_ended_ = false;
  std::optional<http2::CallEnded> end_;
  runtime::Signal arrived_;
  runtime::Signal room_;
};

}  // namespace detcd::client
