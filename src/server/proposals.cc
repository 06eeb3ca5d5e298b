#include "server/proposals.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "wire/command_codec.h"

namespace detcd::server {

namespace {

// etcd's limit holds for etcd's encoding of a request, which whoever read it has measured. Ours is
// never twice as long but for what every command has.
std::size_t command_bytes_max(const NodeOptions& options) {
  return 2 * options.limits.request_bytes_max + 64;
}

}  // namespace

Proposals::Proposals(const NodeOptions& options, std::uint64_t incarnation) : options_(options) {
  next_.member = options.member_id;
  // 24 bits tell incarnations apart, 40 count: 10^12 commands of one process.
  next_.ordinal = (incarnation & 0xffffffULL) << 40;
}

// put-path 4/8
std::optional<apply::ApiError> Proposals::propose(apply::Command command,
                                                  std::optional<ReturnAddress> origin,
                                                  TimePoint now) {
  ++next_.ordinal;
  command.id = next_;
  Bytes encoded = wire::encode_command(command);
  if (encoded.size() > command_bytes_max(options_)) return apply::ApiError::kRequestTooLarge;
  if (pending_bytes_ + encoded.size() > options_.pending_bytes_max) {
    return apply::ApiError::kTooManyRequests;
  }
  pending_bytes_ += encoded.size();
  pending_.emplace(next_.ordinal, Pending{std::move(origin), now + request_timeout(options_), now,
                                          encoded.size()});
  batch_.push_back(std::move(encoded));
  batch_ordinals_.push_back(next_.ordinal);
  return std::nullopt;
}

void Proposals::ask_again(AuthenticateRequest request) {
  const auto last = pending_.find(next_.ordinal);
  check(last != pending_.end(), "the last command was taken in");
  last->second.again = std::make_unique<AuthenticateRequest>(std::move(request));
}

std::vector<Bytes> Proposals::take_batch(std::size_t most) {
  std::vector<Bytes> taken = std::exchange(batch_, {});
  taken_ordinals_ = std::exchange(batch_ordinals_, {});
  if (taken.size() <= most) return taken;
  const auto rest = static_cast<std::ptrdiff_t>(most);
  batch_.assign(std::make_move_iterator(taken.begin() + rest),
                std::make_move_iterator(taken.end()));
  batch_ordinals_.assign(taken_ordinals_.begin() + rest, taken_ordinals_.end());
  taken.resize(most);
  taken_ordinals_.resize(most);
  return taken;
}

void Proposals::give_back(std::vector<Bytes> commands) {
  check(commands.size() == taken_ordinals_.size(), "what is given back is the last batch taken");
  commands.insert(commands.end(), std::make_move_iterator(batch_.begin()),
                  std::make_move_iterator(batch_.end()));
  batch_ = std::move(commands);
  taken_ordinals_.insert(taken_ordinals_.end(), batch_ordinals_.begin(), batch_ordinals_.end());
  batch_ordinals_ = std::exchange(taken_ordinals_, {});
}

std::optional<Proposals::Pending> Proposals::complete(const apply::RequestId& id) {
  if (id.member != next_.member) return std::nullopt;
  const auto found = pending_.find(id.ordinal);
  if (found == pending_.end()) return std::nullopt;
  Pending pending = std::move(found->second);
  pending_bytes_ -= pending.bytes;
  pending_.erase(found);
  return pending;
}

void Proposals::forget(const Forgotten& calls) {
  for (auto& [ordinal, pending] : pending_) {
    const bool its = pending.origin && calls.contains(pending.origin->call, pending.origin->reply);
    if (its) pending.origin.reset();
  }
}

std::vector<Proposals::Pending> Proposals::expire(TimePoint now) {
  std::vector<Pending> expired;
  while (!pending_.empty() && pending_.begin()->second.deadline <= now) {
    pending_bytes_ -= pending_.begin()->second.bytes;
    expired.push_back(std::move(pending_.begin()->second));
    pending_.erase(pending_.begin());
  }
  // Nobody waits any more for those of the batch that expired: proposed when there is a leader
  // again, hours later perhaps, they would only surprise.
  const std::uint64_t first = pending_.empty() ? next_.ordinal + 1 : pending_.begin()->first;
  const auto kept = std::ranges::lower_bound(batch_ordinals_, first);
  batch_.erase(batch_.begin(), batch_.begin() + (kept - batch_ordinals_.begin()));
  batch_ordinals_.erase(batch_ordinals_.begin(), kept);
  return expired;
}

std::vector<Proposals::Pending> Proposals::take_all() {
  std::vector<Pending> all;
  for (auto& [ordinal, pending] : pending_) all.push_back(std::move(pending));
  pending_.clear();
  batch_.clear();
  batch_ordinals_.clear();
  pending_bytes_ = 0;
  return all;
}

TimePoint Proposals::next_deadline() const {
  return pending_.empty() ? kNever : pending_.begin()->second.deadline;
}

}  // namespace detcd::server
