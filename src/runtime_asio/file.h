// An open file of the system. Its operations run on helper threads, in the order in which they were
// asked for; reads of cached bytes are answered at once.
#pragma once

#include <memory>
#include <string>

#include "runtime/disk.h"
#include "runtime_asio/helper_pool.h"
#include "runtime_asio/scheduler.h"
#include "runtime_asio/unique_fd.h"

namespace detcd::runtime_asio {

struct OpenedFile {
  UniqueFd fd;
  std::string path;  // For messages.
};

// The file must not outlive `scheduler` and `helpers`.
[[nodiscard]] std::unique_ptr<runtime::File> make_file(AsioScheduler& scheduler,
                                                       HelperPool& helpers, OpenedFile opened);

}  // namespace detcd::runtime_asio
