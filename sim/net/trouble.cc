// Troubles of links and hosts: how those that last add up, and what happens when they end.
#include "sim/net/trouble.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "sim/net/network.h"

namespace detcd::sim {
namespace {

// The stricter of two limits; 0 is none.
std::uint64_t stricter(std::uint64_t a, std::uint64_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

void add(LinkTrouble& sum, const LinkTrouble& more) {
  sum.extra += more.extra;
  sum.spread = std::max(sum.spread, more.spread);
  sum.loss_ppm = std::max(sum.loss_ppm, more.loss_ppm);
  sum.bytes_per_second = stricter(sum.bytes_per_second, more.bytes_per_second);
  sum.window_bytes = stricter(sum.window_bytes, more.window_bytes);
  sum.held = sum.held || more.held;
}

void add(HostTrouble& sum, const HostTrouble& more) {
  sum.connects = std::max(sum.connects, more.connects);
  sum.lookup_delay += more.lookup_delay;
  sum.lookups_fail = sum.lookups_fail || more.lookups_fail;
  if (more.stale.is_none()) return;
  sum.stale = more.stale;
  sum.taken_for = more.taken_for;
}

}  // namespace

TroubleId SimNetwork::begin_trouble(NodeNumber from, NodeNumber to, const LinkTrouble& trouble) {
  const TroubleId id = next_trouble_ = next_trouble_.next();
  link_troubles_.emplace(id, std::pair(Pair(from.value(), to.value()), trouble));
  combine({from.value(), to.value()});
  return id;
}

TroubleId SimNetwork::begin_trouble(NodeNumber host, const HostTrouble& trouble) {
  const TroubleId id = next_trouble_ = next_trouble_.next();
  host_troubles_.emplace(id, std::pair(host, trouble));
  combine(host);
  return id;
}

void SimNetwork::end_trouble(TroubleId id) {
  if (const auto link = link_troubles_.extract(id)) combine(link.mapped().first);
  if (const auto host = host_troubles_.extract(id)) combine(host.mapped().first);
}

void SimNetwork::end_troubles() {
  while (!link_troubles_.empty()) end_trouble(link_troubles_.begin()->first);
  while (!host_troubles_.empty()) end_trouble(host_troubles_.begin()->first);
}

void SimNetwork::combine(const Pair& pair) {
  LinkTrouble sum;
  for (const auto& [id, entry] : link_troubles_) {
    if (entry.first == pair) add(sum, entry.second);
  }
  const bool was_held = troubles_of(pair).held;
  if (sum == LinkTrouble{}) {
    combined_.erase(pair);
  } else {
    combined_[pair] = sum;
  }
  if (sum.bytes_per_second == 0) busy_until_.erase(pair);
  const NodeNumber from(pair.first);
  const NodeNumber to(pair.second);
  if (was_held && !sum.held) release(from, to);
  // A window that is wider again lets more bytes go.
  for (const ConnectionId id : all_connections()) {
    for (const Side side : {Side::kClient, Side::kServer}) {
      Connection* each = find(id);
      if (each == nullptr) continue;
      const Pipe& pipe = each->pipe_from(side);
      if (pipe.from == from && pipe.to == to) pump(*each, side);
    }
  }
}

void SimNetwork::combine(NodeNumber host) {
  HostTrouble sum;
  for (const auto& [id, entry] : host_troubles_) {
    if (entry.first == host) add(sum, entry.second);
  }
  hosts_.at(host.value()).trouble = sum;
}

const LinkTrouble& SimNetwork::troubles_of(const Pair& pair) const {
  static constexpr LinkTrouble kNone;
  if (combined_.empty()) return kNone;
  const auto found = combined_.find(pair);
  return found == combined_.end() ? kNone : found->second;
}

void SimNetwork::release(NodeNumber from, NodeNumber to) {
  for (const ConnectionId id : all_connections()) {
    Connection& each = *find(id);
    for (const Side side : {Side::kClient, Side::kServer}) {
      const Pipe& pipe = each.pipe_from(side);
      if (pipe.from == from && pipe.to == to) resume_pipe(each, side, Duration::zero());
    }
  }
  // What was said after the bytes doesn't overtake them.
  const auto held = held_messages_.extract({from.value(), to.value()});
  if (!held) return;
  for (const HeldMessage& message : held.mapped()) {
    Connection* each = find(message.connection);
    if (each == nullptr) continue;
    const VirtualTime last = each->pipe_from(message.from).last_arrival;
    arrive_at(std::max(kernel_.now(), last + 1ns), *each, message.from, message.arrived);
  }
}

// How much later a packet arrives since it was lost, perhaps more than once. Who has waited for
// longer than a sender's patience never hears of it.
Duration SimNetwork::wait_for_losses(const LinkTrouble& trouble, std::uint64_t word) {
  Duration wait{};
  Duration timeout = options_.retransmit_timeout;
  for (std::uint64_t i = 0; wait <= options_.stream_timeout; ++i) {
    if (!chance(mix64(word, i), trouble.loss_ppm)) break;
    ++counts_.lost;
    wait += timeout;
    timeout *= 2;
  }
  return wait;
}

// When bytes that want to leave now have left a link that takes only so many at a time.
VirtualTime SimNetwork::leaves_at(const Pipe& pipe, const LinkTrouble& trouble,
                                  std::uint64_t bytes) {
  VirtualTime& busy = busy_until_[{pipe.from.value(), pipe.to.value()}];
  if (busy > kernel_.now()) ++counts_.throttled;
  const std::uint64_t takes = bytes * 1'000'000'000 / trouble.bytes_per_second;
  busy = std::max(busy, kernel_.now()) + Duration(static_cast<std::int64_t>(takes));
  return busy;
}

void SimNetwork::forget_connections(NodeNumber at, NodeNumber peer) {
  for (const ConnectionId id : all_connections()) {
    for (const Side side : {Side::kClient, Side::kServer}) {
      Connection* each = find(id);
      if (each == nullptr || each->end(side).state == EndState::kGone) continue;
      const Pipe& pipe = each->pipe_from(side);
      if (pipe.from != at || pipe.to != peer) continue;
      // A server's end that no handshake has reached isn't there yet.
      if (each->end(side).state == EndState::kConnecting) continue;
      ++counts_.half_open;
      break_end(*each, side, {Errc::kReset, "the host forgot the connection"});
      forget_if_over(*each);
    }
  }
}

Duration SimNetwork::lookup_delay(NodeNumber node, const std::string& address) {
  const Duration delay = hosts_.at(node.value()).trouble.lookup_delay;
  if (delay == Duration::zero() || !asks_for_name(address)) return Duration::zero();
  ++counts_.lookups_slow;
  return delay;
}

Result<SimNetwork::Target> SimNetwork::look_up(NodeNumber from, const std::string& address) {
  Result<Target> target = resolve(from, address);
  const HostTrouble& trouble = hosts_.at(from.value()).trouble;
  if (!target || !asks_for_name(address)) return target;
  if (trouble.lookups_fail) {
    ++counts_.lookups_failed;
    return Error{Errc::kUnavailable, address + ": the name can't be looked up for now"};
  }
  if (!trouble.stale.is_none() && target->node == trouble.stale) {
    ++counts_.lookups_stale;
    target->node = trouble.taken_for;
  }
  return target;
}

void SimNetwork::suspend(NodeNumber node) {
  hosts_.at(node.value()).on = false;
}

}  // namespace detcd::sim
