#include "sim/faults/stage.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "sim/faults/registry.h"

namespace detcd::sim {
namespace {

constexpr runtime::Site kCore{"liveness: the first member of the core"};
constexpr runtime::Site kFate{"liveness: what becomes of one outside the core"};

}  // namespace

Stage::Stage(const World& world, StageEars ears) : world_(world), ears_(std::move(ears)) {
  members().on_disk_failure([this](std::uint32_t node) { disk_failed(node); });
}

Stage::~Stage() {
  members().on_disk_failure({});
  for (std::uint32_t node = 1; node <= size(); ++node) {
    members().machine(node).disk().set_boundary_hook({});
    members().machine(node).disk().set_start_hook({});
    members().machine(node).disk().set_may_tear({});
  }
}

void Stage::schedule(const std::vector<FaultEntry>& entries) {
  for (std::uint32_t node = 1; node <= size(); ++node) {
    SimDisk& disk = members().machine(node).disk();
    disk.set_may_tear([this, node] { return within_budget(node); });
    disk.set_boundary_hook(
        [this, node](const Boundary& boundary) { pass_boundary(node, boundary); });
    disk.set_start_hook([this, node](const DiskOperation& operation, VirtualTime due) {
      for (const auto& [name, state] : states_) state->wrote(node, operation);
      operation_started(node, due);
    });
  }
  for (const FaultEntry& entry : entries) {
    const Family* family = family_of(entry.fault);
    if (family == nullptr || !is_on(*family, settings())) continue;
    world_.probes.declare(family->info().probe);
    const Label label{NodeNumber(0), EventKind::kFault, hash64(print(entry))};
    // In turn: one draw for all, so that an entry more or less changes none of the later draws.
    kernel().schedule_in_turn(VirtualTime(entry.at), label, [this, &entry] {
      if (!is_peace()) happen_now(entry);
    });
  }
}

void Stage::tell(std::uint32_t node, const std::string& what) const {
  if (ears_.tell) ears_.tell(node == 0 ? "fault" : "n" + std::to_string(node), what);
}

void Stage::happen_now(const FaultEntry& entry) {
  const std::uint32_t leader = resolve(kLeader);
  const bool aims = entry.fault.find("leader") != std::string::npos;
  const std::string who = " (the leader is n" + std::to_string(leader) + ")";
  tell(0, aims && leader != 0 ? entry.fault + who : entry.fault);
  const std::unique_ptr<Fault> fault = read_fault(entry.fault);
  const bool done = fault != nullptr && fault->happen(*this);
  if (ears_.fault) ears_.fault(entry, leader, done);
  if (done) {
    ++carried_out_;
  } else {
    tell(0, "that hits nobody");
  }
}

void Stage::later(Duration delay, Action action) {
  kernel().schedule_after(delay, Label{NodeNumber(0), EventKind::kFault, 1}, std::move(action));
}

void Stage::heard(std::uint32_t node, const raft::Message& message, std::uint64_t life) {
  for (const auto& [name, state] : states_) state->heard(node, message, life);
}

std::uint64_t Stage::begin_effect(std::string_view probe, Counter counter) {
  const std::uint64_t before = counter();
  effects_[next_effect_] = {std::string(probe), std::move(counter), before};
  return next_effect_++;
}

void Stage::end_effect(std::uint64_t effect) {
  const auto ended = effects_.extract(effect);
  if (ended.empty()) return;
  if (ended.mapped().counter() > ended.mapped().before) probe(ended.mapped().probe);
}

bool Stage::within_budget(std::uint32_t node) const {
  if (settings().beyond_budget) return true;
  for (std::uint32_t other = 1; other <= size(); ++other) {
    if (other != node && world_.members.is_doubtful(other)) return false;
  }
  return true;
}

bool Stage::everybody_remembers(std::uint32_t node) {
  if (!is_quiet()) return false;
  for (std::uint32_t other = 1; other <= size(); ++other) {
    if (other != node && members().is_doubtful(other)) return false;
  }
  const std::uint32_t leader = resolve(kLeader);
  if (leader == 0 || leader == node) return false;
  const raft::NodeId leads(members().id_of(leader));
  for (std::uint32_t other = 1; other <= size(); ++other) {
    const raft::Raft* core = members().core(other);
    if (core == nullptr || core->role() == raft::RoleName::kRecovering) return false;
    if (core->leader() != leads) return false;
  }
  return true;
}

void Stage::keep_peace(std::uint32_t node, VirtualTime until) {
  peace_for_ = node;
  peace_until_ = until;
  later(until - kernel().now(), [this] { prolong_peace(); });
}

// It looks once in an election timeout: one that has come up since then still has one of peace.
void Stage::prolong_peace() {
  if (calm_ || members().core(peace_for_) != nullptr) return;
  const Duration election = settings().election;
  peace_until_ = kernel().now() + 2 * election;
  later(election, [this] { prolong_peace(); });
}

void Stage::disarm() {
  armed_.clear();
  in_flight_.clear();
  for (const auto& [name, state] : states_) state->disarm();
  for (std::uint32_t node = 1; node <= size(); ++node) {
    members().machine(node).disk().forget_planned();
  }
}

bool Stage::is_quiet() const {
  const auto idle = [](const auto& each) { return each.second == decltype(each.second){}; };
  const auto quiet = [](const auto& each) { return each.second->is_quiet(); };
  if (!std::ranges::all_of(states_, quiet)) return false;
  return std::ranges::all_of(cuts_, idle) && std::ranges::all_of(pauses_, idle);
}

void Stage::restart_after(std::uint32_t node, Duration down) {
  const std::uint64_t death = ++deaths_[node];
  later(down, [this, node, death] {
    if (members().running(node) || deaths_[node] != death) return;
    tell(node, "starts again");
    members().start(node);
  });
}

std::uint32_t Stage::resolve(std::uint32_t node) const {
  if (node != kLeader) return node <= size() ? node : 0;
  std::uint32_t leader = 0;
  raft::Term newest;
  for (std::uint32_t number = 1; number <= size(); ++number) {
    const raft::Raft* core = world_.members.core(number);
    if (core == nullptr || core->role() != raft::RoleName::kLeader) continue;
    if (leader != 0 && core->term() <= newest) continue;
    leader = number;
    newest = core->term();
  }
  return leader;
}

bool Stage::end_life(std::uint32_t node, const End& end) {
  const std::uint32_t victim = resolve(node);
  if (victim == 0 || !members().running(victim)) return false;
  if (end.moment.boundary == 0 && end.moment.in_flight == 0) return strike(victim, end);
  (end.moment.boundary > 0 ? armed_ : in_flight_)[victim] = end;
  return true;
}

bool Stage::strike(std::uint32_t node, const End& end) {
  const bool power = end.death == Death::kPowerLoss;
  if (power && !within_budget(node)) return false;
  armed_.erase(node);
  in_flight_.erase(node);
  SimDisk& disk = members().machine(node).disk();
  // What the medium lost unseen may show only where all remember what it was.
  if (power) static_cast<void>(disk.image().heal_latent());
  tell(node, power ? "loses power" : "is killed");
  if (disk.writes_under_way()) probe(kDiedInFlightProbe);
  members().kill(node, end.death);
  probe(end.probe);
  restart_after(node, end.down);
  return true;
}

void Stage::pass_boundary(std::uint32_t node, const Boundary& boundary) {
  const auto armed = armed_.find(node);
  if (armed == armed_.end() || !members().running(node)) return;
  Moment& moment = armed->second.moment;
  if (moment.call && *moment.call != boundary.call) return;
  if (--moment.boundary > 0) return;
  const End end = armed->second;
  armed_.erase(armed);
  static_cast<void>(strike(node, end));
}

void Stage::operation_started(std::uint32_t node, VirtualTime due) {
  const auto waiting = in_flight_.find(node);
  if (waiting == in_flight_.end() || !members().running(node)) return;
  const End end = waiting->second;
  in_flight_.erase(waiting);
  constexpr std::int64_t kParts = 1000;
  const Duration way = (due - kernel().now()) / kParts;
  later(way * static_cast<std::int64_t>(end.moment.in_flight),
        [this, node, end, death = deaths_[node]] {
          if (calm_ || !members().running(node) || deaths_[node] != death) return;
          static_cast<void>(strike(node, end));
        });
}

// A failed sync, an error of the device or a full disk ends the member; whoever runs it starts it
// again.
void Stage::disk_failed(std::uint32_t node) {
  armed_.erase(node);
  in_flight_.erase(node);
  tell(node, "has ended: its disk failed it");
  members().kill(node, Death::kCrash);
  probe(kDiskFailedProbe);
  restart_after(node, settings().election);
}

void Stage::pause(std::uint32_t node) {
  if (pauses_[node]++ == 0) members().machine(node).pause();
}

bool Stage::resume(std::uint32_t node) {
  if (calm_ || --pauses_[node] != 0) return false;
  tell(node, "gets the processor again");
  members().machine(node).resume();
  return true;
}

void Stage::cut(const std::vector<Link>& links) {
  for (const Link& link : links) {
    if (cuts_[link]++ == 0) network().cut(NodeNumber(link.first), NodeNumber(link.second));
  }
}

void Stage::heal(const std::vector<Link>& links) {
  if (calm_) return;
  for (const Link& link : links) {
    if (--cuts_[link] == 0) network().heal(NodeNumber(link.first), NodeNumber(link.second));
  }
}

std::vector<std::uint32_t> Stage::choose_core() {
  std::vector<std::uint32_t> whole;
  std::vector<std::uint32_t> others;
  const std::uint64_t first = kernel().draw(kCore, 0, 0);
  for (std::uint32_t n = 0; n < size(); ++n) {
    const auto node = static_cast<std::uint32_t>((first + n) % size()) + 1;
    const bool told = kernel().now() < peace_until_ && node == peace_for_;
    const bool is_whole = !told && !members().is_doubtful(node);
    (is_whole ? whole : others).push_back(node);
  }
  whole.insert(whole.end(), others.begin(), others.end());
  whole.resize(size() / 2 + 1);
  std::ranges::sort(whole);
  return whole;
}

// What happens to one that isn't of the core: it is dead, gets no processor, or nobody hears it.
void Stage::freeze(std::uint32_t node) {
  ++deaths_[node];  // Nobody starts it.
  switch (kernel().draw(kFate, node, 0) % 3) {
    case 0:
      if (members().running(node)) members().kill(node, Death::kCrash);
      return;
    case 1:
      if (members().running(node)) pause(node);
      return;
    default:
      for (std::uint32_t other = 1; other <= size(); ++other) {
        if (other != node) network().cut_both(NodeNumber(node), NodeNumber(other));
      }
      for (std::uint32_t client = 0; client < settings().clients; ++client) {
        network().cut_both(NodeNumber(node), NodeNumber(kClientsFrom + client));
      }
  }
}

std::vector<std::uint32_t> Stage::calm_core() {
  // First: who has another's directory only for now is whole once it is put right.
  end_all();
  const std::vector<std::uint32_t> core = choose_core();
  std::string names;
  for (const std::uint32_t node : core) names += " n" + std::to_string(node);
  tell(0, "all faults end for a core," + names + "; the others stay away");
  network().heal_all();
  for (std::uint32_t node = 1; node <= size(); ++node) {
    if (!std::ranges::binary_search(core, node)) freeze(node);
  }
  for (const std::uint32_t node : core) {
    if (std::exchange(pauses_[node], 0) > 0) members().machine(node).resume();
    members().machine(node).clock().set_boot_drift(0);
    if (!members().running(node)) members().start(node);
  }
  return core;
}

void Stage::end_all() {
  calm_ = true;
  while (!effects_.empty()) end_effect(effects_.begin()->first);
  for (const auto& [name, state] : states_) state->calm();
  for (std::uint32_t node = 1; node <= size(); ++node) {
    SimDisk& disk = members().machine(node).disk();
    disk.forget_planned();
    disk.forget_betrayals();
    static_cast<void>(disk.image().heal_latent());
    disk.stall_until(kernel().now());
  }
  disarm();
}

void Stage::calm() {
  tell(0, "all faults end; whoever is down starts");
  end_all();
  if (ears_.calm) ears_.calm();
  network().heal_all();
  for (const auto& [node, count] : pauses_) {
    if (count > 0) members().machine(node).resume();
  }
  for (std::uint32_t node = 1; node <= size(); ++node) {
    members().machine(node).clock().set_boot_drift(0);
    if (!members().running(node)) members().start(node);
  }
}

}  // namespace detcd::sim
