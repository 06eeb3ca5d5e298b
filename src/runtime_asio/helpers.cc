#include "runtime_asio/helpers.h"

#include <memory>
#include <utility>

#include "runtime_asio/blocking_call.h"

namespace detcd::runtime_asio {

// Each in a lane of its own: they run beside each other.
runtime::Task<std::string> AsioHelpers::run(std::move_only_function<std::string()> work) {
  const CallQueue queue{scheduler_, pool_, std::make_shared<Lane>()};
  return blocking_call<std::string>(queue, std::move(work));
}

}  // namespace detcd::runtime_asio
