// Where faults happen: carries a plan's entries out, within the budget (at most one member at a
// time isn't provably whole), and has what families share: deaths, cut links, a clock for later.
// Overlapping faults of one kind add up and end on their own; calm() ends them all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/faults/fault.h"
#include "sim/faults/members.h"
#include "sim/net/network.h"
#include "sim/plan/probes.h"

namespace detcd::sim {

// Probes beside those of families: deaths in general, and before what two families do.
inline constexpr std::string_view kDiedInFlightProbe =
    "somebody died with writes on their way to the disk";
inline constexpr std::string_view kLostPowerToRotProbe =
    "a machine lost power to come back with rot";
inline constexpr std::string_view kLostPowerToBadSectorProbe =
    "a machine lost power to come back with a bad sector";
inline constexpr std::string_view kDiskFailedProbe = "a member stopped because its disk failed it";

inline constexpr std::uint32_t kClientsFrom = 101;  // The first client's number on the network.

// What a family keeps during a run.
class FamilyState {
 public:
  virtual ~FamilyState() = default;
  // All faults end.
  virtual void calm() {}
  // Nobody is to die of it any more, for now.
  virtual void disarm() {}
  // Nothing of it lasts that keeps members from hearing each other in time.
  [[nodiscard]] virtual bool is_quiet() const { return true; }
  // A message has come to this node, from that life of its sender's process.
  virtual void heard(std::uint32_t /*node*/, const raft::Message&, std::uint64_t /*life*/) {}
  // Something that changes this node's disk has got to the device.
  virtual void wrote(std::uint32_t /*node*/, const DiskOperation&) {}
};

// Who is told of faults; any may be empty.
struct StageEars {
  // Faults, deaths and recoveries as they happen, in words.
  std::function<void(const std::string& who, const std::string& what)> tell;
  // An entry was due; `leader` led then (0: nobody), `done` says whether it happened.
  std::function<void(const FaultEntry&, std::uint32_t leader, bool done)> fault;
  std::function<void()> calm;
};

class Stage {
 public:
  // All outlive the stage.
  struct World {
    Kernel& kernel;
    SimNetwork& network;
    Members& members;
    const Settings& settings;
    Probes& probes;
  };
  Stage(const World& world, StageEars ears);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Puts the entries of all families that are on on the kernel's queue.
  void schedule(const std::vector<FaultEntry>& entries);
  // Ends every fault: links heal, clocks run true, everybody is started. No later fault happens.
  void calm();
  // Before: ends the faults of a majority of whole members only. The rest is dead, frozen or out of
  // reach until calm(). Says who is healed.
  std::vector<std::uint32_t> calm_core();
  // A message between members arrived.
  void heard(std::uint32_t node, const raft::Message& message, std::uint64_t life);
  [[nodiscard]] std::uint64_t carried_out() const { return carried_out_; }

  // For families.
  [[nodiscard]] Kernel& kernel() { return world_.kernel; }
  [[nodiscard]] SimNetwork& network() { return world_.network; }
  [[nodiscard]] Members& members() { return world_.members; }
  [[nodiscard]] const Settings& settings() const { return world_.settings; }
  [[nodiscard]] std::uint32_t size() const { return world_.members.size(); }
  [[nodiscard]] bool is_calm() const { return calm_; }
  void probe(std::string_view name) { world_.probes.hit(name); }
  // Says in words what happens to a node (0: to the world).
  void tell(std::uint32_t node, const std::string& what) const;
  // A named member of this cluster: not the leader, whoever that is.
  [[nodiscard]] bool is_named(std::uint32_t node) const { return node >= 1 && node <= size(); }
  // Whom a fault of `node` hits now; 0: nobody.
  [[nodiscard]] std::uint32_t resolve(std::uint32_t node) const;
  void later(Duration delay, Action action);
  // The family's state, made when it is asked for first. A state has a kName and is made of a
  // stage.
  template <class State>
  [[nodiscard]] State& state() {
    std::unique_ptr<FamilyState>& kept = states_[std::string(State::kName)];
    if (kept == nullptr) kept = std::make_unique<State>(*this);
    return static_cast<State&>(*kept);
  }
  // Hits the probe when end_effect, or calm, finds that the counter has risen since now.
  using Counter = std::function<std::uint64_t()>;
  std::uint64_t begin_effect(std::string_view probe, Counter counter);
  void end_effect(std::uint64_t effect);

  // Ends a life now or at the moment that is asked for. It starts again after `down`. False: nobody
  // is hit, or the budget doesn't allow it.
  struct End {
    Death death = Death::kCrash;
    Duration down{};
    Moment moment;
    std::string_view probe;
  };
  bool end_life(std::uint32_t node, const End& end);
  // No armed death strikes any more, and no disk or memory that was about to fail its member does.
  void disarm();
  void restart_after(std::uint32_t node, Duration down);
  // How many lives have ended.
  [[nodiscard]] const std::map<std::uint32_t, std::uint64_t>& deaths() const { return deaths_; }
  // What a member knows of the others' word is remembered by those to whom it was given: they live
  // since then, follow one leader, and can reach it in time.
  [[nodiscard]] bool everybody_remembers(std::uint32_t node);
  // Nobody else is in doubt: this member may come to be.
  [[nodiscard]] bool within_budget(std::uint32_t node) const;
  // No other fault happens before, nor before an election timeout after it has read its directory,
  // however slow its disk is: this member is being told what it forgot.
  void keep_peace(std::uint32_t node, VirtualTime until);
  [[nodiscard]] bool is_peace() const { return calm_ || world_.kernel.now() < peace_until_; }
  // Nothing lasts that keeps members from hearing each other in time.
  [[nodiscard]] bool is_quiet() const;
  // Members that don't get the processor, and links that are cut: counted.
  void pause(std::uint32_t node);
  // True when it runs again.
  bool resume(std::uint32_t node);
  using Link = std::pair<std::uint32_t, std::uint32_t>;
  void cut(const std::vector<Link>& links);
  void heal(const std::vector<Link>& links);

 private:
  void happen_now(const FaultEntry& entry);
  void prolong_peace();
  void end_all();
  [[nodiscard]] std::vector<std::uint32_t> choose_core();
  void freeze(std::uint32_t node);
  bool strike(std::uint32_t node, const End& end);
  void pass_boundary(std::uint32_t node, const Boundary& boundary);
  void operation_started(std::uint32_t node, VirtualTime due);
  void disk_failed(std::uint32_t node);
  struct Effect {
    std::string probe;
    Counter counter;
    std::uint64_t before = 0;
  };

  World world_;
  StageEars ears_;
  std::uint64_t carried_out_ = 0;
  bool calm_ = false;
  std::map<std::string, std::unique_ptr<FamilyState>> states_;
  std::map<Link, std::uint32_t> cuts_;
  std::map<std::uint32_t, std::uint32_t> pauses_;
  std::map<std::uint32_t, std::uint64_t> deaths_;  // Tells an old restart from a new one.
  std::map<std::uint32_t, End> armed_;             // Boundaries still to pass.
  std::map<std::uint32_t, End> in_flight_;         // Strike while the next operation is under way.
  std::map<std::uint64_t, Effect> effects_;
  std::uint64_t next_effect_ = 1;
  VirtualTime peace_until_;
  std::uint32_t peace_for_ = 0;
};

}  // namespace detcd::sim
