// One simulated machine: a clock, a disk and a host on the network, and one life of a node at a
// time. world() is what the node's code gets; kill() ends the life as a process crash or a power
// loss would, and start() begins the next one on the same disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/task_group.h"
#include "runtime/world.h"
#include "sim/disk/node_disk.h"
#include "sim/kernel/clock.h"
#include "sim/kernel/fence.h"
#include "sim/kernel/random.h"
#include "sim/kernel/rare.h"
#include "sim/kernel/scheduler.h"
#include "sim/net/node_network.h"

namespace detcd::sim {

struct MachineOptions {
  NodeNumber node;
  std::string host;             // Its name on the network, such as "n1".
  std::string directory = "/";  // Where relative paths begin.
  NodeClock::Start clock;
  DiskOptions disk;  // Its node is filled in.
};

enum class Death : std::uint8_t { kCrash, kPowerLoss };

class Machine {
 public:
  // The machine begins with its first life.
  Machine(Kernel& kernel, SimNetwork& network, const MachineOptions& options);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  [[nodiscard]] bool running() const { return life_ != nullptr; }
  [[nodiscard]] Incarnation incarnation() const { return incarnation_; }
  // What the living node takes from outside.
  [[nodiscard]] runtime::World world();
  // One more scheduler of this life, with a world of its own on it: a thread of connections.
  [[nodiscard]] runtime::World add_scheduler();
  // Tasks spawned here die first when the node is killed, the newest first.
  [[nodiscard]] runtime::TaskGroup& tasks();

  // Ends the life. `destroy` gives up all else that the node owns (servers, streams, files);
  // nothing of it may be kept. Not from inside an event of the node: use kill_soon there.
  void kill(Death death, std::move_only_function<void()> destroy = {});
  // Kills in an event of its own at this instant. Nothing happens if the life has ended by then.
  void kill_soon(Death death, std::move_only_function<void()> destroy = {});
  // Begins the next life; the machine isn't running.
  void start();
  // The node doesn't get the processor until resumed; devices, links and clocks go on.
  void pause();
  void resume();
  // The machine sleeps: its node stands still and its links are silent, but its clocks go on and
  // its connections stay. Woken, it finds that time has passed. A death ends the sleep, too.
  void suspend();
  void wake();
  [[nodiscard]] bool suspended() const { return suspended_; }

  [[nodiscard]] Kernel& kernel() { return kernel_; }
  [[nodiscard]] NodeNumber node() const { return options_.node; }
  [[nodiscard]] const std::string& host() const { return options_.host; }
  [[nodiscard]] NodeClock& clock() { return clock_; }
  [[nodiscard]] SimDisk& disk() { return disk_; }
  [[nodiscard]] Fence& fence();
  // Of all lives: which rare choices are taken.
  [[nodiscard]] RareChoices& rare() { return rare_; }

 private:
  struct Thread;
  struct Life;
  Kernel& kernel_;
  SimNetwork& network_;
  MachineOptions options_;
  NodeClock clock_;
  SimDisk disk_;
  RareChoices rare_;
  Incarnation incarnation_;
  bool lost_power_ = false;
  bool paused_ = false;
  bool suspended_ = false;
  // Of all lives, the newest last: a call from a life that is over finds its fence closed.
  std::vector<std::unique_ptr<Fence>> fences_;
  std::unique_ptr<Life> life_;
};

}  // namespace detcd::sim
