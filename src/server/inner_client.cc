#include "server/inner_client.h"

#include <utility>

namespace detcd::server {
namespace {

Reply failed(apply::ApiError error) {
  return {CallId(0), {}, error, nullptr};
}

}  // namespace

bool InnerClient::send(CallId call, Request request, bool require_leader) {
  return node_.send(Call{.call = call,
                         .require_leader = require_leader,
                         .token = caller_.token,
                         .request = std::move(request),
                         .reply = address()});
}

runtime::Task<Reply> InnerClient::ask(Request request) {
  if (canceled_) co_return failed(apply::ApiError::kCanceled);
  const CallId call(++last_call_);
  if (!send(call, std::move(request), false)) co_return failed(apply::ApiError::kStopped);
  for (;;) {
    std::optional<Reply> reply = co_await replies_.receive();
    if (!reply) co_return failed(apply::ApiError::kStopped);
    if (reply->call == call) co_return *std::move(reply);
  }
}

void InnerClient::watch(std::string key, std::string range_end, std::int64_t start) {
  watch_ = CallId(++last_call_);
  taken_ = Credit{*watch_, address()};
  watch::Create create{.key = std::move(key), .range_end = std::move(range_end)};
  create.start_revision = start;
  if (send(*watch_, WatchOpen{}, caller_.require_leader) &&
      send(*watch_, watch::Request(std::move(create)), false)) {
    return;
  }
  const bool told = address().send({*watch_, {}, apply::ApiError::kStopped, nullptr});
  static_cast<void>(told);
}

runtime::Task<Reply> InnerClient::next() {
  if (taken_.responses > 0) {
    const bool told = node_.send(std::exchange(taken_, Credit{*watch_, address()}));
    static_cast<void>(told);
  }
  for (;;) {
    if (canceled_) co_return failed(apply::ApiError::kCanceled);
    std::optional<Reply> reply = co_await replies_.receive();
    if (!reply) co_return failed(apply::ApiError::kStopped);
    if (reply->call != *watch_) continue;
    if (const auto* told = std::get_if<WatchAnswer>(&reply->outcome)) {
      for (const watch::Response& response : told->responses) {
        ++taken_.responses;
        taken_.bytes += static_cast<std::int64_t>(watch::kResponseBytes);
        for (const watch::Event& event : response.events) {
          taken_.bytes += static_cast<std::int64_t>(watch::bytes_of(event));
        }
      }
    }
    co_return *std::move(reply);
  }
}

void InnerClient::end_watch() {
  const bool told = node_.send(Forget{*watch_, address()});
  static_cast<void>(told);
  watch_.reset();
}

void InnerClient::cancel() {
  canceled_ = true;
  const bool told = address().send(failed(apply::ApiError::kCanceled));
  static_cast<void>(told);
}

}  // namespace detcd::server
