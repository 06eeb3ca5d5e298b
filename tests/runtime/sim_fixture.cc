// The simulated world as a fixture: one scheduler, two schedulers of one machine, or two machines;
// with ready operations in any order, and with bytes cut at every turn.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/machine/machine.h"
#include "tests/runtime/world_fixture.h"

namespace detcd::test {

namespace {

using runtime::Task;
using runtime::World;

constexpr Duration kVirtualPatience = 1000s;

enum class Places : std::uint8_t { kOneScheduler, kTwoSchedulers, kTwoMachines };

struct Shape {
  Places places = Places::kOneScheduler;
  sim::Order order = sim::Order::kRounds;
  bool choppy = false;  // Segments and reads are cut most of the time.
};

Task<void> count_down(Task<void> task, int& left) {
  co_await std::move(task);
  --left;
}

sim::MachineOptions machine_named(std::uint64_t number) {
  sim::MachineOptions options{.node = sim::NodeNumber(number),
                              .host = "n" + std::to_string(number)};
  options.directory = "/home";
  return options;
}

class SimFixture final : public WorldFixture {
 public:
  explicit SimFixture(const Shape& shape)
      : shape_(shape),
        kernel_(17, shape.order),
        network_(kernel_),
        first_(kernel_, network_, machine_named(1)),
        second_(kernel_, network_, machine_named(2)),
        second_scheduler_(first_.add_scheduler()) {
    if (shape.choppy) {
      network_.options().segment_cut_ppm = network_.options().short_read_ppm = 700'000;
    }
    for (sim::Machine* machine : {&first_, &second_}) {
      must(machine->disk().image().make_directory("/home"));
    }
  }
  World here() override { return first_.world(); }
  World there() override {
    switch (shape_.places) {
      case Places::kOneScheduler:
        return first_.world();
      case Places::kTwoSchedulers:
        return second_scheduler_;
      case Places::kTwoMachines:
        break;
    }
    return second_.world();
  }
  using WorldFixture::run;
  void run(TaskMaker at_here, TaskMaker at_there) override {
    int left = 2;
    runtime::TaskGroup tasks_here(here().scheduler);
    runtime::TaskGroup tasks_there(there().scheduler);
    tasks_here.spawn(count_down(at_here(here()), left));
    tasks_there.spawn(count_down(at_there(there()), left));
    const bool ended =
        kernel_.run_until([&] { return left == 0; }, kernel_.now() + kVirtualPatience);
    EXPECT_TRUE(ended) << "the tasks didn't end in time";
    // Wakes of mailboxes and frames that end themselves go before the caller's variables.
    kernel_.run_for(Duration::zero());
  }
  std::string listen_address() override { return "n1:0"; }
  std::string refused_address() override { return "n1:1"; }
  std::optional<std::string> full_file() override {
    must(first_.disk().image().open("/home/full", runtime::OpenMode::kCreate));
    first_.disk().set_capacity(0);
    return "full";
  }

 private:
  Shape shape_;
  sim::Kernel kernel_;
  sim::SimNetwork network_;
  sim::Machine first_;
  sim::Machine second_;
  World second_scheduler_;
};

WorldKind kind(std::string name, Shape shape) {
  return {std::move(name), [shape] { return std::make_unique<SimFixture>(shape); }};
}

}  // namespace

std::vector<WorldKind> sim_worlds() {
  return {kind("SimOneScheduler", {}), kind("SimTwoSchedulers", {.places = Places::kTwoSchedulers}),
          kind("SimTwoMachines", {.places = Places::kTwoMachines}),
          kind("SimInTurn", {.order = sim::Order::kInTurn}),
          kind("SimChoppy", {.places = Places::kTwoMachines, .choppy = true})};
}

}  // namespace detcd::test
