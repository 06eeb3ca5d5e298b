// One HTTP/2 connection as an actor: tasks that read, write, receive the node's replies and keep
// time, around a sans-IO session and its calls. It ends when the client goes, breaks the protocol
// or falls silent, or after a drain: GOAWAY(2^31-1), the unary calls finish, GOAWAY(highest),
// close. Streaming calls never get a status from a shutdown (DESIGN §5, "How streams end").
#pragma once

#include <string>
#include <string_view>

#include "api/calls.h"
#include "api/environment.h"
#include "http2/server_session.h"
#include "runtime/mailbox.h"
#include "runtime/network.h"
#include "runtime/task.h"
#include "runtime/wait.h"

namespace detcd::api {

class GrpcConnection {
 public:
  // All outlive the object.
  GrpcConnection(runtime::Stream& stream, const Environment& environment, Drain& drain);

  // `received` is what was read before the protocol was known.
  runtime::Task<void> run(std::string received);

 private:
  runtime::Task<void> read();
  runtime::Task<void> write();
  runtime::Task<void> receive();
  runtime::Task<void> keep_time();
  runtime::Task<void> drain();

  void take_bytes(std::string_view bytes);
  // After anything that may have changed what is to be written or awaited.
  void changed();
  void end();
  // Writes what is left and waits for the client to close, within a bound of time.
  void close_softly();
  [[nodiscard]] TimePoint silence_deadline() const;
  // When keep_time has something to do next.
  [[nodiscard]] TimePoint next_due() const;
  [[nodiscard]] TimePoint now() const { return environment_.scheduler.clock().boot(); }

  runtime::Stream& stream_;
  const Environment& environment_;
  Drain& drain_;
  http2::ServerSession session_;
  runtime::Mailbox<server::Reply> replies_;
  Calls calls_;

  TimePoint last_read_;
  TimePoint armed_ = kNever;  // What keep_time waits for.
  TimePoint close_deadline_ = kNever;
  bool asked_for_life_ = false;  // Pinged, because nothing had come for long.
  bool writing_ = false;
  bool closing_ = false;
  bool ended_ = false;
  runtime::Signal output_;    // There may be something to write.
  runtime::Signal room_;      // A write is done: reading may go on.
  runtime::Signal times_;     // An earlier time than armed_ is due.
  runtime::Signal progress_;  // For the drain: calls or pings may be done.
  runtime::Signal done_;
};

}  // namespace detcd::api
