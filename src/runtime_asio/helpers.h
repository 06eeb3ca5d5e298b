// Calculations of one scheduler on threads of their own, beside those of its disk: a queue of
// password hashes never makes a sync wait.
#pragma once

#include "runtime/helpers.h"
#include "runtime_asio/helper_pool.h"
#include "runtime_asio/scheduler.h"

namespace detcd::runtime_asio {

class AsioHelpers final : public runtime::Helpers {
 public:
  // The scheduler must outlive this and all tasks.
  explicit AsioHelpers(AsioScheduler& scheduler)
      : scheduler_(scheduler), pool_(kThreadsMax, AtEnd::kDrop) {}
  runtime::Task<std::string> run(std::move_only_function<std::string()> work) override;

 private:
  static constexpr std::size_t kThreadsMax = 2;
  AsioScheduler& scheduler_;
  HelperPool pool_;
};

}  // namespace detcd::runtime_asio
