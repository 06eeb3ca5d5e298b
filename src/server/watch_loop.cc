// Streams of watches at the node: every member serves them from what it has applied.
#include <utility>
#include <vector>

#include "base/check.h"
#include "server/node.h"

namespace detcd::server {

void Node::open_watches(const ReturnAddress& origin, bool require_leader) {
  watches_.open(origin, require_leader);
}

void Node::ask_watches(const ReturnAddress& origin, watch::Request request, const Token& token) {
  if (auto* const create = std::get_if<watch::Create>(&request)) {
    std::string user = gate_.look_at_watch(token, *create);
    if (!user.empty()) watches_.bind(origin, std::move(user));
  }
  watches_.ask(origin, std::move(request), applier_->store(), world_.clock.boot());
  watches_waiting_.wake_one();
}

runtime::Task<void> Node::serve_watches() {
  for (;;) {
    for (const ReturnAddress& ended : watches_.expire(world_.clock.boot())) {
      answer(ended, apply::ApiError::kNoLeader);
    }
    if (guard_.in_doubt()) {
      const bool woken = co_await watches_waiting_.wait_until(watches_.next_deadline());
      static_cast<void>(woken);
      continue;
    }
    std::vector<Watches::Sent> sent;
    const std::uint64_t units = choices_.watch_one_unit.taken() ? 1 : options_.step_units;
    const mvcc::Advance progress = watches_.advance(applier_->store(), {units}, sent);
    check(!std::holds_alternative<mvcc::Need>(progress), "every chunk is kept in memory");
    for (Watches::Sent& answered : sent) answer(answered.to, std::move(answered.answer));
    if (std::holds_alternative<mvcc::More>(progress)) {
      co_await runtime::yield(world_.scheduler);
    } else {
      const bool woken = co_await watches_waiting_.wait_until(watches_.next_deadline());
      static_cast<void>(woken);
    }
  }
}

}  // namespace detcd::server
