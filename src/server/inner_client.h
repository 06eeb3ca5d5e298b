// A client of the node inside its own process: it asks what a connection would ask, by the same
// mailbox and in the name of the same caller, one call at a time or one watch. Its owner may be
// told meanwhile that nobody waits any more: a watch then ends at once, and nothing further is
// asked until what has to be cleaned up is.
#pragma once

#include <optional>
#include <string>

#include "runtime/mailbox.h"
#include "runtime/task.h"
#include "server/service.h"

namespace detcd::server {

class InnerClient {
 public:
  // In whose name everything is asked.
  struct Caller {
    Token token;
    bool require_leader = false;  // Of watches.
  };
  InnerClient(runtime::Scheduler& scheduler, runtime::Mailbox<ToNode>::Sender node, Caller caller)
      : node_(std::move(node)), caller_(std::move(caller)), replies_(scheduler) {}

  // The answer, or kCanceled, or kStopped. An answer is waited for even when nobody waits for what
  // will come of it: what a write has done is to be known.
  runtime::Task<Reply> ask(Request request);

  // From `start` on. One at a time.
  void watch(std::string key, std::string range_end, std::int64_t start);
  // What the watch is told next, or why it ended. Asking says that what was told before was taken.
  runtime::Task<Reply> next();
  void end_watch();

  // Nobody waits any more.
  void cancel();
  [[nodiscard]] bool canceled() const { return canceled_; }
  // What follows is asked although nobody waits for it.
  void begin_clean_up() { canceled_ = false; }

 private:
  [[nodiscard]] bool send(CallId call, Request request, bool require_leader);
  [[nodiscard]] runtime::Mailbox<Reply>::Sender address() const { return replies_.sender(); }

  runtime::Mailbox<ToNode>::Sender node_;
  Caller caller_;
  runtime::Mailbox<Reply> replies_;
  std::uint64_t last_call_ = 0;  // 0 itself says that nobody waits.
  std::optional<CallId> watch_;
  Credit taken_;  // Of the watch, and not yet told to the node.
  bool canceled_ = false;
};

}  // namespace detcd::server
