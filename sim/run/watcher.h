// Somebody who watches a whole run, for pictures of it: members' lives and steps, faults, and what
// the network carries. A watcher looks; it changes neither the run nor its hash.
#pragma once

#include <cstdint>
#include <memory>

#include "server/observer.h"
#include "sim/history/history.h"
#include "sim/history/watched.h"
#include "sim/kernel/kernel.h"
#include "sim/machine/machine.h"
#include "sim/net/tap.h"
#include "sim/plan/plan.h"

namespace detcd::sim {

class Watcher : public NetworkTap {
 public:
  // Both live until on_end returns: the kernel knows what time it is.
  virtual void on_begin(const Kernel&, const History&) {}
  // The judges have spoken; what the members do from here on is only tidying up.
  virtual void on_end() {}
  // A member's life ends, the next one begins. All begin alive.
  virtual void on_death(std::uint32_t /*node*/, Death) {}
  virtual void on_start(std::uint32_t /*node*/) {}
  // An entry of the plan was due; `leader` led then (0: nobody), `done` says whether it happened.
  virtual void on_fault(const FaultEntry&, std::uint32_t /*leader*/, bool /*done*/) {}
  // All faults end.
  virtual void on_calm() {}
  // What passes between a watching client and the members.
  virtual void on_watch(const WatchNote&) {}
  // As server::Observer.
  virtual void on_step(std::uint32_t /*node*/, const raft::Raft&) {}
  virtual void on_raft_event(std::uint32_t /*node*/, const raft::Event&) {}
  virtual void on_installed(std::uint32_t /*node*/, const apply::Position&) {}
};

// An observer that tells the watcher, if there is one, what it tells `inner`.
[[nodiscard]] std::unique_ptr<server::Observer> watched(std::unique_ptr<server::Observer> inner,
                                                        Watcher* watcher, std::uint32_t node);

}  // namespace detcd::sim
