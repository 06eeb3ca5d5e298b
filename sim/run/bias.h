// Leans on the order in which things happen, in a third of the runs each: not at all; by priorities
// of the members that change at drawn points (after Burckhardt and others, "A randomized scheduler
// with probabilistic guarantees of finding bugs"); or against them: the newest goes first, and one
// member, mostly the leader, is slow. Who comes last also gets a slower processor, as in virtual
// time few things happen at the same instant.
#pragma once

#include <cstdint>

#include "sim/kernel/kernel.h"
#include "sim/plan/settings.h"

namespace detcd::sim {

class Cluster;

class Bias {
 public:
  Bias(Kernel& kernel, const Settings& settings) : kernel_(kernel), settings_(settings) {}
  // Until end(); the cluster outlives it.
  void begin(const Cluster& cluster);
  // All are equal again.
  void end();

 private:
  void change();
  void order_members();
  void starve_one();

  Kernel& kernel_;
  const Settings& settings_;
  const Cluster* cluster_ = nullptr;  // While it lasts.
  std::uint64_t changes_ = 0;
};

}  // namespace detcd::sim
