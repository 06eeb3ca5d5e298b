#include "runtime_asio/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstddef>
#include <memory>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include "base/check.h"
#include "base/units.h"
#include "runtime/wait.h"
#include "runtime_asio/completion.h"
#include "runtime_asio/system_error.h"

namespace detcd::runtime_asio {

namespace {

using boost::system::error_code;
using runtime::Task;

constexpr std::size_t kReadBufferBytes = 64 * kKiB;

struct Transfer {
  error_code error;
  std::size_t bytes = 0;
};
using TransferCell = std::shared_ptr<Completion<Transfer>::Cell>;

// The connection, shared by its stream and the handlers under way: asio may touch socket and
// buffers until its handler has run, also when stream and task are long gone.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  Channel(AsioScheduler& scheduler, std::string peer)
      : scheduler_(scheduler), socket_(scheduler.context()), peer_(std::move(peer)) {}

  [[nodiscard]] AsioScheduler& scheduler() const { return scheduler_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] bool closed() const { return !socket_.is_open(); }
  // A read or write that nobody waits for any more may have taken bytes along.
  [[nodiscard]] bool broken() const { return broken_; }
  [[nodiscard]] bool reading() const { return reading_; }
  [[nodiscard]] bool writing() const { return writing_; }
  [[nodiscard]] bool shut() const { return shut_; }
  // Why reading ended, if it has. Asio must not be asked again: after an end of file it waits for
  // an event that never comes.
  [[nodiscard]] error_code read_end() const { return read_end_; }
  [[nodiscard]] std::string_view received(std::size_t bytes) const {
    return {buffer_.get(), bytes};
  }

