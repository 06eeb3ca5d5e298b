#include "runtime_asio/network.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include "runtime/wait.h"
#include "runtime_asio/address.h"
#include "runtime_asio/completion.h"
#include "runtime_asio/system_error.h"

namespace detcd::runtime_asio {

namespace {

using boost::system::error_code;
using runtime::Task;
using Socket = boost::asio::generic::stream_protocol::socket;
using Endpoints = std::vector<Endpoint>;

constexpr int kBacklog = 4096;  // The system cuts it to net.core.somaxconn.

// Names are asked for on a helper thread.
Task<Result<Endpoints>> endpoints_of(AsioScheduler& scheduler, Address address) {
  Result<Endpoints> literal = literal_endpoints(address);
  if (!literal || !literal->empty()) co_return std::move(literal);
  Completion<Result<Endpoints>> done(scheduler);
  auto found = std::make_shared<std::optional<Result<Endpoints>>>();
  scheduler.offload([found, address] { found->emplace(resolve(address)); },
                    [found, cell = done.cell()] { cell->complete(std::move(**found)); });
  co_return co_await done;
}

Result<UniqueFd> make_socket(const Endpoint& endpoint) {
  UniqueFd fd(::socket(endpoint.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return system_error(errno, "make a socket for " + text_of(endpoint));
  return fd;
}

// A unix socket's name outlives its process. One that nobody answers at is taken over.
bool remove_stale_name(const Endpoint& endpoint) {
  const Result<UniqueFd> probe = make_socket(endpoint);
  if (!probe || ::connect(probe->get(), endpoint.data(), endpoint.length) == 0) return false;
  if (errno != ECONNREFUSED) return false;
  return ::unlink(text_of(endpoint).c_str() + std::string_view("unix:").size()) == 0;
}

Result<UniqueFd> listen_at(const Endpoint& endpoint) {
  Result<UniqueFd> fd = make_socket(endpoint);
  if (!fd) return fd;
  const int on = 1;
  const int off = 0;
  if (endpoint.family() != AF_UNIX) {
    ::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (endpoint.family() == AF_INET6) {
    ::setsockopt(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  int bound = ::bind(fd->get(), endpoint.data(), endpoint.length);
  if (bound != 0 && errno == EADDRINUSE && endpoint.family() == AF_UNIX) {
    bound = remove_stale_name(endpoint) ? ::bind(fd->get(), endpoint.data(), endpoint.length) : -1;
    if (bound != 0) errno = EADDRINUSE;
  }
  if (bound != 0 || ::listen(fd->get(), kBacklog) != 0) {
    return system_error(errno, "listen at " + text_of(endpoint));
  }
  return fd;
}

// A listening socket, shared by its listener and the accepts and handlers under way.
struct Door : std::enable_shared_from_this<Door> {
  explicit Door(AsioScheduler& owner)
      : scheduler(owner), socket(owner.context()), readable(owner) {}

  // Wakes all accepts when a connection is there. One watch serves every accept, so that accepts
  // that are destroyed leave nothing behind.
  void watch() {
    if (std::exchange(watched, true)) return;
    socket.async_wait(Socket::wait_read, [door = shared_from_this()](error_code) {
      door->watched = false;
      door->readable.wake_all();
    });
  }
  void close() noexcept {
    if (!socket.is_open()) return;
    error_code ignored;
    socket.close(ignored);
    readable.wake_all();
    if (address.starts_with("unix:")) {
      ::unlink(address.c_str() + std::string_view("unix:").size());
    }
  }

  AsioScheduler& scheduler;
  Socket socket;
  runtime::Signal readable;
  std::string address;
  bool watched = false;
};

// Nothing where nobody has come; otherwise a connection or why it can't be had.
std::optional<Result<AcceptedSocket>> try_accept(Door& door) {
  for (;;) {
    Endpoint peer;
    peer.length = sizeof peer.storage;
    UniqueFd fd(::accept4(door.socket.native_handle(), peer.data(), &peer.length,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) return AcceptedSocket{std::move(fd), text_of(peer)};
    if (errno == EAGAIN) return std::nullopt;
    // Who knocked went away again: accept(2) passes on the errors of the network under the
    // connection.
    const bool theirs = errno == ECONNABORTED || errno == EINTR || errno == EPROTO ||
                        errno == EHOSTUNREACH || errno == ENETUNREACH || errno == ENETDOWN;
    if (!theirs) return system_error(errno, "accept at " + door.address);
  }
}

class AsioSocketListener final : public SocketListener {
 public:
  explicit AsioSocketListener(std::shared_ptr<Door> door) : door_(std::move(door)) {}
  ~AsioSocketListener() override { door_->close(); }
  Task<Result<AcceptedSocket>> accept() override { return accept_at(door_); }
  void close() noexcept override { door_->close(); }
  [[nodiscard]] std::string address() const override { return door_->address; }

 private:
  static Task<Result<AcceptedSocket>> accept_at(std::shared_ptr<Door> door) {
    // Between two connections of a crowd everybody else has a turn.
    co_await runtime::yield(door->scheduler);
    while (door->socket.is_open()) {
      std::optional<Result<AcceptedSocket>> accepted = try_accept(*door);
      if (accepted) co_return std::move(*accepted);
      door->watch();
      const bool woken = co_await door->readable.wait();
      static_cast<void>(woken);
    }
    co_return Error{Errc::kClosed, "accept at " + door->address + ": the listener was closed"};
  }

  std::shared_ptr<Door> door_;
};

class AsioListener final : public runtime::Listener {
 public:
  AsioListener(AsioScheduler& scheduler, std::unique_ptr<SocketListener> sockets)
      : scheduler_(scheduler), sockets_(std::move(sockets)) {}
  Task<Result<std::unique_ptr<runtime::Stream>>> accept() override {
    return serve(scheduler_, sockets_->accept());
  }
  void close() noexcept override { sockets_->close(); }
  [[nodiscard]] std::string address() const override { return sockets_->address(); }

 private:
  static Task<Result<std::unique_ptr<runtime::Stream>>> serve(AsioScheduler& scheduler,
                                                              Task<Result<AcceptedSocket>> accept) {
    Result<AcceptedSocket> accepted = co_await std::move(accept);
    if (!accepted) co_return accepted.error();
    co_return make_stream(scheduler, std::move(*accepted));
  }

  AsioScheduler& scheduler_;
  std::unique_ptr<SocketListener> sockets_;
};

// What was sent and isn't acknowledged for so long was sent to nobody: a machine that lost its
// power says no goodbye, and when it is back the connection waits for the next of ever rarer
// retransmissions to find out.
constexpr unsigned kUnacknowledgedMaxMs = 10'000;

Error connect_error(int number, const Endpoint& endpoint) {
  Error error = system_error(number, "connect to " + text_of(endpoint));
  // A unix socket without a name has nobody behind it either, and one with a full backlog may have
  // room again.
  if (number == ENOENT) error.code = Errc::kRefused;
  if (number == EAGAIN) error.code = Errc::kUnavailable;
  return error;
}

Task<Result<AcceptedSocket>> connect_to(AsioScheduler& scheduler, Endpoint endpoint) {
  Result<UniqueFd> fd = make_socket(endpoint);
  if (!fd) co_return fd.error();
  const int started = ::connect(fd->get(), endpoint.data(), endpoint.length);
  if (started != 0 && errno != EINPROGRESS) co_return connect_error(errno, endpoint);
  Socket socket(scheduler.context());
  error_code error;
  socket.assign(boost::asio::generic::stream_protocol(endpoint.family(), 0), fd->get(), error);
  if (error) co_return connect_error(error.value(), endpoint);
  fd->release();
  Completion<error_code> done(scheduler);
  socket.async_wait(Socket::wait_write,
                    [cell = done.cell()](error_code waited) { cell->complete(waited); });
  const error_code waited = co_await done;
  if (waited) co_return connect_error(waited.value(), endpoint);
  int number = 0;
  socklen_t length = sizeof number;
  ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_ERROR, &number, &length);
  if (number != 0) co_return connect_error(number, endpoint);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedMaxMs,
               sizeof kUnacknowledgedMaxMs);
  UniqueFd connected(socket.release(error));
  if (error) co_return connect_error(error.value(), endpoint);
  co_return AcceptedSocket{std::move(connected), text_of(endpoint)};
}

std::string bound_address(int fd) {
  Endpoint endpoint;
  endpoint.length = sizeof endpoint.storage;
  ::getsockname(fd, endpoint.data(), &endpoint.length);
  return text_of(endpoint);
}

}  // namespace

Task<Result<std::unique_ptr<SocketListener>>> AsioNetwork::listen_for_sockets(std::string address) {
  Result<Address> parsed = parse_address(address);
  if (!parsed) co_return parsed.error();
  Result<Endpoints> endpoints = co_await endpoints_of(scheduler_, std::move(*parsed));
  if (!endpoints) co_return endpoints.error();
  Error last;
  for (const Endpoint& endpoint : *endpoints) {
    Result<UniqueFd> fd = listen_at(endpoint);
    if (!fd) {
      last = fd.error();
      // The next one is for a system without such addresses only. A port in use on the first must
      // not send the server to where its clients don't look, and somebody else answers them.
      if (last.code == Errc::kInvalid) continue;
      co_return std::move(last);
    }
    auto door = std::make_shared<Door>(scheduler_);
    error_code error;
    door->address = bound_address(fd->get());
    door->socket.assign(boost::asio::generic::stream_protocol(endpoint.family(), 0), fd->get(),
                        error);
    if (error) co_return system_error(error.value(), "watch " + door->address);
    fd->release();
    std::unique_ptr<SocketListener> listener = std::make_unique<AsioSocketListener>(door);
    co_return std::move(listener);
  }
  co_return std::move(last);
}

Task<Result<std::unique_ptr<runtime::Listener>>> AsioNetwork::listen(std::string address) {
  Result<std::unique_ptr<SocketListener>> sockets = co_await listen_for_sockets(std::move(address));
  if (!sockets) co_return sockets.error();
  co_return std::unique_ptr<runtime::Listener>(
      std::make_unique<AsioListener>(scheduler_, std::move(*sockets)));
}

Task<Result<std::unique_ptr<runtime::Stream>>> AsioNetwork::connect(std::string address) {
  Result<Address> parsed = parse_address(address);
  if (!parsed) co_return parsed.error();
  Result<Endpoints> endpoints = co_await endpoints_of(scheduler_, std::move(*parsed));
  if (!endpoints) co_return endpoints.error();
  Error last;
  for (const Endpoint& endpoint : *endpoints) {
    Result<AcceptedSocket> connected = co_await connect_to(scheduler_, endpoint);
    if (connected) co_return make_stream(scheduler_, std::move(*connected));
    last = connected.error();
  }
  co_return std::move(last);
}

}  // namespace detcd::runtime_asio
