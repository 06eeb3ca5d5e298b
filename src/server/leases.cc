#include "server/leases.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace detcd::server {

std::int64_t least_ttl_seconds(const NodeOptions& options) {
  const auto ticks = options.election_timeout / options.heartbeat_interval;
  const Duration least = 3 * ticks / 2 * options.heartbeat_interval;
  return std::max<std::int64_t>(1, (least + 1s - Duration(1)) / 1s);
}

// ---- Keep-alives --------------------------------------------------------------------------------

void KeepAlives::open(const ReturnAddress& origin, bool require_leader) {
  const std::uint64_t number = ++last_number_;
  const bool added =
      numbers_.emplace(Address{origin.reply.identity(), origin.call.value()}, number).second;
  check(added, "a connection opens a stream once");
  streams_.emplace(number, Stream{origin, require_leader});
}

void KeepAlives::ask(const ReturnAddress& origin, const Asked& asked) {
  const auto number = numbers_.find(Address{origin.reply.identity(), origin.call.value()});
  if (number == numbers_.end()) return;
  waiting_.push_back({number->second, asked.lease, asked.header, asked.now + patience_});
}

bool KeepAlives::close(const Forget& forget) {
  const auto number = numbers_.find(Address{forget.reply.identity(), forget.call.value()});
  if (number == numbers_.end()) return false;
  erase(number->second);
  return true;
}

void KeepAlives::erase(std::uint64_t stream) {
  const auto found = streams_.find(stream);
  const ReturnAddress& address = found->second.address;
  numbers_.erase(Address{address.reply.identity(), address.call.value()});
  streams_.erase(found);
}

std::optional<apply::LeaseRenewRequest> KeepAlives::next_batch(TimePoint now) const {
  if (waiting_.empty() || now < not_before_) return std::nullopt;
  apply::LeaseRenewRequest batch;
  const std::size_t size = std::min(waiting_.size(), kBatchMax);
  batch.ids.reserve(size);
  for (std::size_t i = 0; i < size; ++i) batch.ids.push_back(waiting_[i].lease);
  return batch;
}

void KeepAlives::proposed(std::uint64_t ordinal, std::size_t renewals, TimePoint now) {
  attempts_.push_back({ordinal, renewals});
  not_before_ = now + retry_after_;
}

std::vector<std::uint64_t> KeepAlives::traces(std::size_t renewals) const {
  std::vector<std::uint64_t> traces;
  for (std::size_t i = 0; i < renewals; ++i) {
    const auto stream = streams_.find(waiting_[i].stream);
    if (stream != streams_.end()) traces.push_back(stream->second.address.trace);
  }
  return traces;
}

std::vector<KeepAlives::Sent> KeepAlives::complete(std::uint64_t ordinal,
                                                   const apply::LeaseRenewResponse& renewed) {
  std::vector<Sent> sent;
  const auto attempt = std::ranges::find(attempts_, ordinal, &Attempt::ordinal);
  if (attempt == attempts_.end()) return sent;
  check(renewed.ttls.size() == attempt->renewals, "each keep-alive of a batch is answered");
  attempts_.clear();
  not_before_ = {};
  for (const std::int64_t ttl : renewed.ttls) {
    const Waiting waiting = waiting_.front();
    waiting_.pop_front();
    const auto stream = streams_.find(waiting.stream);
    if (stream == streams_.end()) continue;
    sent.push_back({stream->second.address, waiting.header, {waiting.lease, ttl}});
  }
  return sent;
}

std::vector<KeepAlives::Ended> KeepAlives::expire(TimePoint now) {
  std::vector<Ended> ended;
  const auto end = [&](std::uint64_t number, apply::ApiError error) {
    const auto stream = streams_.find(number);
    if (stream == streams_.end()) return;
    ended.push_back({stream->second.address, error});
    erase(number);
  };
  while (!waiting_.empty() && waiting_.front().deadline <= now) {
    end(waiting_.front().stream, apply::ApiError::kTimeout);
    waiting_.pop_front();
    attempts_.clear();
  }
  if (no_leader_deadline_ > now) return ended;
  no_leader_deadline_ = kNever;
  std::vector<std::uint64_t> wanting;
  for (const auto& [number, stream] : streams_) {
    if (stream.require_leader) wanting.push_back(number);
  }
  for (const std::uint64_t number : wanting) end(number, apply::ApiError::kNoLeader);
  return ended;
}

TimePoint KeepAlives::next_deadline() const {
  if (waiting_.empty()) return no_leader_deadline_;
  const TimePoint due = std::min(waiting_.front().deadline, no_leader_deadline_);
  return attempts_.empty() ? due : std::min(due, not_before_);
}

// ---- Ticks --------------------------------------------------------------------------------------

bool LeaseTicks::wanted(const lease::Lessor& leases, const Moment& at) {
  again_ = kNever;
  const std::optional<std::uint64_t> end_ms = leases.earliest_end_ms();
  if (!end_ms) return false;
  if (leases.term() < at.term) return true;
  const std::uint64_t due_ms = std::min(*end_ms + 1, at.applied_ms + kIdleMs);
  if (due_ms <= at.time_ms) return true;
  again_ = at.now + static_cast<std::int64_t>(due_ms - at.time_ms) * Duration(1ms);
  return false;
}

bool LeaseTicks::due(const lease::Lessor& leases, const Moment& at) {
  const bool paused = at.now - last_asked_ > election_timeout_ / 2;
  last_asked_ = at.now;
  if (!wanted(leases, at)) {
    wanted_since_.reset();
    return false;
  }
  if (!wanted_since_ || paused) wanted_since_ = at.now;
  TimePoint from = *wanted_since_;
  // A term's first tick ends no lease, it extends them: the sooner the better.
  if (leases.term() == at.term) {
    from += grace_;
    if (applied_ && !backlog_) from = std::max(from, *applied_ + kSpacing);
  }
  if (backlog_ && !paused) from = at.now;
  if (proposed_) from = std::max(from, *proposed_ + retry_after_);
  again_ = from;
  return from <= at.now;
}

void LeaseTicks::proposed(TimePoint now) {
  proposed_ = now;
  again_ = now + retry_after_;
}

void LeaseTicks::applied(const apply::LeaseTickResponse& tick, TimePoint now) {
  proposed_.reset();
  applied_ = now;
  backlog_ = tick.ended > 0;
}

}  // namespace detcd::server
