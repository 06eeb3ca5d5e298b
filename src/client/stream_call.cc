#include "client/stream_call.h"

#include <utility>

namespace detcd::client {
namespace {

// A sender waits while more than this hasn't left.
constexpr std::size_t kQueuedBytesMax = 64 << 10;
// Above the first the server gets no more window, until it is below the second.
constexpr std::size_t kMessagesHigh = 16;
constexpr std::size_t kMessagesLow = 4;
constexpr std::size_t kBytesHigh = 256 << 10;
constexpr std::size_t kBytesLow = 64 << 10;

}  // namespace

StreamCall::StreamCall(Connection& connection, http2::StreamId stream)
    : connection_(connection),
      stream_(stream),
      arrived_(connection.scheduler_),
      room_(connection.scheduler_) {
  connection_.calls_.emplace(stream_, this);
}

StreamCall::~StreamCall() {
  connection_.leave(stream_, !end_.has_value());
}

runtime::Task<bool> StreamCall::send(std::string message) {
  while (!end_ && connection_.session_.queued_bytes(stream_) > kQueuedBytesMax) {
    const bool woken = co_await room_.wait();
    static_cast<void>(woken);
  }
  if (end_ || request_ended_) co_return false;
  connection_.session_.send_message(stream_, Bytes::adopt(std::move(message)));
  connection_.output_.wake_all();
  co_return true;
}

void StreamCall::end_request() {
  if (std::exchange(request_ended_, true) || end_) return;
  connection_.session_.end_request(stream_);
  connection_.output_.wake_all();
}

runtime::Task<std::optional<Bytes>> StreamCall::receive() {
  co_return co_await receive_until(kNever);
}

runtime::Task<std::optional<Bytes>> StreamCall::receive_until(TimePoint deadline) {
  while (messages_.empty() && !end_) {
    const bool woken = co_await arrived_.wait_until(deadline);
    if (!woken) break;
  }
  co_return pop();
}

std::optional<Bytes> StreamCall::pop() {
  if (messages_.empty()) return std::nullopt;
  std::optional<Bytes> message(std::move(messages_.front()));
  messages_.pop_front();
  bytes_ -= message->size();
  if (held_ && messages_.size() <= kMessagesLow && bytes_ <= kBytesLow) {
    held_ = false;
    connection_.session_.hold_window(stream_, false);
    connection_.output_.wake_all();
  }
  return message;
}

void StreamCall::take(Bytes message) {
  bytes_ += message.size();
  messages_.push_back(std::move(message));
  if (!held_ && (messages_.size() >= kMessagesHigh || bytes_ >= kBytesHigh)) {
    held_ = true;
    connection_.session_.hold_window(stream_, true);
  }
  arrived_.wake_all();
}

void StreamCall::end(http2::CallEnded ended) {
  end_ = std::move(ended);
  arrived_.wake_all();
  room_.wake_all();
}

void StreamCall::moved() {
  if (room_.has_waiters()) room_.wake_all();
}

}  // namespace detcd::client
