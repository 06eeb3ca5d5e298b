// The disk of one scheduler: files and directories of the system below one directory. What blocks
// runs on helper threads, one file's operations one after another; completions come back through
// the scheduler's queue. Destroying the disk first finishes all operations, abandoned ones as well,
// and then gives back the locks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/disk.h"
#include "runtime_asio/helper_pool.h"
#include "runtime_asio/scheduler.h"

namespace detcd::runtime_asio {

class AsioDisk final : public runtime::Disk {
 public:
  // Relative paths are below `directory`. Both the scheduler and this must outlive the tasks.
  AsioDisk(AsioScheduler& scheduler, std::string directory);

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
  [[nodiscard]] std::string full_path(const std::string& path) const;

  AsioScheduler& scheduler_;
  const std::string directory_;
  std::shared_ptr<Lane> names_;  // Of everything but the insides of files.
  std::shared_ptr<HelperPool> helpers_;
};

}  // namespace detcd::runtime_asio
