#include "server/watches.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "server/callers.h"

namespace detcd::server {

std::optional<watch::StreamId> Watches::find(const runtime::Mailbox<Reply>::Sender& reply,
                                             CallId call) const {
  const auto found = numbers_.find(Address{reply.identity(), call.value()});
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

void Watches::open(const ReturnAddress& origin, bool require_leader) {
  const watch::StreamId id(++last_number_);
  const bool added =
      numbers_.emplace(Address{origin.reply.identity(), origin.call.value()}, id).second;
  check(added, "a connection opens a stream once");
  // The sender it keeps keeps the connection's identity its own.
  streams_.emplace(id, Stream{.address = origin, .require_leader = require_leader});
  hub_.open(id);
}

void Watches::ask(const ReturnAddress& origin, watch::Request request, const mvcc::Store& store,
                  TimePoint now) {
  const std::optional<watch::StreamId> id = find(origin.reply, origin.call);
  if (!id) return;
  const auto* const create = std::get_if<watch::Create>(&request);
  Stream& stream = streams_.at(*id);
  if (create != nullptr && create->progress_notify && !stream.ticks) {
    stream.ticks = true;
    ticks_.emplace(next_tick(*id, now), id->value());
  }
  hub_.ask(*id, std::move(request), store);
}

void Watches::bind(const ReturnAddress& origin, std::string user) {
  const std::optional<watch::StreamId> id = find(origin.reply, origin.call);
  if (id) streams_.at(*id).user = std::move(user);
}

// A stream without a user was opened when nobody was asked for one: it ends as well.
void Watches::recheck(const auth::Store& auth, const mvcc::Store& store) {
  if (!auth.enabled()) return;
  for (const auto& [id, stream] : streams_) {
    const auth::Caller caller{.user = stream.user, .revision = auth.revision()};
    const auto permitted = [&](std::string_view key, std::string_view range_end) {
      return !auth.check_access(caller, auth::Access::kRead, key, range_end);
    };
    hub_.revoke(id, permitted, watch_refusal(apply::ApiError::kPermissionDenied), store);
  }
}

void Watches::grant(const Credit& credit) {
  const std::optional<watch::StreamId> id = find(credit.reply, credit.call);
  if (id) hub_.grant(*id, credit.responses, credit.bytes);
}

bool Watches::close(const Forget& forget) {
  const std::optional<watch::StreamId> id = find(forget.reply, forget.call);
  if (!id) return false;
  erase(*id);
  return true;
}

// A tick of a stream that is gone finds nobody.
void Watches::erase(watch::StreamId id) {
  const ReturnAddress& address = streams_.at(id).address;
  numbers_.erase(Address{address.reply.identity(), address.call.value()});
  streams_.erase(id);
  hub_.close(id);
}

// Up to a tenth later, each stream in its own way, as etcd does: not all of them at once.
TimePoint Watches::next_tick(watch::StreamId id, TimePoint now) const {
  const auto share = static_cast<std::int64_t>(mix64(id.value(), 0) % 1000);
  return now + progress_interval_ + progress_interval_ / 10'000 * share;
}

mvcc::Advance Watches::advance(const mvcc::Store& store, mvcc::Budget budget,
                               std::vector<Sent>& out) {
  mvcc::Meter meter(budget);
  std::vector<watch::Output> outputs;
  const mvcc::Advance progress = hub_.advance(store, meter, outputs);
  for (watch::Output& output : outputs) {
    out.push_back({streams_.at(output.stream).address,
                   WatchAnswer{output.accepted, std::move(output.responses)}});
  }
  return progress;
}

std::vector<ReturnAddress> Watches::expire(TimePoint now) {
  while (!ticks_.empty() && ticks_.begin()->first <= now) {
    const watch::StreamId id(ticks_.begin()->second);
    ticks_.erase(ticks_.begin());
    if (!streams_.contains(id)) continue;
    hub_.tick(id);
    ticks_.emplace(next_tick(id, now), id.value());
  }
  std::vector<ReturnAddress> ended;
  if (no_leader_deadline_ > now) return ended;
  no_leader_deadline_ = kNever;
  std::vector<watch::StreamId> ids;
  for (const auto& [id, stream] : streams_) {
    if (!stream.require_leader) continue;
    ids.push_back(id);
    ended.push_back(stream.address);
  }
  for (const watch::StreamId id : ids) erase(id);
  return ended;
}

std::vector<ReturnAddress> Watches::end_all() {
  std::vector<ReturnAddress> ended;
  while (!streams_.empty()) {
    ended.push_back(streams_.begin()->second.address);
    erase(streams_.begin()->first);
  }
  return ended;
}

TimePoint Watches::next_deadline() const {
  const TimePoint tick = ticks_.empty() ? kNever : ticks_.begin()->first;
  return std::min(tick, no_leader_deadline_);
}

}  // namespace detcd::server
