#include "base/result.h"

namespace detcd {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::kClosed:
      return "closed";
    case Errc::kReset:
      return "reset";
    case Errc::kRefused:
      return "refused";
    case Errc::kTimedOut:
      return "timed out";
    case Errc::kNotFound:
      return "not found";
    case Errc::kExists:
      return "exists";
    case Errc::kBusy:
      return "busy";
    case Errc::kPermission:
      return "permission denied";
    case Errc::kNoSpace:
      return "no space";
    case Errc::kIo:
      return "input/output error";
    case Errc::kWouldBlock:
      return "would block";
    case Errc::kDamaged:
      return "damaged";
    case Errc::kIncompatible:
      return "incompatible";
    case Errc::kInvalid:
      return "invalid";
    case Errc::kTooLarge:
      return "too large";
    case Errc::kUnavailable:
      return "unavailable";
    case Errc::kInternal:
      return "internal";
  }
  return "unknown";
}

}  // namespace detcd
