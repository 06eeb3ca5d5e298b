// Carries a plan's faults out, within the budget: at most one member at a time isn't provably
// whole. Overlapping faults of one kind add up and end on their own; calm() ends them all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/run/cluster.h"
#include "sim/run/echo.h"

namespace detcd::sim {

class Faults {
 public:
  Faults(Kernel& kernel, SimNetwork& network, Cluster& cluster, const RunOptions& options)
      : kernel_(kernel),
        network_(network),
        cluster_(cluster),
        settings_(options.settings),
        watcher_(options.watcher),
        echoes_(kernel, cluster, options.settings) {}
  ~Faults();

  // Told of faults, deaths and recoveries as they happen, in words.
  using Teller = std::function<void(const std::string& who, const std::string& what)>;
  void on_happening(Teller teller) { teller_ = std::move(teller); }
  // Puts all entries on the kernel's queue.
  void schedule(const std::vector<FaultEntry>& entries);
  // Ends every fault: links heal, clocks run true, everybody is started. No later fault happens.
  void calm();
  // A message between members left its sender.
  void heard(std::uint32_t node, const raft::Message& message, std::uint64_t life) {
    echoes_.arrived(node, message, life);
  }
  [[nodiscard]] std::uint64_t carried_out() const { return carried_out_; }

 private:
  using Link = std::pair<std::uint32_t, std::uint32_t>;
  bool carry_out(const Fault& fault);
  void happen_now(const FaultEntry& entry);
  void tell(std::uint32_t node, const std::string& what) const;
  bool happen(const Crash& fault);
  bool happen(const PowerLoss& fault);
  bool happen(const Rot& fault);
  bool happen(const PutBack& fault);
  bool happen(const Pause& fault);
  bool happen(const Partition& fault);
  bool happen(const Delay& fault);
  bool happen(const Reset& fault);
  bool happen(const ClockSkew& fault);
  bool happen(const Echo& fault);
  // Whom a fault of `node` hits now; 0: nobody.
  [[nodiscard]] std::uint32_t resolve(std::uint32_t node) const;
  bool end_life(std::uint32_t node, Death death, Duration down, std::uint64_t boundary);
  bool strike(std::uint32_t node, Death death, Duration down);
  void pass_boundary(std::uint32_t node);
  // A member that forgot something without knowing it is told by those to whom it gave its word:
  // they live since then and can reach it, in time.
  [[nodiscard]] bool everybody_remembers(std::uint32_t node) const;
  void put_back(const PutBack& fault, DiskImage copy);
  // Nobody else is in doubt: this member may come to be.
  [[nodiscard]] bool within_budget(std::uint32_t node) const;
  void restart_after(std::uint32_t node, Duration down);
  void cut(const std::vector<Link>& links);
  void heal(const std::vector<Link>& links);
  void set_delay(const Link& link, Duration extra);
  void later(Duration delay, Action action);

  Kernel& kernel_;
  SimNetwork& network_;
  Cluster& cluster_;
  const Settings& settings_;
  Watcher* watcher_;
  Teller teller_;
  Echoes echoes_;
  std::uint64_t carried_out_ = 0;
  bool calm_ = false;
  std::map<Link, std::uint32_t> cuts_;
  std::map<Link, Duration> delays_;
  std::map<std::uint32_t, std::uint32_t> pauses_;
  std::map<std::uint32_t, std::uint64_t> kills_;  // Tells an old restart from a new one.
  VirtualTime peace_until_;                       // No fault before: a member is being told.
  struct Armed {
    Death death = Death::kCrash;
    Duration down{};
    std::uint64_t boundaries = 0;  // Still to pass, the last one's included.
  };
  std::map<std::uint32_t, Armed> armed_;
};

}  // namespace detcd::sim
