// The snapshots that clients are being sent: who gets one, and how much of it they have room for.
// A stream's task waits here for its client; the connection gives credit as the client takes what
// it was sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "runtime/scheduler.h"
#include "runtime/wait.h"
#include "server/proposals.h"
#include "server/service.h"

namespace detcd::server {

class Backups {
 public:
  // Each holds a pin on the past, which can't be freed as long.
  static constexpr std::size_t kStreamsMax = 16;
  // What a client is sent before it has taken anything.
  static constexpr std::int64_t kCreditBytes = 256 << 10;
  static constexpr std::size_t kPieceBytes = 32 << 10;  // As etcd cuts it.

  struct Stream {
    explicit Stream(runtime::Scheduler& scheduler) : changed(scheduler) {}
    std::int64_t credit = kCreditBytes;
    bool closed = false;  // Its client is gone.
    runtime::Signal changed;
  };

  explicit Backups(runtime::Scheduler& scheduler) : scheduler_(scheduler) {}
  // None when there are too many. The stream is there until the task that asked ends it.
  [[nodiscard]] std::shared_ptr<Stream> open(const ReturnAddress& origin);
  void end(const ReturnAddress& origin);
  // False when the call is no such stream.
  bool grant(const Credit& credit);
  bool close(const Forget& forget);

 private:
  [[nodiscard]] Stream* find(const runtime::Mailbox<Reply>::Sender& reply, CallId call);

  struct Open {
    ReturnAddress address;
    std::shared_ptr<Stream> stream;
  };

  runtime::Scheduler& scheduler_;
  std::map<std::uint64_t, Open> streams_;  // In the order in which they were opened.
  std::uint64_t last_number_ = 0;
};

}  // namespace detcd::server
