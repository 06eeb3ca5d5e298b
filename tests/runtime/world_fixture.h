// The contract of runtime's interfaces is tested against every world through this: two places where
// tasks run (one scheduler or two, as the world has it) that reach each other over a network.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/result.h"
#include "runtime/mailbox.h"
#include "runtime/network.h"
#include "runtime/task.h"
#include "runtime/world.h"

namespace detcd::test {

using TaskMaker = std::move_only_function<runtime::Task<void>(runtime::World)>;

class WorldFixture {
 public:
  virtual ~WorldFixture() = default;
  virtual runtime::World here() = 0;
  virtual runtime::World there() = 0;
  // Runs the tasks that `at_here` and `at_there` make, each in its place, until both have ended.
  // May be called several times. A run that doesn't end within the patience of the world fails the
  // test.
  virtual void run(TaskMaker at_here, TaskMaker at_there) = 0;
  // Where `here` can listen and `there` can connect (by the listener's address()), and where nobody
  // listens.
  virtual std::string listen_address() = 0;
  virtual std::string refused_address() = 0;
  // A file that can be opened but has no room for a byte, if the world has one.
  virtual std::optional<std::string> full_file() = 0;

  void run(TaskMaker at_here);
};

struct WorldKind {
  std::string name;
  std::function<std::unique_ptr<WorldFixture>()> make;
};

inline void PrintTo(const WorldKind& kind, std::ostream* out) {
  *out << kind.name;
}

// Every world that the contract is tested against: real and simulated ones.
[[nodiscard]] std::vector<WorldKind> all_worlds();
[[nodiscard]] std::vector<WorldKind> asio_worlds();
[[nodiscard]] std::vector<WorldKind> sim_worlds();

class Contract : public testing::TestWithParam<WorldKind> {
 protected:
  std::unique_ptr<WorldFixture> world_ = GetParam().make();
};

inline std::string name_of_world(const testing::TestParamInfo<WorldKind>& info) {
  return info.param.name;
}

// What a step of a test needs in order to go on.
template <class T>
T must(Result<T> result) {
  if (!result) check_failed(result.error().message, std::source_location::current());
  return std::move(*result);
}
inline void must(Result<void> result) {
  if (!result) check_failed(result.error().message, std::source_location::current());
}

template <class T>
std::optional<Errc> error_of(const Result<T>& result) {
  if (result) return std::nullopt;
  return result.error().code;
}

using StreamTask =
    std::move_only_function<runtime::Task<void>(runtime::World, std::unique_ptr<runtime::Stream>)>;

// Connects `there` to `here` and runs the two ends of the stream.
void run_connected(WorldFixture& fixture, StreamTask accepting, StreamTask connecting);

}  // namespace detcd::test
