#include "client/retry.h"

#include "apply/api_error.h"

namespace detcd::client {
namespace {

using apply::GrpcCode;

constexpr Duration kPause = 25ms;

bool has_code(const http2::GrpcStatus& status, GrpcCode code) {
  return status.code == static_cast<std::uint32_t>(code);
}

}  // namespace

bool is_retried(const Attempt& attempt) {
  if (has_code(attempt.status, GrpcCode::kDeadlineExceeded) ||
      has_code(attempt.status, GrpcCode::kCancelled)) {
    return false;
  }
  if (!attempt.processed) return true;
  if (attempt.status.message == apply::text(apply::ApiError::kNotSupportedForLearner)) {
    return attempt.endpoints > 1;
  }
  return attempt.repeatable == Repeatable::kYes && has_code(attempt.status, GrpcCode::kUnavailable);
}

Duration retry_pause(std::size_t attempt, std::size_t endpoints, std::uint64_t word) {
  const std::size_t quorum = endpoints / 2 + 1;
  if (attempt % quorum != 0) return {};
  // From -10 % to +10 %.
  const std::int64_t jitter = static_cast<std::int64_t>(word % 2001) - 1000;
  return kPause + kPause * jitter / 10'000;
}

bool maybe_applied(const http2::GrpcStatus& status) {
  switch (static_cast<GrpcCode>(status.code)) {
    // The server refused before anything was proposed, or found at apply that nothing may be done.
    case GrpcCode::kInvalidArgument:
    case GrpcCode::kNotFound:
    case GrpcCode::kAlreadyExists:
    case GrpcCode::kPermissionDenied:
    case GrpcCode::kResourceExhausted:
    case GrpcCode::kFailedPrecondition:
    case GrpcCode::kOutOfRange:
    case GrpcCode::kUnimplemented:
    case GrpcCode::kUnauthenticated:
      return false;
    case GrpcCode::kOk:
    case GrpcCode::kCancelled:
    case GrpcCode::kUnknown:
    case GrpcCode::kDeadlineExceeded:
    case GrpcCode::kAborted:
    case GrpcCode::kInternal:
    case GrpcCode::kUnavailable:
    case GrpcCode::kDataLoss:
      return true;
  }
  return true;
}

}  // namespace detcd::client