  error_code open(UniqueFd fd, int family) {
    error_code error;
    socket_.assign(boost::asio::generic::stream_protocol(family, 0), fd.get(), error);
    if (!error) fd.release();
    return error;
  }
  void start_read(TransferCell cell) {
    if (buffer_ == nullptr) buffer_ = std::make_unique_for_overwrite<char[]>(kReadBufferBytes);
    reading_ = true;
    socket_.async_read_some(boost::asio::buffer(buffer_.get(), kReadBufferBytes),
                            [channel = shared_from_this(), cell = std::move(cell)](
                                error_code error, std::size_t bytes) {
                              channel->reading_ = false;
                              channel->broken_ |= cell->abandoned();
                              channel->read_end_ = error;
                              cell->complete({error, bytes});
                            });
  }
  // Sends what the socket takes at once: with room in its buffer, which is the rule, a write needs
  // no waiting. The count, 0 when there is no room or an error: asio finds out which.
  std::size_t send_now(std::string_view bytes) {
    const ssize_t sent =
        ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  void start_write(std::string bytes, std::size_t sent, TransferCell cell) {
    outgoing_ = std::move(bytes);
    writing_ = true;
    write_from(sent, std::move(cell));
  }
  error_code shut_down() {
    error_code error;
    shut_ = true;
    socket_.shutdown(boost::asio::socket_base::shutdown_send, error);
    return error;
  }
  // With `reset` the peer learns of it at once, and what is on its way is lost.
  void close(bool reset) noexcept {
    if (closed()) return;
    const linger now{1, 0};
    if (reset) ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  // Asio tries to send here and now, and waits for room only when there is none.
  void write_from(std::size_t sent, TransferCell cell) {
    socket_.async_write_some(boost::asio::buffer(outgoing_.data() + sent, outgoing_.size() - sent),
                             [channel = shared_from_this(), sent, cell = std::move(cell)](
                                 error_code error, std::size_t bytes) {
                               if (!error && sent + bytes < channel->outgoing_.size()) {
                                 channel->write_from(sent + bytes, cell);
                                 return;
                               }
                               channel->writing_ = false;
                               channel->outgoing_ = {};
                               channel->broken_ |= cell->abandoned();
                               cell->complete({error, sent + bytes});
                             });
  }

  AsioScheduler& scheduler_;
  boost::asio::generic::stream_protocol::socket socket_;
  std::string peer_;
  std::unique_ptr<char[]> buffer_;
  std::string outgoing_;
  error_code read_end_;
  bool reading_ = false;
  bool writing_ = false;
  bool shut_ = false;
  bool broken_ = false;
};

Error failure(const Channel& channel, std::string_view verb, error_code error) {
  const std::string what = std::string(verb) + " " + channel.peer();
  if (channel.closed() || error == boost::asio::error::operation_aborted) {
    return {Errc::kClosed, what + ": the stream was closed here"};
  }
  return system_error(error.value(), what);
}

Error unusable(const Channel& channel, std::string_view verb) {
  return {Errc::kClosed, std::string(verb) + " " + channel.peer() +
                             (channel.closed() ? ": the stream was closed here"
                                               : ": an operation on the stream was abandoned")};
}

class AsioStream final : public runtime::Stream {
 public:
  explicit AsioStream(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}
  ~AsioStream() override { channel_->close(false); }

  Task<Result<std::string_view>> read() override { return read_from(channel_); }
  Task<Result<void>> write(std::string bytes) override {
    return write_to(channel_, std::move(bytes));
  }
  Task<Result<void>> shutdown() override { return shut_down(channel_); }
  void abort() noexcept override { channel_->close(true); }
  [[nodiscard]] std::string peer() const override { return channel_->peer(); }

 private:
  // put-path 1/8: bytes of a request arrive.
  static Task<Result<std::string_view>> read_from(std::shared_ptr<Channel> channel) {
    if (channel->closed() || channel->broken() || channel->reading()) {
      co_return unusable(*channel, "read from");
    }
    Transfer transfer{channel->read_end()};
    if (!transfer.error) {
      Completion<Transfer> done(channel->scheduler());
      channel->start_read(done.cell());
      const Transfer arrived = co_await done;
      transfer = arrived;
    }
    const bool ended = transfer.error == boost::asio::error::eof && !channel->closed();
    if (ended) co_return std::string_view{};
    if (transfer.error || channel->closed()) {
      co_return failure(*channel, "read from", transfer.error);
    }
    co_return channel->received(transfer.bytes);
  }

  static Task<Result<void>> write_to(std::shared_ptr<Channel> channel, std::string bytes) {
    if (channel->closed() || channel->broken() || channel->writing() || channel->shut()) {
      co_return unusable(*channel, "write to");
    }
    if (bytes.empty()) co_return Result<void>{};
    const std::size_t sent = channel->send_now(bytes);
    if (sent == bytes.size()) {
      co_await runtime::yield(channel->scheduler());
      if (channel->closed()) co_return failure(*channel, "write to", {});
      co_return Result<void>{};
    }
    Completion<Transfer> done(channel->scheduler());
    channel->start_write(std::move(bytes), sent, done.cell());
    const Transfer transfer = co_await done;
    if (transfer.error || channel->closed()) {
      co_return failure(*channel, "write to", transfer.error);
    }
    co_return Result<void>{};
  }

  static Task<Result<void>> shut_down(std::shared_ptr<Channel> channel) {
    if (channel->closed() || channel->writing()) co_return unusable(*channel, "shut down");
    const error_code error = channel->shut_down();
    if (error) co_return failure(*channel, "shut down", error);
    co_return Result<void>{};
  }

  std::shared_ptr<Channel> channel_;
};

// Small messages both ways: nothing waits to be filled up. Dead peers are noticed as Go notices
// them.
void set_options(int fd) {
  const int on = 1;
  const int interval_seconds = 15;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &interval_seconds, sizeof interval_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
}

}  // namespace

Result<std::unique_ptr<runtime::Stream>> make_stream(AsioScheduler& scheduler,
                                                     AcceptedSocket accepted) {
  int family = AF_UNSPEC;
  socklen_t length = sizeof family;
  ::getsockopt(accepted.socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &length);
  if (family != AF_UNIX) set_options(accepted.socket.get());
  auto channel = std::make_shared<Channel>(scheduler, std::move(accepted.peer));
  const error_code error = channel->open(std::move(accepted.socket), family);
  if (error) return system_error(error.value(), "watch the connection with " + channel->peer());
  return std::unique_ptr<runtime::Stream>(std::make_unique<AsioStream>(std::move(channel)));
}

}  // namespace detcd::runtime_asio
