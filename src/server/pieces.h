// Streams that clients are sent piece by piece: how much of one its client has room for. The task
// that makes the pieces waits here for its client; the connection gives credit as the client takes
// what it was sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "runtime/scheduler.h"
#include "runtime/task.h"
#include "runtime/wait.h"
#include "server/proposals.h"
#include "server/service.h"

namespace detcd::server {

class PieceStreams {
 public:
  struct Stream {
    Stream(runtime::Scheduler& scheduler, std::int64_t bytes) : credit(bytes), changed(scheduler) {}
    std::int64_t credit;  // Bytes that may be sent.
    bool closed = false;  // Its client is gone.
    runtime::Signal changed;
  };

  // `credit_bytes`: what a client is sent before it has taken anything.
  PieceStreams(runtime::Scheduler& scheduler, std::int64_t credit_bytes)
      : scheduler_(scheduler), credit_bytes_(credit_bytes) {}
  // The stream is there until the task that asked ends it.
  [[nodiscard]] std::shared_ptr<Stream> open(const ReturnAddress& origin);
  void end(const ReturnAddress& origin);
  // False when the call is no such stream.
  bool grant(const Credit& credit);
  bool close(const Forget& forget);
  [[nodiscard]] std::size_t size() const { return streams_.size(); }
  // Returns when something may be sent, or the stream is closed.
  static runtime::Task<void> await_credit(std::shared_ptr<Stream> stream);

 private:
  // By what its client's connection names it; the address keeps that name in use.
  struct Name {
    const void* connection = nullptr;
    std::uint64_t call = 0;
    friend bool operator==(const Name&, const Name&) = default;
  };
  struct NameHash {
    std::size_t operator()(const Name& name) const noexcept {
      return std::hash<const void*>{}(name.connection) ^ (name.call * 0x9e3779b97f4a7c15ULL);
    }
  };
  struct Open {
    ReturnAddress address;
    std::shared_ptr<Stream> stream;
  };
  [[nodiscard]] Stream* find(const runtime::Mailbox<Reply>::Sender& reply, CallId call);

  runtime::Scheduler& scheduler_;
  std::int64_t credit_bytes_;
  std::unordered_map<Name, Open, NameHash> streams_;  // Looked up only.
};

}  // namespace detcd::server
