#include "sim/net/node_network.h"

#include <coroutine>
#include <utility>

#include "base/check.h"

namespace detcd::sim {
namespace {

using runtime::Listener;
using runtime::Stream;
using runtime::Task;

struct Door {
  SimNetwork& network;
  runtime::Scheduler& scheduler;
  const Fence& fence;
};

// One end of one connection, as an owner holds it.
struct Grip {
  ConnectionId id;
  Side side = Side::kClient;
};

enum class WaitFor : std::uint8_t { kBytes, kRoom, kConnected };

// Waits until the end is ready for something; at least for a turn. Destroyed before that it spoils
// the stream: bytes may have been half taken.
class [[nodiscard]] EndAwaiter {
 public:
  EndAwaiter(const Door& door, Grip grip, WaitFor what)
      : network_(door.network), grip_(grip), what_(what), waiter_{door.scheduler, {}} {}
  EndAwaiter(const EndAwaiter&) = delete;
  EndAwaiter& operator=(const EndAwaiter&) = delete;
  ~EndAwaiter() {
    if (resumed_ || !waiting_) return;
    network_.forget_waiter(grip_.id, waiter_);
    network_.spoil(grip_.id, grip_.side);
  }
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    waiting_ = true;
    waiter_.turn.handle = caller;
    Connection& connection = network_.connection(grip_.id);
    End& end = connection.end(grip_.side);
    Waiter*& place = what_ == WaitFor::kBytes ? end.reader : end.writer;
    check(place == nullptr, "at most one read and one write are outstanding on a stream");
    place = &waiter_;
    if (is_ready(connection)) waiter_.wake();
  }
  void await_resume() {
    resumed_ = true;
    network_.forget_waiter(grip_.id, waiter_);
  }

 private:
  [[nodiscard]] bool is_ready(Connection& connection) const {
    const End& end = connection.end(grip_.side);
    if (end.state == EndState::kGone) return true;
    switch (what_) {
      case WaitFor::kBytes:
        return end.received_bytes > 0 || end.end_of_file;
      case WaitFor::kConnected:
        return end.state == EndState::kOpen;
      case WaitFor::kRoom:
        break;
    }
    const std::uint64_t capacity = network_.options().send_buffer_bytes;
    return connection.pipe_from(grip_.side).unsent_bytes < capacity;
  }
  SimNetwork& network_;
  Grip grip_;
  WaitFor what_;
  Waiter waiter_;
  bool waiting_ = false;
  bool resumed_ = false;
};

class NodeStream final : public Stream {
 public:
  NodeStream(const Door& door, Grip grip) : door_(door), grip_(grip) {}
  NodeStream(const NodeStream&) = delete;
  NodeStream& operator=(const NodeStream&) = delete;
  // When the node died, its kernel closed the connection already.
  ~NodeStream() override {
    if (!door_.fence.open()) return;
    if (end().spoiled) door_.network.abort(grip_.id, grip_.side);
    door_.network.close(grip_.id, grip_.side);
  }

  Task<Result<std::string_view>> read() override {
    door_.fence.require_open("Stream::read");
    if (spoiled()) co_return spoiled_error();
    for (;;) {
      co_await EndAwaiter(door_, grip_, WaitFor::kBytes);
      const End& mine = end();
      if (mine.received_bytes > 0) {
        text_ = door_.network.take_received(grip_.id, grip_.side);
        co_return std::string_view(text_);
      }
      if (mine.end_of_file) co_return std::string_view();
      if (mine.state == EndState::kGone) co_return failure();
    }
  }

  Task<Result<void>> write(std::string bytes) override {
    door_.fence.require_open("Stream::write");
    if (spoiled()) co_return spoiled_error();
    do {
      co_await EndAwaiter(door_, grip_, WaitFor::kRoom);
      if (end().state == EndState::kGone) co_return failure();
      if (shut_down_) co_return Error{Errc::kClosed, "this end was shut down for writing"};
      if (!bytes.empty()) door_.network.offer(grip_.id, grip_.side, bytes);
    } while (!bytes.empty());
    co_return Result<void>();
  }

  Task<Result<void>> shutdown() override {
    door_.fence.require_open("Stream::shutdown");
    if (spoiled()) co_return spoiled_error();
    co_await runtime::yield(door_.scheduler);
    if (end().state == EndState::kGone) co_return failure();
    shut_down_ = true;
    door_.network.shut_down(grip_.id, grip_.side);
    co_return Result<void>();
  }

