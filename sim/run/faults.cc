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

Faults::~Faults() {
  for (std::uint32_t node = 1; node <= cluster_.size(); ++node) {
    cluster_.machine(node).disk().set_boundary_hook({});
  }
}

void Faults::schedule(const std::vector<FaultEntry>& entries) {
  for (std::uint32_t node = 1; node <= cluster_.size(); ++node) {
    cluster_.machine(node).disk().set_boundary_hook(
        [this, node](const Boundary&) { pass_boundary(node); });
  }
  for (const FaultEntry& entry : entries) {
    const Label label{NodeNumber(0), EventKind::kFault, hash64(print(entry))};
    // In turn: one draw for all, so that an entry more or less changes none of the later draws.
    kernel_.schedule_in_turn(VirtualTime(entry.at), label, [this, &entry] {
      if (!calm_ && kernel_.now() >= peace_until_) happen_now(entry);
    });
  }
}

void Faults::tell(std::uint32_t node, const std::string& what) const {
  if (teller_) teller_(node == 0 ? "fault" : "n" + std::to_string(node), what);
}

void Faults::happen_now(const FaultEntry& entry) {
  std::string what;
  const std::uint32_t leader = resolve(kLeader);
  if (teller_) {
    const std::string line = print(entry);
    // "at 1s crash leader …" is told without its time, and with who leads.
    what = line.substr(line.find(' ', line.find(' ') + 1) + 1);
    const bool aims = what.find("leader") != std::string::npos;
    if (aims && leader != 0) what += " (the leader is n" + std::to_string(leader) + ")";
    tell(0, what);
  }
  const bool done = carry_out(entry.fault);
  if (watcher_ != nullptr) watcher_->on_fault(entry, leader, done);
  if (done) {
    ++carried_out_;
  } else {
    tell(0, "that hits nobody");
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
    if (cluster_.running(node) || kills_[node] != kill) return;
    tell(node, "starts again");
    cluster_.start(node);
  });
}

std::uint32_t Faults::resolve(std::uint32_t node) const {
  if (node != kLeader) return node <= cluster_.size() ? node : 0;
  std::uint32_t leader = 0;
  raft::Term newest;
  for (std::uint32_t number = 1; number <= cluster_.size(); ++number) {
    const server::Node* member = cluster_.node(number);
    if (member == nullptr || member->core().role() != raft::RoleName::kLeader) continue;
    if (leader != 0 && member->core().term() <= newest) continue;
    leader = number;
    newest = member->core().term();
  }
  return leader;
}

bool Faults::end_life(std::uint32_t node, Death death, Duration down, std::uint64_t boundary) {
  const std::uint32_t victim = resolve(node);
  if (victim == 0 || !cluster_.running(victim)) return false;
  if (boundary == 0) return strike(victim, death, down);
  armed_[victim] = {death, down, boundary};
  return true;
}

bool Faults::strike(std::uint32_t node, Death death, Duration down) {
  if (death == Death::kPowerLoss && !within_budget(node)) return false;
  armed_.erase(node);
  tell(node, death == Death::kPowerLoss ? "loses power" : "is killed");
  cluster_.kill(node, death);
  restart_after(node, down);
  return true;
}

void Faults::pass_boundary(std::uint32_t node) {
  const auto armed = armed_.find(node);
  if (armed == armed_.end() || !cluster_.running(node)) return;
  if (--armed->second.boundaries > 0) return;
  const Armed death = armed->second;
  armed_.erase(armed);
  static_cast<void>(strike(node, death.death, death.down));
}

bool Faults::happen(const Crash& fault) {
  return end_life(fault.node, Death::kCrash, fault.down, fault.boundary);
}

bool Faults::happen(const PowerLoss& fault) {
  return end_life(fault.node, Death::kPowerLoss, fault.down, fault.boundary);
}

bool Faults::happen(const Rot& fault) {
  // Alone, a member has nobody to repair from.
  if (cluster_.size() == 1 || fault.node == kLeader) return false;
  if (!end_life(fault.node, Death::kPowerLoss, fault.down, 0)) return false;
  SimDisk& disk = cluster_.machine(fault.node).disk();
  constexpr std::uint64_t kIdentityOnceIn = 8;
  const bool identity = fault.where % kIdentityOnceIn == 0;
  const std::string_view part = !fault.snapshot ? "/member/wal/"
                                : identity      ? "/member/identity"
                                                : "/member/snap/";
  const std::optional<SimDisk::Spot> spot = disk.choose_spot(part, fault.where);
  return spot && disk.rot(spot->path, spot->offset, spot->mask);
}

