// Long calculations away from the scheduler: password hashes and signatures, which take longer than
// a step may. What runs there sees only what it owns.
#pragma once

#include <functional>
#include <string>

#include "runtime/task.h"

namespace detcd::runtime {

class Helpers {
 public:
  virtual ~Helpers() = default;
  // Runs `work` aside and gives what it returned. A task destroyed meanwhile abandons it.
  virtual Task<std::string> run(std::move_only_function<std::string()> work) = 0;
};

}  // namespace detcd::runtime
