// Calculations away from a node's scheduler, in virtual time: each takes as long, and then is done.
#pragma once

#include <utility>

#include "runtime/helpers.h"
#include "runtime/wait.h"

namespace detcd::sim {

class SimHelpers final : public runtime::Helpers {
 public:
  explicit SimHelpers(runtime::Scheduler& scheduler) : scheduler_(scheduler) {}
  runtime::Task<std::string> run(std::move_only_function<std::string()> work) override {
    co_await runtime::sleep_for(scheduler_, 5ms);
    co_return work();
  }

 private:
  runtime::Scheduler& scheduler_;
};

}  // namespace detcd::sim