bool Faults::everybody_remembers(std::uint32_t node) const {
  const auto idle = [](const auto& each) { return each.second == decltype(each.second){}; };
  if (!std::ranges::all_of(cuts_, idle) || !std::ranges::all_of(delays_, idle)) return false;
  if (!std::ranges::all_of(pauses_, idle) || !within_budget(node)) return false;
  const std::uint32_t leader = resolve(kLeader);
  if (leader == 0 || leader == node) return false;
  for (std::uint32_t other = 1; other <= cluster_.size(); ++other) {
    const server::Node* member = cluster_.node(other);
    if (member == nullptr || member->core().role() == raft::RoleName::kRecovering) return false;
    if (member->core().leader() != raft::NodeId(cluster_.id_of(leader))) return false;
  }
  return true;
}

// Of two voters neither can recover without the other. And who leads in the term of the copy syncs
// what nobody else can remember for it.
bool Faults::happen(const PutBack& fault) {
  if (cluster_.size() < 3 || fault.node == kLeader || fault.node > cluster_.size()) return false;
  if (!everybody_remembers(fault.node)) return false;
  DiskImage copy = cluster_.machine(fault.node).disk().image().durable_only();
  later(fault.after, [this, &fault, copy = std::move(copy), kills = kills_]() mutable {
    if (!calm_ && kills == kills_ && everybody_remembers(fault.node)) {
      put_back(fault, std::move(copy));
    }
  });
  return true;
}

void Faults::put_back(const PutBack& fault, DiskImage copy) {
  armed_.clear();
  peace_until_ = kernel_.now() + fault.down + settings_.election;
  cluster_.kill(fault.node, Death::kCrash);
  cluster_.put_back(fault.node, std::move(copy));
  restart_after(fault.node, fault.down);
}

bool Faults::happen(const Pause& fault) {
  const std::uint32_t node = resolve(fault.node);
  if (node == 0 || !cluster_.running(node)) return false;
  if (pauses_[node]++ == 0) cluster_.machine(node).pause();
  later(fault.length, [this, node] {
    if (calm_ || --pauses_[node] != 0) return;
    tell(node, "gets the processor again");
    cluster_.machine(node).resume();
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
  std::vector<std::uint32_t> side;
  for (const std::uint32_t node : fault.side) side.push_back(resolve(node));
  std::vector<Link> links;
  for (const std::uint32_t from : side) {
    for (std::uint32_t to = 1; to <= cluster_.size(); ++to) {
      if (from == 0 || std::ranges::count(side, to) > 0) continue;
      links.emplace_back(from, to);
      if (!fault.one_way) links.emplace_back(to, from);
    }
  }
  if (links.empty()) return false;
  cut(links);
  later(fault.length, [this, links = std::move(links)] {
    if (calm_) return;
    tell(0, "a partition heals");
    heal(links);
  });
  return true;
}

void Faults::set_delay(const Link& link, Duration extra) {
  LinkOptions options = network_.options().link;
  options.latency.floor += extra;
  network_.set_link(number(link.first), number(link.second), options);
}

bool Faults::happen(const Delay& fault) {
  const bool named = fault.from != kLeader && fault.to != kLeader;
  if (!named || fault.from > cluster_.size() || fault.to > cluster_.size()) return false;
  if (fault.from == fault.to) return false;
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
  if (fault.from == kLeader || fault.from > cluster_.size()) return false;
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
  if (fault.node == kLeader || fault.node > cluster_.size()) return false;
  constexpr std::int64_t kPpbPerPpm = 1000;
  cluster_.machine(fault.node).clock().set_boot_drift(fault.boot_drift_ppm * kPpbPerPpm);
  cluster_.machine(fault.node).clock().step_wall(fault.wall_step);
  return true;
}

bool Faults::happen(const Echo& fault) {
  echoes_.begin(fault.length);
  return cluster_.size() > 1;
}

void Faults::calm() {
  calm_ = true;
  tell(0, "all faults end; whoever is down starts");
  echoes_.end();
  if (watcher_ != nullptr) watcher_->on_calm();
  armed_.clear();
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
