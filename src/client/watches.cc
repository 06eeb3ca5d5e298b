#include "client/watches.h"

#include <algorithm>
#include <string>
#include <utility>

#include "apply/api_error.h"
#include "runtime/wait.h"

namespace detcd::client {
namespace {

using apply::GrpcCode;

constexpr const char* kPath = "/etcdserverpb.Watch/Watch";
constexpr Duration kPauseMax = 100ms;

http2::GrpcStatus status_of(GrpcCode code, std::string text) {
  return {static_cast<std::uint32_t>(code), std::move(text)};
}

bool has_code(const http2::GrpcStatus& status, GrpcCode code) {
  return status.code == static_cast<std::uint32_t>(code);
}

// clientv3's isHaltErr: a watch never comes back from any other status, nor from the want of a
// leader.
bool halts(const http2::GrpcStatus& status) {
  if (status.message == apply::text(apply::ApiError::kNoLeader)) return true;
  return !has_code(status, GrpcCode::kUnavailable) && !has_code(status, GrpcCode::kInternal);
}

}  // namespace

Watches::Watches(runtime::Scheduler& scheduler, Client& client, WatchOptions options)
    : scheduler_(scheduler),
      client_(client),
      options_(std::move(options)),
      changed_(scheduler),
      writer_(scheduler) {}

void Watches::add(WatchName name, watch::Create request) {
  set_.add(name, std::move(request));
  changed_.wake_all();
}

void Watches::cancel(WatchName name) {
  set_.cancel(name);
  std::erase_if(news_, [name](const WatchNews& news) { return news.watch == name; });
  changed_.wake_all();
}

void Watches::ask_progress() {
  set_.ask_progress();
  changed_.wake_all();
}

runtime::Task<std::optional<WatchNews>> Watches::next() {
  for (;;) {
    if (!news_.empty()) {
      std::optional<WatchNews> news(std::move(news_.front()));
      news_.pop_front();
      co_return std::move(news);
    }
    if (halted_) co_return std::nullopt;
    if (call_ == nullptr) {
      co_await begin();
      continue;
    }
    const std::optional<Bytes> message = co_await call_->receive();
    if (message) {
      take(*message);
    } else {
      co_await lose(call_->status());
    }
  }
}

runtime::Task<void> Watches::begin() {
  while (set_.empty()) {
    const bool woken = co_await changed_.wait();
    static_cast<void>(woken);
  }
  http2::Headers metadata;
  if (options_.require_leader) metadata.emplace_back("hasleader", "true");
  std::string path = kPath;
  Result<std::unique_ptr<StreamCall>> opened =
      co_await client_.open_stream(std::move(path), std::move(metadata));
  if (!opened) {
    co_await lose(status_of(GrpcCode::kUnavailable, opened.error().message));
    co_return;
  }
  call_ = *std::move(opened);
  writer_.spawn(write(*call_));
}

runtime::Task<void> Watches::write(StreamCall& call) {
  for (;;) {
    std::optional<WatchSet::Asked> asked = set_.take_request();
    if (!asked) {
      const bool woken = co_await changed_.wait();
      static_cast<void>(woken);
      continue;
    }
    const auto* const create = std::get_if<watch::Create>(&asked->request);
    if (create != nullptr && options_.on_create) options_.on_create(*asked->created, *create);
    std::string message = wire::serialize(asked->request);
    const bool sent = co_await call.send(std::move(message));
    if (!sent) co_return;
  }
}

void Watches::take(const Bytes& message) {
  Result<wire::WatchAnswer> answer = wire::parse_watch_response(message.view());
  if (!answer) {
    status_ = status_of(GrpcCode::kInternal, answer.error().message);
    halted_ = true;
    return;
  }
  if (options_.on_answer) options_.on_answer(set_.name_of(*answer), *answer);
  for (WatchNews& news : set_.take(*std::move(answer))) news_.push_back(std::move(news));
  // An answer may let the next watch be created.
  changed_.wake_all();
}

// As backoffIfUnavailable: each loss waits a quarter longer than the one before.
runtime::Task<void> Watches::lose(http2::GrpcStatus status) {
  writer_.cancel();
  call_.reset();
  set_.stream_lost();
  if (options_.on_lost) options_.on_lost(status);
  status_ = std::move(status);
  halted_ = halts(status_);
  if (halted_ || !has_code(status_, GrpcCode::kUnavailable)) co_return;
  pause_ = std::min(kPauseMax, pause_ + pause_ / 4);
  co_await runtime::sleep_for(scheduler_, pause_);
}

}  // namespace detcd::client