  void abort() noexcept override {
    if (door_.fence.admits("Stream::abort")) door_.network.abort(grip_.id, grip_.side);
  }

  [[nodiscard]] std::string peer() const override {
    return door_.network.connection(grip_.id).end(other(grip_.side)).address;
  }

 private:
  [[nodiscard]] const End& end() const {
    return door_.network.connection(grip_.id).end(grip_.side);
  }
  // Bytes may have gone to a task that is gone: what follows would be out of place.
  [[nodiscard]] bool spoiled() const { return end().spoiled && end().state != EndState::kGone; }
  [[nodiscard]] static Error spoiled_error() {
    return {Errc::kClosed, "after a destroyed read or write a stream is good only for abort"};
  }
  [[nodiscard]] Error failure() const {
    return end().error.value_or(Error{Errc::kClosed, "the connection is closed"});
  }

  Door door_;
  Grip grip_;
  std::string text_;  // What the last read gave out.
  bool shut_down_ = false;
};

class [[nodiscard]] AcceptAwaiter {
 public:
  AcceptAwaiter(const Door& door, ListenerId id)
      : network_(door.network), id_(id), waiter_{door.scheduler, {}} {}
  AcceptAwaiter(const AcceptAwaiter&) = delete;
  AcceptAwaiter& operator=(const AcceptAwaiter&) = delete;
  ~AcceptAwaiter() { network_.forget_waiter(id_, waiter_); }
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    waiter_.turn.handle = caller;
    if (network_.listening(id_)) network_.set_acceptor(id_, &waiter_);
    if (network_.can_accept(id_)) waiter_.wake();
  }
  void await_resume() { network_.forget_waiter(id_, waiter_); }

 private:
  SimNetwork& network_;
  ListenerId id_;
  Waiter waiter_;
};

class NodeListener final : public Listener {
 public:
  NodeListener(const Door& door, ListenerId id)
      : door_(door), id_(id), address_(door.network.listener_address(id)) {}
  NodeListener(const NodeListener&) = delete;
  NodeListener& operator=(const NodeListener&) = delete;
  ~NodeListener() override {
    if (door_.fence.open()) door_.network.close_listener(id_);
  }

  Task<Result<std::unique_ptr<Stream>>> accept() override {
    door_.fence.require_open("Listener::accept");
    for (;;) {
      co_await AcceptAwaiter(door_, id_);
      if (!door_.network.can_accept(id_)) continue;
      const Result<ConnectionId> accepted = door_.network.accept(id_);
      if (!accepted) co_return accepted.error();
      const Grip grip{*accepted, Side::kServer};
      co_return std::unique_ptr<Stream>(std::make_unique<NodeStream>(door_, grip));
    }
  }
  void close() noexcept override {
    if (door_.fence.admits("Listener::close")) door_.network.close_listener(id_);
  }
  [[nodiscard]] std::string address() const override { return address_; }

 private:
  Door door_;
  ListenerId id_;
  std::string address_;
};

}  // namespace

Task<Result<std::unique_ptr<Listener>>> NodeNetwork::listen(std::string address) {
  fence_.require_open("Network::listen");
  co_await runtime::yield(scheduler_);
  const Result<ListenerId> id = network_.listen(node_, address);
  if (!id) co_return id.error();
  const Door door{network_, scheduler_, fence_};
  co_return std::unique_ptr<Listener>(std::make_unique<NodeListener>(door, *id));
}

Task<Result<std::unique_ptr<Stream>>> NodeNetwork::connect(std::string address) {
  fence_.require_open("Network::connect");
  co_await runtime::yield(scheduler_);
  const Duration wait = network_.lookup_delay(node_, address);
  if (wait > Duration::zero()) co_await runtime::sleep_for(scheduler_, wait);
  const Result<ConnectionId> id = network_.begin_connect(node_, address);
  if (!id) co_return id.error();
  const Door door{network_, scheduler_, fence_};
  // Owns the connection from here on: destroyed under way it lets the connection go.
  const Grip grip{*id, Side::kClient};
  auto stream = std::make_unique<NodeStream>(door, grip);
  co_await EndAwaiter(door, grip, WaitFor::kConnected);
  const End& end = network_.connection(*id).end(Side::kClient);
  if (end.state == EndState::kGone && end.error) co_return *end.error;
  co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace detcd::sim
