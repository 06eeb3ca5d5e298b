// What clients ask of leases, and what a member proposes by itself so that leases live and end.
#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "server/node.h"

namespace detcd::server {
namespace {

constexpr runtime::Site kLeaseId{"server: id of a lease"};

// Leases, or keys of one, that are listed in one step.
constexpr std::size_t kListedAtOnce = 1024;

// Those that end first come first. As bytes, as helpers give their results.
std::string ids_by_end(std::vector<lease::Lease> leases) {
  std::ranges::sort(leases, {},
                    [](const lease::Lease& lease) { return std::tuple(lease.end_ms, lease.id); });
  std::string bytes;
  bytes.reserve(leases.size() * sizeof(lease::LeaseId));
  for (const lease::Lease& lease : leases) {
    bytes.append(reinterpret_cast<const char*>(&lease.id), sizeof lease.id);
  }
  return bytes;
}

std::vector<lease::LeaseId> unpacked(const std::string& bytes) {
  std::vector<lease::LeaseId> ids(bytes.size() / sizeof(lease::LeaseId));
  if (!ids.empty()) std::memcpy(ids.data(), bytes.data(), bytes.size());
  return ids;
}

}  // namespace

// What is proposed is the same on all members, whatever their flags: the id that the server draws,
// positive as etcd's are, and the least time to live.
apply::LeaseGrantRequest Node::complete_grant(apply::LeaseGrantRequest asked) {
  asked.ttl = std::max(asked.ttl, least_ttl_seconds(options_));
  while (asked.id == 0) {
    const std::uint64_t ordinal = proposals_.last_id().ordinal + ++leases_drawn_;
    const std::uint64_t drawn = world_.random.draw(kLeaseId, options_.member_id, ordinal);
    const auto id = static_cast<std::int64_t>(drawn >> 1);
    if (!applier_->leases().contains(id)) asked.id = id;
  }
  return asked;
}

void Node::open_keep_alives(const ReturnAddress& origin, bool require_leader) {
  keep_alives_.open(origin, require_leader);
}

// As etcd: a keep-alive that isn't permitted ends its stream.
void Node::ask_keep_alive(const ReturnAddress& origin, std::int64_t lease, const Token& token) {
  if (const std::optional<apply::ApiError> refused =
          gate_.refuse_lease(token, auth::Access::kWrite, lease)) {
    if (keep_alives_.close(Forget{origin.call, origin.reply})) answer(origin, *refused);
    return;
  }
  keep_alives_.ask(origin, {lease, header(true), world_.clock.boot()});
}

// Keep-alives go before the tick that might end their leases. Whatever bounds other proposals
// doesn't hold these up: there is one batch and one tick at a time.
void Node::propose_for_leases(TimePoint now) {
  if (leader_) {
    if (std::optional<apply::LeaseRenewRequest> batch = keep_alives_.next_batch(now)) {
      const std::size_t renewals = batch->ids.size();
      if (!proposals_.propose({{}, std::move(*batch)}, std::nullopt, now)) {
        for (const std::uint64_t trace : keep_alives_.traces(renewals)) {
          observer_.on_proposed(proposals_.last_id(), trace);
        }
        keep_alives_.proposed(proposals_.last_id().ordinal, renewals, now);
      }
    }
  }
  // The core's time is that of its last step.
  if (lease_ticks_.next_deadline() <= now) step(raft::Tick{});
  const std::optional<std::uint64_t> time_ms = core_.time_ms();
  if (!time_ms) {
    lease_ticks_.rest();
    return;
  }
  const LeaseTicks::Moment moment{now, core_.term().value(), *time_ms, applier_->applied().time_ms};
  if (!lease_ticks_.due(applier_->leases(), moment)) return;
  const apply::LeaseTick tick{
      .term = moment.term,
      .election_timeout_ms = static_cast<std::uint64_t>(options_.election_timeout / 1ms),
      .minimum_ms = static_cast<std::uint64_t>(least_ttl_seconds(options_)) * 1000};
  // When too much is under way it has to wait like one that isn't applied in time.
  const auto refused = proposals_.propose({{}, tick}, std::nullopt, now);
  static_cast<void>(refused);
  lease_ticks_.proposed(now);
}

// Of an own command that was applied.
void Node::answer_leases(const apply::Response& response) {
  if (applying_id_.member != options_.member_id) return;
  if (const auto* renewed = std::get_if<apply::LeaseRenewResponse>(&response)) {
    for (KeepAlives::Sent& sent : keep_alives_.complete(applying_id_.ordinal, *renewed)) {
      const bool taken = sent.to.reply.send(Reply{sent.to.call, sent.header, sent.answer, nullptr});
      static_cast<void>(taken);
    }
    work_.wake_all();
  }
  if (const auto* tick = std::get_if<apply::LeaseTickResponse>(&response)) {
    lease_ticks_.applied(*tick, world_.clock.boot());
    work_.wake_all();
  }
}

// What is left of it is of the first step; its keys are added in steps, when there are many. Unlike
// etcd's, which stops everything meanwhile, such an answer may have or lack a key that comes or
// goes while it is made. Where permissions count, they are those of the step that adds the keys.
runtime::Task<void> Node::finish_time_to_live(ReturnAddress origin,
                                              apply::LeaseTimeToLiveRequest request, Token token,
                                              std::uint64_t time_ms) {
  const std::optional<lease::Lease> lease = applier_->leases().find(request.id);
  apply::LeaseTimeToLiveResponse response{.id = request.id, .ttl = -1};
  if (lease) {
    const std::uint64_t now_ms = std::max(time_ms, applier_->applied().time_ms);
    const std::uint64_t remaining_ms = lease->end_ms - std::min(lease->end_ms, now_ms);
    response.ttl = static_cast<std::int64_t>(remaining_ms / 1000);
    response.granted_ttl = lease->ttl_seconds;
  }
  bool more = lease && request.keys;
  while (more) {
    if (!response.keys.empty()) co_await runtime::yield(world_.scheduler);
    const bool any_key = !applier_->auth().enabled();
    const std::optional<apply::ApiError> refused =
        gate_.refuse_lease(token, auth::Access::kRead, request.id);
    if (refused) {
      answer(origin, *refused);
      co_return;
    }
    const std::size_t count = any_key ? kListedAtOnce : applier_->leases().attached();
    more = applier_->leases().keys_some(request.id, count, response.keys);
  }
  answer(origin, std::move(response));
}

// In steps, when there are many. Unlike etcd's, which stops everything meanwhile, such an answer
// may have or lack a lease that was granted or revoked while it was made.
runtime::Task<void> Node::finish_listing(ReturnAddress origin, Token token) {
  std::optional<apply::ApiError> refused = gate_.refuse_lease(token, auth::Access::kRead, 0);
  std::vector<lease::Lease> leases;
  leases.reserve(applier_->leases().size());
  for (bool more = true; more && !refused;) {
    const std::size_t seen = leases.size();
    if (seen > 0) co_await runtime::yield(world_.scheduler);
    std::optional<lease::LeaseId> last;
    if (seen > 0) last = leases.back().id;
    more = applier_->leases().list_some(last, kListedAtOnce, leases);
    for (std::size_t i = seen; i < leases.size() && !refused; ++i) {
      refused = gate_.refuse_lease(token, auth::Access::kRead, leases[i].id);
    }
  }
  if (refused) {
    answer(origin, *refused);
    co_return;
  }
  apply::LeaseLeasesResponse response;
  if (leases.size() <= kListedAtOnce) {
    response.ids = unpacked(ids_by_end(std::move(leases)));
  } else {
    std::move_only_function<std::string()> work = [listed = std::move(leases)]() mutable {
      return ids_by_end(std::move(listed));
    };
    const std::string ids = co_await world_.helpers.run(std::move(work));
    response.ids = unpacked(ids);
  }
  answer(origin, std::move(response));
}

}  // namespace detcd::server
