// One HTTP/2 connection of the client: any number of calls at once over one runtime::Stream.
// A call ends exactly once: with an answer, a status, its deadline, or the loss of the connection,
// and says whether the server may have seen it. Destroying a call's task cancels it on the wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/units.h"
#include "http2/client_session.h"
#include "runtime/network.h"
#include "runtime/task_group.h"

namespace detcd::client {

struct CallResult {
  http2::GrpcStatus status;
  Bytes message;          // Of an answer: status.code is 0.
  bool processed = true;  // False when the server provably never saw the request.
};

struct UnaryCall {
  std::string path;  // "/etcdserverpb.KV/Put"
  std::string message;
  TimePoint deadline = kNever;
  std::uint64_t trace = 0;  // 0: none.
  std::string token;        // Says who calls; empty: nobody.
};

// Whoever made a call hears how it goes.
class CallEnd {
 public:
  virtual ~CallEnd() = default;
  virtual void take(Bytes message) = 0;
  virtual void end(http2::CallEnded ended) = 0;
  // Bytes left on the connection, perhaps some of this call.
  virtual void moved() {}
};

struct ConnectionOptions {
  std::string authority;
  std::uint32_t stream_window_bytes = http2::ClientSession::kStreamWindowBytes;
  // A connection with calls on which nothing came for so long is pinged, and lost when nothing
  // comes for so long after that (clientv3: DialKeepAliveTime and DialKeepAliveTimeout).
  Duration keepalive_interval = Duration::max();  // Never.
  Duration keepalive_timeout = 20s;
};

class StreamCall;

class Connection {
 public:
  // Begins to speak HTTP/2 on `stream`. The scheduler outlives the connection.
  Connection(runtime::Scheduler& scheduler, std::unique_ptr<runtime::Stream> stream,
             const ConnectionOptions& options);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  // No call is left.
  ~Connection();

  // The connection outlives the call.
  runtime::Task<CallResult> call(UnaryCall request);
  // Begins a call in both directions; null when the connection takes none now. The connection
  // outlives it.
  std::unique_ptr<StreamCall> open_stream(const std::string& path, const http2::Headers& metadata);
  // Takes new calls.
  [[nodiscard]] bool usable() const { return !lost_ && !session_.going_away(); }
  [[nodiscard]] std::size_t calls() const { return calls_.size(); }

 private:
  friend class StreamCall;
  class Unary;
  runtime::Task<void> keep_alive(Duration interval, Duration timeout);
  // The call is nobody's any more.
  void leave(http2::StreamId stream, bool cancel);
  runtime::Task<void> read();
  runtime::Task<void> write();
  void take_events();
  void lose();

  runtime::Scheduler& scheduler_;
  std::unique_ptr<runtime::Stream> stream_;
  http2::ClientSession session_;
  std::map<http2::StreamId, CallEnd*, IdOrder> calls_;
  bool lost_ = false;
  TimePoint last_read_;
  runtime::Signal output_;
  runtime::TaskGroup tasks_;
};

}  // namespace detcd::client
