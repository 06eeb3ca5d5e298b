// A machine for tests of what is kept on disk: a simulated disk that outlives the lives of its
// process, and what a life consists of. A life can be made to end at any boundary of any disk
// operation.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/network.h"
#include "runtime/task_group.h"
#include "runtime/world.h"
#include "sim/disk/node_disk.h"
#include "sim/kernel/helpers.h"
#include "sim/kernel/random.h"
#include "sim/kernel/scheduler.h"

namespace detcd::test {

class NoNetwork final : public runtime::Network {
 public:
  runtime::Task<Result<std::unique_ptr<runtime::Listener>>> listen(std::string) override {
    co_return Error{Errc::kUnavailable, "no network here"};
  }
  runtime::Task<Result<std::unique_ptr<runtime::Stream>>> connect(std::string) override {
    co_return Error{Errc::kUnavailable, "no network here"};
  }
};

enum class CrashKind : std::uint8_t { kProcess, kPower };

class Machine {
 public:
  explicit Machine(std::uint64_t seed)
      : kernel_(seed, sim::Order::kInTurn),
        clock_(kernel_, {}),
        disk_(kernel_, {.node = sim::NodeNumber(1)}) {
    begin_life();
    EXPECT_TRUE(run(world().disk.make_directory(kDirectory))->ok());
    EXPECT_TRUE(run(world().disk.sync_directory("/"))->ok());
  }
  ~Machine() { end_life(); }

  static constexpr const char* kDirectory = "/data";

  [[nodiscard]] runtime::World world() {
    return {life_->scheduler, clock_, life_->random, network_, life_->disk, life_->helpers};
  }
  [[nodiscard]] sim::SimDisk& disk() { return disk_; }
  [[nodiscard]] sim::Kernel& kernel() { return kernel_; }

  // Runs `task` to its end; nothing when the crash that was planned came first.
  template <class T>
  std::optional<T> run(runtime::Task<T> task) {
    std::optional<T> kept;
    if (crashed_) return kept;
    runtime::TaskGroup group(life_->scheduler);
    group.spawn(keep(std::move(task), kept));
    kernel_.run_until([&] { return kept.has_value() || crashed_; }, sim::kNeverVirtual);
    if (crashed_) {
      life_->fence.begin_teardown();
      return std::nullopt;
    }
    EXPECT_TRUE(kept.has_value()) << "the task doesn't end";
    return kept;
  }
  // Lets background tasks go on; no time passes when the process died.
  void idle(Duration duration) {
    if (crashed_) return;
    const sim::VirtualTime end = kernel_.now() + duration;
    kernel_.run_until([&] { return crashed_; }, end);
    if (crashed_) life_->fence.begin_teardown();
    if (!crashed_) kernel_.run_until(end);
  }

  // The process ends at the boundary after `boundaries` more of them, counted from now.
  void crash_after(std::uint64_t boundaries, CrashKind kind) {
    const std::uint64_t at = disk_.boundaries() + boundaries;
    disk_.set_boundary_hook([this, at, kind](const sim::Boundary& boundary) {
      if (boundary.number != at || crashed_) return;
      crashed_ = true;
      die(kind);
    });
  }
  [[nodiscard]] bool crashed() const { return crashed_; }
  // The process ends now; what it owned must be destroyed before the next life. Idempotent.
  void crash(CrashKind kind) {
    if (crashed_) return;
    crashed_ = true;
    life_->fence.begin_teardown();
    die(kind);
  }
  // Everything of the former life must be destroyed.
  void restart() {
    crash(CrashKind::kProcess);
    end_life();
    disk_.set_boundary_hook({});
    crashed_ = false;
    begin_life();
  }

 private:
  struct Life {
    Life(sim::Kernel& kernel, sim::NodeClock& clock, sim::SimDisk& device, sim::Incarnation number)
        : scheduler(kernel, clock, fence, {.node = sim::NodeNumber(1), .incarnation = number}),
          random(kernel, fence, sim::NodeNumber(1), number),
          disk(device, scheduler, fence),
          helpers(scheduler) {}
    sim::Fence fence;
    sim::NodeScheduler scheduler;
    sim::NodeRandom random;
    sim::NodeDisk disk;
    sim::SimHelpers helpers;
  };

  template <class T>
  static runtime::Task<void> keep(runtime::Task<T> task, std::optional<T>& kept) {
    T value = co_await std::move(task);
    kept.emplace(std::move(value));
  }
  void begin_life() {
    lives_ += 1;
    const sim::Incarnation number(lives_);
    kernel_.begin_incarnation(sim::NodeNumber(1), number);
    life_ = std::make_unique<Life>(kernel_, clock_, disk_, number);
  }
  void end_life() {
    if (life_ == nullptr) return;
    if (life_->fence.open()) life_->fence.begin_teardown();
    life_->scheduler.stop();
    life_->fence.close();
    life_.reset();
  }
  void die(CrashKind kind) { kind == CrashKind::kPower ? disk_.lose_power() : disk_.crash(); }

  sim::Kernel kernel_;
  sim::NodeClock clock_;
  sim::SimDisk disk_;
  NoNetwork network_;
  std::uint64_t lives_ = 0;
  bool crashed_ = false;
  std::unique_ptr<Life> life_;
};

}  // namespace detcd::test
