// The network as one life of a node sees it: runtime::Network over a SimNetwork. One for each
// scheduler of the node; every completion goes through that scheduler's queue.
#pragma once

#include <memory>
#include <string>

#include "runtime/network.h"
#include "runtime/scheduler.h"
#include "sim/kernel/fence.h"
#include "sim/net/network.h"

namespace detcd::sim {

class NodeNetwork final : public runtime::Network {
 public:
  NodeNetwork(SimNetwork& network, NodeNumber node, runtime::Scheduler& scheduler,
              const Fence& fence)
      : network_(network), node_(node), scheduler_(scheduler), fence_(fence) {}

  runtime::Task<Result<std::unique_ptr<runtime::Listener>>> listen(std::string address) override;
  runtime::Task<Result<std::unique_ptr<runtime::Stream>>> connect(std::string address) override;

 private:
  SimNetwork& network_;
  NodeNumber node_;
  runtime::Scheduler& scheduler_;
  const Fence& fence_;
};

}  // namespace detcd::sim
