#include "apply/api_error.h"

#include <array>
#include <cstddef>

#include "base/check.h"

namespace detcd::apply {
namespace {

struct Row {
  ApiError error;
  GrpcCode code;
  std::string_view text;
};

// Clients look errors up by their text, so each stands here byte for byte (ETCD.md §3.1).
constexpr std::array kRows = {
    Row{ApiError::kEmptyKey, GrpcCode::kInvalidArgument, "etcdserver: key is not provided"},
    Row{ApiError::kKeyNotFound, GrpcCode::kInvalidArgument, "etcdserver: key not found"},
    Row{ApiError::kValueProvided, GrpcCode::kInvalidArgument, "etcdserver: value is provided"},
    Row{ApiError::kLeaseProvided, GrpcCode::kInvalidArgument, "etcdserver: lease is provided"},
    Row{ApiError::kTooManyOps, GrpcCode::kInvalidArgument,
        "etcdserver: too many operations in txn request"},
    Row{ApiError::kDuplicateKey, GrpcCode::kInvalidArgument,
        "etcdserver: duplicate key given in txn request"},
    Row{ApiError::kInvalidClientApiVersion, GrpcCode::kInvalidArgument,
        "etcdserver: invalid client api version"},
    Row{ApiError::kInvalidSortOption, GrpcCode::kInvalidArgument,
        "etcdserver: invalid sort option"},
    Row{ApiError::kCompacted, GrpcCode::kOutOfRange,
        "etcdserver: mvcc: required revision has been compacted"},
    Row{ApiError::kFutureRev, GrpcCode::kOutOfRange,
        "etcdserver: mvcc: required revision is a future revision"},
    Row{ApiError::kNoSpace, GrpcCode::kResourceExhausted,
        "etcdserver: mvcc: database space exceeded"},
    Row{ApiError::kLeaseNotFound, GrpcCode::kNotFound, "etcdserver: requested lease not found"},
    Row{ApiError::kLeaseExist, GrpcCode::kFailedPrecondition, "etcdserver: lease already exists"},
    Row{ApiError::kLeaseTtlTooLarge, GrpcCode::kOutOfRange, "etcdserver: too large lease TTL"},
    Row{ApiError::kWatchCanceled, GrpcCode::kCancelled, "etcdserver: watch canceled"},
    Row{ApiError::kMemberExist, GrpcCode::kFailedPrecondition,
        "etcdserver: member ID already exist"},
    Row{ApiError::kPeerUrlExist, GrpcCode::kFailedPrecondition,
        "etcdserver: Peer URLs already exists"},
    // This one and kTooManyRequests leave etcd as errors that gRPC has no code for.
    Row{ApiError::kMemberNotEnoughStarted, GrpcCode::kUnknown,
        "etcdserver: re-configuration failed due to not enough started members"},
    Row{ApiError::kMemberBadUrls, GrpcCode::kInvalidArgument,
        "etcdserver: given member URLs are invalid"},
    Row{ApiError::kMemberNotFound, GrpcCode::kNotFound, "etcdserver: member not found"},
    Row{ApiError::kMemberNotLearner, GrpcCode::kFailedPrecondition,
        "etcdserver: can only promote a learner member"},
    Row{ApiError::kLearnerNotReady, GrpcCode::kFailedPrecondition,
        "etcdserver: can only promote a learner member which is in sync with leader"},
    Row{ApiError::kTooManyLearners, GrpcCode::kFailedPrecondition,
        "etcdserver: too many learner members in cluster"},
    Row{ApiError::kClusterIdMismatch, GrpcCode::kFailedPrecondition,
        "etcdserver: cluster ID mismatch"},
    Row{ApiError::kRequestTooLarge, GrpcCode::kInvalidArgument, "etcdserver: request is too large"},
    Row{ApiError::kTooManyRequests, GrpcCode::kUnknown, "etcdserver: too many requests"},
    Row{ApiError::kRootUserNotExist, GrpcCode::kFailedPrecondition,
        "etcdserver: root user does not exist"},
    Row{ApiError::kRootRoleNotExist, GrpcCode::kFailedPrecondition,
        "etcdserver: root user does not have root role"},
    Row{ApiError::kUserAlreadyExist, GrpcCode::kFailedPrecondition,
        "etcdserver: user name already exists"},
    Row{ApiError::kUserEmpty, GrpcCode::kInvalidArgument, "etcdserver: user name is empty"},
    Row{ApiError::kUserNotFound, GrpcCode::kFailedPrecondition, "etcdserver: user name not found"},
    Row{ApiError::kRoleAlreadyExist, GrpcCode::kFailedPrecondition,
        "etcdserver: role name already exists"},
    Row{ApiError::kRoleNotFound, GrpcCode::kFailedPrecondition, "etcdserver: role name not found"},
    Row{ApiError::kRoleEmpty, GrpcCode::kInvalidArgument, "etcdserver: role name is empty"},
    Row{ApiError::kAuthFailed, GrpcCode::kInvalidArgument,
        "etcdserver: authentication failed, invalid user ID or password"},
    Row{ApiError::kPermissionNotGiven, GrpcCode::kInvalidArgument,
        "etcdserver: permission not given"},
    Row{ApiError::kPermissionDenied, GrpcCode::kPermissionDenied, "etcdserver: permission denied"},
    Row{ApiError::kRoleNotGranted, GrpcCode::kFailedPrecondition,
        "etcdserver: role is not granted to the user"},
    Row{ApiError::kPermissionNotGranted, GrpcCode::kFailedPrecondition,
        "etcdserver: permission is not granted to the role"},
    Row{ApiError::kAuthNotEnabled, GrpcCode::kFailedPrecondition,
        "etcdserver: authentication is not enabled"},
    Row{ApiError::kInvalidAuthToken, GrpcCode::kUnauthenticated, "etcdserver: invalid auth token"},
    Row{ApiError::kInvalidAuthMgmt, GrpcCode::kInvalidArgument,
        "etcdserver: invalid auth management"},
    Row{ApiError::kAuthOldRevision, GrpcCode::kInvalidArgument,
        "etcdserver: revision of auth store is old"},
    Row{ApiError::kNoLeader, GrpcCode::kUnavailable, "etcdserver: no leader"},
    Row{ApiError::kNotLeader, GrpcCode::kFailedPrecondition, "etcdserver: not leader"},
    Row{ApiError::kLeaderChanged, GrpcCode::kUnavailable, "etcdserver: leader changed"},
    Row{ApiError::kNotCapable, GrpcCode::kFailedPrecondition, "etcdserver: not capable"},
    Row{ApiError::kStopped, GrpcCode::kUnavailable, "etcdserver: server stopped"},
    Row{ApiError::kTimeout, GrpcCode::kUnavailable, "etcdserver: request timed out"},
    Row{ApiError::kTimeoutDueToLeaderFail, GrpcCode::kUnavailable,
        "etcdserver: request timed out, possibly due to previous leader failure"},
    Row{ApiError::kTimeoutDueToConnectionLost, GrpcCode::kUnavailable,
        "etcdserver: request timed out, possibly due to connection lost"},
    Row{ApiError::kTimeoutWaitAppliedIndex, GrpcCode::kUnavailable,
        "etcdserver: request timed out, waiting for the applied index took too long"},
    Row{ApiError::kUnhealthy, GrpcCode::kUnavailable, "etcdserver: unhealthy cluster"},
    Row{ApiError::kCorrupt, GrpcCode::kDataLoss, "etcdserver: corrupt cluster"},
    Row{ApiError::kNotSupportedForLearner, GrpcCode::kFailedPrecondition,
        "etcdserver: rpc not supported for learner"},
    Row{ApiError::kBadLeaderTransferee, GrpcCode::kFailedPrecondition,
        "etcdserver: bad leader transferee"},
    Row{ApiError::kWrongDowngradeVersionFormat, GrpcCode::kInvalidArgument,
        "etcdserver: wrong downgrade target version format"},
    Row{ApiError::kInvalidDowngradeTargetVersion, GrpcCode::kInvalidArgument,
        "etcdserver: invalid downgrade target version"},
    Row{ApiError::kClusterVersionUnavailable, GrpcCode::kFailedPrecondition,
        "etcdserver: cluster version not found during downgrade"},
    Row{ApiError::kDowngradeInProcess, GrpcCode::kFailedPrecondition,
        "etcdserver: cluster has a downgrade job in progress"},
    Row{ApiError::kNoInflightDowngrade, GrpcCode::kFailedPrecondition,
        "etcdserver: no inflight downgrade job"},
    Row{ApiError::kCanceled, GrpcCode::kCancelled, "etcdserver: request canceled"},
    Row{ApiError::kDeadlineExceeded, GrpcCode::kDeadlineExceeded,
        "etcdserver: context deadline exceeded"},
    Row{ApiError::kNoPasswordUser, GrpcCode::kUnknown,
        "auth: authentication failed, password was given for no password user"},
    Row{ApiError::kPasswordTooLong, GrpcCode::kUnknown, "bcrypt: password length exceeds 72 bytes"},
    Row{ApiError::kTokensOnlyVerified, GrpcCode::kUnknown,
        "auth: token signing attempted with verify-only key"},
};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].error) != i) return false;
  }
  return true;
}
static_assert(rows_are_in_order());
static_assert(kRows.size() == static_cast<std::size_t>(ApiError::kTokensOnlyVerified) + 1);

const Row& row(ApiError error) {
  const auto i = static_cast<std::size_t>(error);
  check(i < kRows.size(), "an error is one of those the enumeration names");
  return kRows[i];
}

}  // namespace

GrpcCode grpc_code(ApiError error) {
  return row(error).code;
}
std::string_view text(ApiError error) {
  return row(error).text;
}

}  // namespace detcd::apply
