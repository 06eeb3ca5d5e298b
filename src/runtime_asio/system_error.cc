#include "runtime_asio/system_error.h"

#include <cerrno>
#include <string>
#include <system_error>

namespace detcd::runtime_asio {

namespace {

Errc code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return Errc::kNotFound;
    case EEXIST:
    case ENOTEMPTY:
      return Errc::kExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::kPermission;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:  // A limit of the process on file sizes.
      return Errc::kNoSpace;
    case EBUSY:
    case EADDRINUSE:
      return Errc::kBusy;
    case EINVAL:
    case EISDIR:
    case ENAMETOOLONG:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return Errc::kInvalid;
    case ECONNREFUSED:
      return Errc::kRefused;
    case ECONNRESET:
    case EPIPE:
    case ENOTCONN:
      return Errc::kReset;
    case ETIMEDOUT:
      return Errc::kTimedOut;
    case ECANCELED:
    case EBADF:
      return Errc::kClosed;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
      return Errc::kUnavailable;
    default:
      return Errc::kIo;
  }
}

}  // namespace

Error system_error(int number, std::string_view what) {
  return {code_of(number), std::string(what) + ": " + std::generic_category().message(number)};
}

}  // namespace detcd::runtime_asio
