// The real world as a fixture: everything on one scheduler, or two I/O threads.
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/task_group.h"
#include "runtime/wait.h"
#include "runtime_asio/asio_world.h"
#include "runtime_asio/io_threads.h"
#include "tests/runtime/world_fixture.h"

namespace detcd::test {

namespace {

using runtime::Task;
using runtime::World;

constexpr std::chrono::seconds kPatience{20};

// A directory of its own for each fixture, gone at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "detcd-runtime-XXXXXX").string();
    check(::mkdtemp(name.data()) != nullptr, "a temporary directory can be made");
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Runs what it is told after the task, in the task's place.
Task<void> then(Task<void> task, std::move_only_function<void()> ended) {
  co_await std::move(task);
  ended();
}

class AsioFixture : public WorldFixture {
 public:
  std::string listen_address() override { return "127.0.0.1:0"; }
  // Port 1 (tcpmux) is served nowhere.
  std::string refused_address() override { return "127.0.0.1:1"; }
  std::optional<std::string> full_file() override { return "/dev/full"; }

 protected:
  TemporaryDirectory directory_;
};

class OneStrand final : public AsioFixture {
 public:
  World here() override { return world_.world(); }
  World there() override { return world_.world(); }
  using WorldFixture::run;
  void run(TaskMaker at_here, TaskMaker at_there) override {
    runtime::TaskGroup tasks(world_.scheduler);
    int left = 2;
    const auto one_less = [this, &left] {
      if (--left == 0) world_.scheduler.stop();
    };
    tasks.spawn(then(at_here(here()), one_less));
    tasks.spawn(then(at_there(there()), one_less));
    tasks.spawn(lose_patience(world_.scheduler));
    world_.scheduler.run();
    EXPECT_EQ(left, 0) << "the tasks didn't end in time";
  }

 private:
  static Task<void> lose_patience(runtime_asio::AsioScheduler& scheduler) {
    co_await runtime::sleep_for(scheduler, kPatience);
    scheduler.stop();
  }

  runtime_asio::AsioWorld world_{directory_.path()};
};

class TwoThreads final : public AsioFixture {
 public:
  World here() override { return threads_.world(0); }
  World there() override { return threads_.world(1); }
  using WorldFixture::run;
  void run(TaskMaker at_here, TaskMaker at_there) override {
    std::promise<void> ends[2];
    TaskMaker makers[2] = {std::move(at_here), std::move(at_there)};
    for (std::size_t i = 0; i < 2; ++i) {
      threads_.spawn(i, [make = std::move(makers[i]), &end = ends[i]](World world) mutable {
        return then(make(world), [&end] { end.set_value(); });
      });
    }
    for (std::promise<void>& end : ends) {
      const bool in_time = end.get_future().wait_for(kPatience) == std::future_status::ready;
      check(in_time, "the tasks end in time");
    }
    // What the tasks left in the queues (wakes of mailboxes, their own frames) goes before the
    // caller's variables.
    for (std::size_t i = 0; i < 2; ++i) {
      std::promise<void> flushed;
      threads_.world(i).scheduler.post_from_anywhere([&flushed] { flushed.set_value(); });
      flushed.get_future().wait();
    }
  }

 private:
  runtime_asio::IoThreads threads_{2, directory_.path()};
};

}  // namespace

std::vector<WorldKind> asio_worlds() {
  return {{"AsioOneStrand", [] { return std::make_unique<OneStrand>(); }},
          {"AsioTwoThreads", [] { return std::make_unique<TwoThreads>(); }}};
}

}  // namespace detcd::test
