// Byte streams between addresses. At most one read and one write are outstanding on a stream;
// buffers belong to the stream (reads) or are moved in (writes), so no frame memory is ever lent
// out. Addresses are "host:port" (a literal IPv4, [IPv6] or a name) or "unix:/path".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/task.h"

namespace detcd::runtime {

class Stream {
 public:
  virtual ~Stream() = default;  // Closes: what was written may still be delivered.

  // The next bytes, at least one, as they arrive; an empty view is end of file. The view holds
  // until the next call on the stream. Errors: kReset, kClosed, kTimedOut, kIo.
  virtual Task<Result<std::string_view>> read() = 0;
  // Done when all bytes were handed to the system (not when they arrived), in order. Errors as
  // read. After a destroyed read or write the stream is good only for abort.
  virtual Task<Result<void>> write(std::string bytes) = 0;
  // Half close: the peer reads end of file after what was written; reading goes on.
  virtual Task<Result<void>> shutdown() = 0;
  // Tears the connection down now; pending reads and writes end in kClosed, the peer sees kReset.
  virtual void abort() noexcept = 0;
  [[nodiscard]] virtual std::string peer() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;  // Stops listening.
  // Errors: kClosed after close(); others (descriptors exhausted: kUnavailable) may pass.
  virtual Task<Result<std::unique_ptr<Stream>>> accept() = 0;
  virtual void close() noexcept = 0;
  // The bound address, with the port that was really taken when port 0 was asked for.
  [[nodiscard]] virtual std::string address() const = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  // Errors: kBusy (in use), kPermission, kInvalid (no such address here).
  virtual Task<Result<std::unique_ptr<Listener>>> listen(std::string address) = 0;
  // Errors: kRefused, kTimedOut, kNotFound (the name doesn't resolve), kReset.
  virtual Task<Result<std::unique_ptr<Stream>>> connect(std::string address) = 0;
};

}  // namespace detcd::runtime
