// The random source of one life of a node: keyed by the run's seed and that life.
#pragma once

#include "base/hash.h"
#include "runtime/random.h"
#include "sim/kernel/distribution.h"
#include "sim/kernel/fence.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/rare.h"

namespace detcd::sim {

class NodeRandom final : public runtime::Random {
 public:
  // `rare` says which rare choices are taken how often, and counts them; null: none is.
  NodeRandom(const Kernel& kernel, const Fence& fence, NodeNumber node, Incarnation incarnation,
             RareChoices* rare = nullptr)
      : kernel_(kernel),
        fence_(fence),
        key_(mix64(node.value(), incarnation.value())),
        rare_(rare) {}

  [[nodiscard]] std::uint64_t draw(runtime::Site site, std::uint64_t entity,
                                   std::uint64_t ordinal) const override {
    fence_.require_open("Random::draw");
    return kernel_.draw(site, mix64(key_, entity), ordinal);
  }
  [[nodiscard]] bool rarely(runtime::Site site, std::uint64_t entity,
                            std::uint64_t ordinal) const override {
    fence_.require_open("Random::rarely");
    if (rare_ == nullptr || !rare_->any()) return false;
    const std::uint64_t odds = rare_->odds(site);
    if (odds == 0) return false;
    const std::uint64_t word = kernel_.draw(site, mix64(key_, entity), ordinal);
    const bool taken = sim::below(word, kPermille) < odds;
    if (taken) rare_->took(site);
    return taken;
  }
  // The entity under which the kernel knows a draw of this life: what to override.
  [[nodiscard]] std::uint64_t key_of(std::uint64_t entity) const { return mix64(key_, entity); }

 private:
  const Kernel& kernel_;
  const Fence& fence_;
  static constexpr std::uint64_t kPermille = 1000;
  std::uint64_t key_;
  RareChoices* rare_;
};

}  // namespace detcd::sim
