// What the tests of the virtual disk share: a disk, and lives of a node that uses it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/task_group.h"
#include "sim/disk/node_disk.h"
#include "sim/kernel/scheduler.h"
#include "tests/sim/fixture.h"

namespace detcd::sim {

inline constexpr NodeNumber kNodeOfDisk{1};

// One machine's disk, and lives of a node that uses it.
class DiskTest : public testing::Test {
 protected:
  struct Life {
    explicit Life(DiskTest& test)
        : scheduler(test.kernel, test.clock, fence, {.node = kNodeOfDisk}),
          disk(test.device, scheduler, fence) {}
    Fence fence;
    NodeScheduler scheduler;
    NodeDisk disk;
  };
  DiskTest() { begin(); }
  void begin() { life = std::make_unique<Life>(*this); }
  // Ends the life of the node; its files and tasks must be gone or go with `drop`.
  void end(bool power_loss) {
    life->fence.begin_teardown();
    life->scheduler.stop();
    power_loss ? device.lose_power() : device.crash();
    held.clear();
    group.reset();
    life->fence.close();
    life.reset();
    begin();
  }
  template <class T>
  T run(runtime::Task<T> task) {
    return sim::run(kernel, life->scheduler, std::move(task));
  }
  runtime::File& open(const std::string& path,
                      runtime::OpenMode mode = runtime::OpenMode::kCreate) {
    auto file = run(life->disk.open(path, mode));
    EXPECT_TRUE(file.ok()) << path;
    held.push_back(std::move(*file));
    return *held.back();
  }
  void write(runtime::File& file, std::uint64_t offset, const std::string& bytes) {
    EXPECT_TRUE(run(file.write(offset, bytes)).ok());
  }
  void sync(runtime::File& file) { EXPECT_TRUE(run(file.sync()).ok()); }
  void sync_directory(const std::string& path) {
    EXPECT_TRUE(run(life->disk.sync_directory(path)).ok());
  }
  void save(const std::string& path, const std::string& bytes) {
    runtime::File& file = open(path);
    write(file, 0, bytes);
    sync(file);
    sync_directory("/");
  }
  std::string text(const std::string& path) {
    return device.image().read_file(path).value_or("(missing)");
  }

  Kernel kernel{7};
  NodeClock clock{kernel, {}};
  SimDisk device{kernel, {.node = kNodeOfDisk}};
  std::unique_ptr<Life> life;
  std::unique_ptr<runtime::TaskGroup> group;
  std::vector<std::unique_ptr<runtime::File>> held;
};

}  // namespace detcd::sim
