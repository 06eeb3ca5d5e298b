// The watches of a client, as clientv3's Watcher has them: all on one stream, each going on from
// where its client was told everything when the stream is lost and another endpoint is asked. Who
// doesn't take news keeps the server from sending: nothing is buffered without bound.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "client/client.h"
#include "client/stream_call.h"
#include "client/watch_set.h"
#include "runtime/task_group.h"

namespace detcd::client {

struct WatchOptions {
  bool require_leader = false;  // As metadata `hasleader`.
  // Told of what is on the wire: a watch is created, with what; a response, and the watch that it
  // is for (none: of all, or of nobody any more); the stream is gone.
  std::function<void(WatchName, const watch::Create&)> on_create;
  std::function<void(std::optional<WatchName>, const wire::WatchAnswer&)> on_answer;
  std::function<void(const http2::GrpcStatus&)> on_lost;
};

class Watches {
 public:
  // Both outlive this.
  Watches(runtime::Scheduler& scheduler, Client& client, WatchOptions options);
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;
  // Nobody is in next().
  ~Watches() = default;

  // A name is used once.
  void add(WatchName name, watch::Create request);
  void cancel(WatchName name);
  void ask_progress();
  // The next thing that is told, of any of them; none: the server ended the stream for good.
  // One task at a time.
  runtime::Task<std::optional<WatchNews>> next();
  // Why it ended for good.
  [[nodiscard]] const http2::GrpcStatus& status() const { return status_; }
  [[nodiscard]] bool empty() const { return set_.empty(); }

 private:
  runtime::Task<void> begin();
  runtime::Task<void> write(StreamCall& call);
  // The stream is over, and what comes next is another one, or nothing.
  runtime::Task<void> lose(http2::GrpcStatus status);
  void take(const Bytes& message);

  runtime::Scheduler& scheduler_;
  Client& client_;
  WatchOptions options_;
  WatchSet set_;
  std::deque<WatchNews> news_;
  Duration pause_ = 1ms;
  bool halted_ = false;
  http2::GrpcStatus status_;
  runtime::Signal changed_;
  std::unique_ptr<StreamCall> call_;
  runtime::TaskGroup writer_;
};

}  // namespace detcd::client
