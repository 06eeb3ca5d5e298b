#include "sim/kernel/fence.h"

#include <string>

#include "base/check.h"

namespace detcd::sim {

void Fence::begin_teardown() {
  check(state_ == State::kOpen, "a node dies once in each of its lives");
  state_ = State::kTearingDown;
}

void Fence::report(std::string_view call, const std::source_location& where) const {
  std::string promise("a killed node makes no calls, but it called ");
  promise += call;
  check_failed(promise, where);
}

}  // namespace detcd::sim
