// Byte streams in memory on one scheduler, for tests of connections: in order, bounded, delivered
// in pieces whose sizes are drawn from a seed. Both ends live on the same scheduler.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "runtime/network.h"
#include "runtime/wait.h"

namespace detcd::testing_support {

// One direction.
struct Pipe {
  explicit Pipe(runtime::Scheduler& scheduler) : changed(scheduler) {}
  std::string bytes;
  bool ended = false;  // Nothing more is written.
  bool reset = false;
  runtime::Signal changed;
};

struct Pieces {
  std::uint64_t seed = 0;  // 0: as much as there is.
  std::size_t capacity = 256 << 10;
};

class MemoryStream final : public runtime::Stream {
 public:
  MemoryStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out, Pieces pieces)
      : in_(std::move(in)), out_(std::move(out)), pieces_(pieces) {}
  ~MemoryStream() override {
    out_->ended = true;
    out_->changed.wake_all();
    in_->reset = true;
    in_->changed.wake_all();
  }

  runtime::Task<Result<std::string_view>> read() override {
    while (in_->bytes.empty() && !in_->ended && !in_->reset) {
      const bool woken = co_await in_->changed.wait();
      static_cast<void>(woken);
    }
    if (in_->reset) co_return Error{Errc::kReset, "the connection was reset"};
    std::size_t size = in_->bytes.size();
    if (pieces_.seed != 0 && size > 1) {
      size = 1 + mix64(pieces_.seed, ++reads_) % std::min<std::size_t>(size, 3000);
    }
    read_ = in_->bytes.substr(0, size);
    in_->bytes.erase(0, size);
    in_->changed.wake_all();
    co_return std::string_view(read_);
  }
  runtime::Task<Result<void>> write(std::string bytes) override {
    while (!out_->reset && !out_->ended && out_->bytes.size() >= pieces_.capacity) {
      const bool woken = co_await out_->changed.wait();
      static_cast<void>(woken);
    }
    if (out_->reset || out_->ended) co_return Error{Errc::kReset, "the connection was reset"};
    out_->bytes += bytes;
    out_->changed.wake_all();
    co_return Result<void>();
  }
  runtime::Task<Result<void>> shutdown() override {
    out_->ended = true;
    out_->changed.wake_all();
    co_return Result<void>();
  }
  void abort() noexcept override {
    in_->reset = out_->reset = true;
    in_->changed.wake_all();
    out_->changed.wake_all();
  }
  [[nodiscard]] std::string peer() const override { return "memory"; }

 private:
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  Pieces pieces_;
  std::uint64_t reads_ = 0;
  std::string read_;
};

class MemoryNetwork final : public runtime::Network {
 public:
  explicit MemoryNetwork(runtime::Scheduler& scheduler, Pieces pieces = {})
      : scheduler_(scheduler), pieces_(pieces) {}

  runtime::Task<Result<std::unique_ptr<runtime::Listener>>> listen(std::string address) override {
    co_return Result<std::unique_ptr<runtime::Listener>>(open(std::move(address)));
  }
  runtime::Task<Result<std::unique_ptr<runtime::Stream>>> connect(std::string address) override {
    co_await runtime::yield(scheduler_);
    const auto found = listening_.find(address);
    if (found == listening_.end()) co_return Error{Errc::kRefused, "nobody listens there"};
    auto there = std::make_shared<Pipe>(scheduler_);
    auto back = std::make_shared<Pipe>(scheduler_);
    Pieces server = pieces_;
    if (server.seed != 0) server.seed = mix64(server.seed, ++connections_);
    found->second->waiting.push_back(std::make_unique<MemoryStream>(there, back, server));
    found->second->arrived.wake_all();
    Pieces client = server;
    if (client.seed != 0) client.seed = mix64(client.seed);
    std::unique_ptr<runtime::Stream> stream = std::make_unique<MemoryStream>(back, there, client);
    co_return std::move(stream);
  }
  // The next accept of that listener fails with this.
  void fail_next_accept(const std::string& address, Error error) {
    listening_.at(address)->failures.push_back(std::move(error));
    listening_.at(address)->arrived.wake_all();
  }
  std::unique_ptr<runtime::Listener> open(std::string address) {
    auto port = std::make_shared<Port>(scheduler_);
    listening_[address] = port;
    return std::make_unique<MemoryListener>(*this, std::move(port), std::move(address));
  }

 private:
  struct Port {
    explicit Port(runtime::Scheduler& scheduler) : arrived(scheduler) {}
    std::deque<std::unique_ptr<runtime::Stream>> waiting;
    std::deque<Error> failures;
    bool closed = false;
    runtime::Signal arrived;
  };
  class MemoryListener final : public runtime::Listener {
   public:
    MemoryListener(MemoryNetwork& network, std::shared_ptr<Port> port, std::string address)
        : network_(network), port_(std::move(port)), address_(std::move(address)) {}
    ~MemoryListener() override { close(); }
    runtime::Task<Result<std::unique_ptr<runtime::Stream>>> accept() override {
      while (port_->waiting.empty() && port_->failures.empty() && !port_->closed) {
        const bool woken = co_await port_->arrived.wait();
        static_cast<void>(woken);
      }
      if (port_->closed) co_return Error{Errc::kClosed, "the listener was closed"};
      if (!port_->failures.empty()) {
        Error error = std::move(port_->failures.front());
        port_->failures.pop_front();
        co_return error;
      }
      std::unique_ptr<runtime::Stream> stream = std::move(port_->waiting.front());
      port_->waiting.pop_front();
      co_return std::move(stream);
    }
    void close() noexcept override {
      if (std::exchange(port_->closed, true)) return;
      network_.listening_.erase(address_);
      port_->arrived.wake_all();
    }
    [[nodiscard]] std::string address() const override { return address_; }

   private:
    MemoryNetwork& network_;
    std::shared_ptr<Port> port_;
    std::string address_;
  };

  runtime::Scheduler& scheduler_;
  Pieces pieces_;
  std::uint64_t connections_ = 0;
  std::map<std::string, std::shared_ptr<Port>> listening_;
};

}  // namespace detcd::testing_support
