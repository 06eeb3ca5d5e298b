#include "runtime/disk.h"

#include <utility>

namespace detcd::runtime {

Task<Result<void>> File::write_and_sync(std::uint64_t offset, std::string bytes) {
  const Result<void> written = co_await write(offset, std::move(bytes));
  if (!written) co_return written.error();
  co_return co_await sync();
}

}  // namespace detcd::runtime
