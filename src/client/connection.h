// One HTTP/2 connection of the client: any number of unary calls at once over one runtime::Stream.
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
};

class Connection {
 public:
  // Begins to speak HTTP/2 on `stream`. The scheduler outlives the connection.
  Connection(runtime::Scheduler& scheduler, std::unique_ptr<runtime::Stream> stream,
             const std::string& authority);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  // No call is left.
  ~Connection();

  // The connection outlives the call.
  runtime::Task<CallResult> call(UnaryCall request);
  // Takes new calls.
  [[nodiscard]] bool usable() const { return !lost_ && !session_.going_away(); }
  [[nodiscard]] std::size_t calls() const { return pending_.size(); }

 private:
  struct Pending {
    explicit Pending(runtime::Scheduler& scheduler) : ended(scheduler) {}
    CallResult result;
    bool answered = false;  // The message has come.
    bool done = false;
    runtime::Signal ended;
  };
  // Takes the call off the connection however it ends.
  struct Registration {
    Connection& connection;
    http2::StreamId stream;
    Pending& pending;
    ~Registration();
  };
  runtime::Task<void> read();
  runtime::Task<void> write();
  void take_events();
  void lose();

  runtime::Scheduler& scheduler_;
  std::unique_ptr<runtime::Stream> stream_;
  http2::ClientSession session_;
  std::map<http2::StreamId, Pending*, IdOrder> pending_;
  bool lost_ = false;
  runtime::Signal output_;
  runtime::TaskGroup tasks_;
};

}  // namespace detcd::client
