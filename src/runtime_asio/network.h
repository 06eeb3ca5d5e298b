// The network of one scheduler. Connections may be accepted here and served on another scheduler:
// SocketListener gives them out before anybody watches them (see io_threads.h).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "runtime/network.h"
#include "runtime/task.h"
#include "runtime_asio/scheduler.h"
#include "runtime_asio/tcp.h"

namespace detcd::runtime_asio {

class SocketListener {
 public:
  virtual ~SocketListener() = default;  // Stops listening; a unix socket's name is removed.
  // Errors as Listener::accept. A destroyed accept loses no connection. After kUnavailable wait
  // before the next try: the connection that couldn't be taken is still there.
  virtual runtime::Task<Result<AcceptedSocket>> accept() = 0;
  virtual void close() noexcept = 0;
  [[nodiscard]] virtual std::string address() const = 0;
};

class AsioNetwork final : public runtime::Network {
 public:
  explicit AsioNetwork(AsioScheduler& scheduler) : scheduler_(scheduler) {}
  runtime::Task<Result<std::unique_ptr<runtime::Listener>>> listen(std::string address) override;
  runtime::Task<Result<std::unique_ptr<runtime::Stream>>> connect(std::string address) override;

  runtime::Task<Result<std::unique_ptr<SocketListener>>> listen_for_sockets(std::string address);
  [[nodiscard]] AsioScheduler& scheduler() const { return scheduler_; }

 private:
  AsioScheduler& scheduler_;
};

}  // namespace detcd::runtime_asio
