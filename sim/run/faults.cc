#include "sim/run/faults.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace detcd::sim {
namespace {

constexpr std::uint32_t kClientsFrom = 101;

NodeNumber number(std::uint32_t node) {
  return NodeNumber(node);
}

}  // namespace

void Faults::schedule(const std::vector<FaultEntry>& entries) {
  for (const FaultEntry& entry : entries) {
    const Label label{NodeNumber(0), EventKind::kFault, hash64(print(entry))};
    kernel_.schedule(VirtualTime(entry.at), label, [this, &entry] {
      if (!calm_ && carry_out(entry.fault)) ++carried_out_;
    });
  }
}

bool Faults::carry_out(const Fault& fault) {
  return std::visit([this](const auto& known) { return happen(known); }, fault);
}

void Faults::later(Duration delay, Action action) {
  kernel_.schedule_after(delay, Label{NodeNumber(0), EventKind::kFault, 1}, std::move(action));
}

bool Faults::within_budget(std::uint32_t node) const {
  for (std::uint32_t other = 1; other <= cluster_.size(); ++other) {
    if (other != node && cluster_.is_doubtful(other)) return false;
  }
  return true;
}

void Faults::restart_after(std::uint32_t node, Duration down) {
  const std::uint64_t kill = ++kills_[node];
  later(down, [this, node, kill] {
    if (!cluster_.running(node) && kills_[node] == kill) cluster_.start(node);
  });
}

bool Faults::happen(const Crash& fault) {
  if (fault.node > cluster_.size() || !cluster_.running(fault.node)) return false;
  cluster_.kill(fault.node, Death::kCrash);
  restart_after(fault.node, fault.down);
  return true;
}

bool Faults::happen(const PowerLoss& fault) {
  if (fault.node > cluster_.size() || !cluster_.running(fault.node)) return false;
  if (!within_budget(fault.node)) return false;
  cluster_.kill(fault.node, Death::kPowerLoss);
  restart_after(fault.node, fault.down);
  return true;
}

bool Faults::happen(const Rot& fault) {
  // Alone, a member has nobody to repair from.
  if (cluster_.size() == 1 || !happen(PowerLoss{fault.node, fault.down})) return false;
  SimDisk& disk = cluster_.machine(fault.node).disk();
  const std::optional<SimDisk::Spot> spot = disk.choose_spot("/member/wal/", fault.where);
  return spot && disk.rot(spot->path, spot->offset, spot->mask);
}

bool Faults::happen(const Pause& fault) {
  if (fault.node > cluster_.size() || !cluster_.running(fault.node)) return false;
  if (pauses_[fault.node]++ == 0) cluster_.machine(fault.node).pause();
  later(fault.length, [this, node = fault.node] {
    if (!calm_ && --pauses_[node] == 0) cluster_.machine(node).resume();
  });
  return true;
}

void Faults::cut(const std::vector<Link>& links) {
  for (const Link& link : links) {
    if (cuts_[link]++ == 0) network_.cut(number(link.first), number(link.second));
  }
}

void Faults::heal(const std::vector<Link>& links) {
  for (const Link& link : links) {
    if (--cuts_[link] == 0) network_.heal(number(link.first), number(link.second));
  }
}

bool Faults::happen(const Partition& fault) {
  std::vector<Link> links;
  for (const std::uint32_t from : fault.side) {
    for (std::uint32_t to = 1; to <= cluster_.size(); ++to) {
      if (from > cluster_.size() || std::ranges::count(fault.side, to) > 0) continue;
      links.emplace_back(from, to);
      if (!fault.one_way) links.emplace_back(to, from);
    }
  }
  if (links.empty()) return false;
  cut(links);
  later(fault.length, [this, links = std::move(links)] {
    if (!calm_) heal(links);
  });
  return true;
}

void Faults::set_delay(const Link& link, Duration extra) {
  LinkOptions options = network_.options().link;
  options.latency.floor += extra;
  network_.set_link(number(link.first), number(link.second), options);
}

bool Faults::happen(const Delay& fault) {
  if (fault.from > cluster_.size() || fault.to > cluster_.size() || fault.from == fault.to) {
    return false;
  }
  const Link link{fault.from, fault.to};
  delays_[link] += fault.extra;
  set_delay(link, delays_[link]);
  later(fault.length, [this, link, extra = fault.extra] {
    if (calm_) return;
    delays_[link] -= extra;
    set_delay(link, delays_[link]);
  });
  return true;
}

bool Faults::happen(const Reset& fault) {
  if (fault.from > cluster_.size()) return false;
  if (fault.to != 0) {
    network_.reset_connections(number(fault.from), number(fault.to));
    return true;
  }
  for (std::uint32_t client = 0; client < settings_.clients; ++client) {
    network_.reset_connections(number(fault.from), number(kClientsFrom + client));
  }
  return true;
}

bool Faults::happen(const ClockSkew& fault) {
  if (fault.node > cluster_.size()) return false;
  constexpr std::int64_t kPpbPerPpm = 1000;
  cluster_.machine(fault.node).clock().set_boot_drift(fault.boot_drift_ppm * kPpbPerPpm);
  cluster_.machine(fault.node).clock().step_wall(fault.wall_step);
  return true;
}

void Faults::calm() {
  calm_ = true;
  network_.heal_all();
  for (const auto& [link, extra] : delays_) set_delay(link, Duration{});
  for (const auto& [node, count] : pauses_) {
    if (count > 0) cluster_.machine(node).resume();
  }
  for (std::uint32_t node = 1; node <= cluster_.size(); ++node) {
    cluster_.machine(node).clock().set_boot_drift(0);
    if (!cluster_.running(node)) cluster_.start(node);
  }
}

}  // namespace detcd::sim
