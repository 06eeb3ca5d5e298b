// The disk as one life of a node sees it: runtime::Disk over a SimDisk. Files stay usable while
// their node lives; an operation whose task is destroyed takes place all the same.
#pragma once

#include <memory>
#include <string>

#include "runtime/disk.h"
#include "runtime/scheduler.h"
#include "sim/disk/disk.h"
#include "sim/kernel/fence.h"

namespace detcd::sim {

class NodeDisk final : public runtime::Disk {
 public:
  NodeDisk(SimDisk& disk, runtime::Scheduler& scheduler, const Fence& fence,
           std::string directory = "/")
      : disk_(disk), scheduler_(scheduler), fence_(fence), directory_(std::move(directory)) {}

  runtime::Task<Result<std::unique_ptr<runtime::File>>> open(std::string path,
                                                             runtime::OpenMode mode) override;
  runtime::Task<Result<void>> rename(std::string from, std::string to) override;
  runtime::Task<Result<void>> remove(std::string path) override;
  runtime::Task<Result<void>> make_directory(std::string path) override;
  runtime::Task<Result<std::vector<runtime::DirectoryEntry>>> list(std::string path) override;
  runtime::Task<Result<void>> sync_directory(std::string path) override;
  runtime::Task<Result<std::unique_ptr<runtime::DirectoryLock>>> lock(std::string path) override;
  runtime::Task<Result<std::uint64_t>> space(std::string path) override;

 private:
  // Relative paths begin at the node's directory.
  [[nodiscard]] std::string full(const std::string& path) const;

  SimDisk& disk_;
  runtime::Scheduler& scheduler_;
  const Fence& fence_;
  std::string directory_;
};

}  // namespace detcd::sim
