#include "sim/machine/machine.h"

#include <utility>

#include "base/check.h"
#include "sim/kernel/helpers.h"

namespace detcd::sim {
namespace {

DiskOptions disk_options(const MachineOptions& options) {
  DiskOptions disk = options.disk;
  disk.node = options.node;
  return disk;
}

}  // namespace

// A scheduler with the doors that complete on it.
struct Machine::Thread {
  Thread(Machine& machine, const Fence& fence)
      : scheduler(machine.kernel_, machine.clock_, fence,
                  {.node = machine.options_.node, .incarnation = machine.incarnation_}),
        network(machine.network_, machine.options_.node, scheduler, fence),
        disk(machine.disk_, scheduler, fence, machine.options_.directory),
        helpers(scheduler) {}
  NodeScheduler scheduler;
  NodeNetwork network;
  NodeDisk disk;
  SimHelpers helpers;
};

struct Machine::Life {
  explicit Life(Machine& machine)
      : fence(*machine.fences_.back()),
        random(machine.kernel_, fence, machine.options_.node, machine.incarnation_,
               &machine.rare_) {
    threads.push_back(std::make_unique<Thread>(machine, fence));
    tasks = std::make_unique<runtime::TaskGroup>(threads.front()->scheduler);
  }
  Fence& fence;
  NodeRandom random;
  std::vector<std::unique_ptr<Thread>> threads;
  std::unique_ptr<runtime::TaskGroup> tasks;
};

Machine::Machine(Kernel& kernel, SimNetwork& network, const MachineOptions& options)
    : kernel_(kernel),
      network_(network),
      options_(options),
      clock_(kernel, options.clock),
      disk_(kernel, disk_options(options)) {
  network_.add_host(options_.node, options_.host);
  start();
}

Machine::~Machine() {
  if (running()) kill(Death::kCrash);
}

void Machine::start() {
  check(!running(), "a machine runs one life of its node at a time");
  if (std::exchange(lost_power_, false)) {
    clock_.reboot();
    network_.power_on(options_.node);
  }
  incarnation_ = incarnation_.next();
  kernel_.begin_incarnation(options_.node, incarnation_);
  resume();
  fences_.push_back(std::make_unique<Fence>());
  life_ = std::make_unique<Life>(*this);
}

runtime::World Machine::world() {
  check(running(), "only a running machine has a world");
  Thread& first = *life_->threads.front();
  return {first.scheduler, clock_, life_->random, first.network, first.disk, first.helpers};
}

runtime::World Machine::add_scheduler() {
  check(running(), "only a running machine has a world");
  life_->threads.push_back(std::make_unique<Thread>(*this, life_->fence));
  Thread& added = *life_->threads.back();
  return {added.scheduler, clock_, life_->random, added.network, added.disk, added.helpers};
}

runtime::TaskGroup& Machine::tasks() {
  check(running(), "only a running machine has tasks");
  return *life_->tasks;
}

Fence& Machine::fence() {
  check(running(), "only a running machine has a fence");
  return life_->fence;
}

void Machine::kill(Death death, std::move_only_function<void()> destroy) {
  check(running(), "only a running machine is killed");
  wake();
  life_->fence.begin_teardown();
  for (const auto& thread : life_->threads) thread->scheduler.stop();
  if (death == Death::kPowerLoss) {
    disk_.lose_power();
    network_.lose_power(options_.node);
    lost_power_ = true;
  } else {
    disk_.crash();
    network_.crash(options_.node);
  }
  life_->tasks->cancel();
  if (destroy) destroy();
  life_->fence.close();
  life_.reset();
}

void Machine::kill_soon(Death death, std::move_only_function<void()> destroy) {
  const Label label{options_.node, EventKind::kFault, static_cast<std::uint64_t>(death)};
  kernel_.schedule(kernel_.now(), label,
                   [this, death, life = incarnation_, destroy = std::move(destroy)]() mutable {
                     if (running() && incarnation_ == life) kill(death, std::move(destroy));
                   });
}

void Machine::pause() {
  paused_ = true;
  kernel_.pause(options_.node);
}

void Machine::resume() {
  paused_ = false;
  if (!suspended_) kernel_.resume(options_.node);
}

void Machine::suspend() {
  check(running(), "only a running machine is suspended");
  suspended_ = true;
  kernel_.pause(options_.node);
  network_.suspend(options_.node);
}

void Machine::wake() {
  if (!std::exchange(suspended_, false)) return;
  network_.power_on(options_.node);
  if (!paused_) kernel_.resume(options_.node);
}

}  // namespace detcd::sim
