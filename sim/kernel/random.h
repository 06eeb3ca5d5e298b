// The random source of one life of a node: keyed by the run's seed and that life.
#pragma once

#include "base/hash.h"
#include "runtime/random.h"
#include "sim/kernel/fence.h"
#include "sim/kernel/kernel.h"

namespace detcd::sim {

class NodeRandom final : public runtime::Random {
 public:
  NodeRandom(const Kernel& kernel, const Fence& fence, NodeNumber node, Incarnation incarnation)
      : kernel_(kernel), fence_(fence), key_(mix64(node.value(), incarnation.value())) {}

  [[nodiscard]] std::uint64_t draw(runtime::Site site, std::uint64_t entity,
                                   std::uint64_t ordinal) const override {
    fence_.require_open("Random::draw");
    return kernel_.draw(site, mix64(key_, entity), ordinal);
  }
  // The entity under which the kernel knows a draw of this life: what to override.
  [[nodiscard]] std::uint64_t key_of(std::uint64_t entity) const { return mix64(key_, entity); }

 private:
  const Kernel& kernel_;
  const Fence& fence_;
  std::uint64_t key_;
};

}  // namespace detcd::sim
