// One scheduler of one life of a node, mapped onto the kernel's queue. Timers follow the node's own
// boot clock. Operations cost no allocation. When the node dies the scheduler forgets everything
// queued; who waits is destroyed by its owner and withdraws in vain.
#pragma once

#include "runtime/scheduler.h"
#include "sim/kernel/clock.h"
#include "sim/kernel/fence.h"
#include "sim/kernel/kernel.h"

namespace detcd::sim {

class NodeScheduler final : public runtime::Scheduler, public ClockFollower {
 public:
  struct Options {
    NodeNumber node;
    Incarnation incarnation{1};
    // How long work handed away takes: logarithmically uniform.
    Duration offload_shortest = 10us;
    Duration offload_longest = 10ms;
  };
  // A node may have several: connections on other threads have schedulers of their own.
  NodeScheduler(Kernel& kernel, NodeClock& clock, const Fence& fence, const Options& options);
  ~NodeScheduler() override;

  void post_from_anywhere(std::move_only_function<void()> work) override;
  void offload(std::move_only_function<void()> work, std::move_only_function<void()> done) override;
  [[nodiscard]] const runtime::Clock& clock() const override { return clock_; }

  // After the fence began its teardown: forgets all that is queued, and destroys posted work unrun.
  void stop();
  [[nodiscard]] Kernel& kernel() { return kernel_; }
  [[nodiscard]] NodeNumber node() const { return options_.node; }
  void boot_clock_changed(const ClockLine& before, const ClockLine& after) override;

 private:
  void enqueue(runtime::Operation& operation) override;
  void arm(runtime::Operation& operation, TimePoint deadline) override;
  void withdraw(runtime::Operation& operation) noexcept override;
  void fire(runtime::Operation& operation);
  void unlink(runtime::Operation& operation);
  [[nodiscard]] Label label(EventKind kind) const;

  Kernel& kernel_;
  NodeClock& clock_;
  const Fence& fence_;
  Options options_;
  std::uint32_t owner_;
  std::uint64_t offloads_ = 0;
  std::size_t pending_ = 0;               // Operations posted or armed.
  runtime::Operation* timers_ = nullptr;  // Armed, newest first.
};

}  // namespace detcd::sim
