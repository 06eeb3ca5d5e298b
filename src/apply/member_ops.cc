// Changes of the members, applied: the same refusals on every member, as a function of the log.
#include "apply/state.h"

namespace detcd::apply {
namespace {

ApiError error_of(membership::Refusal refusal) {
  switch (refusal) {
    case membership::Refusal::kNotFound:
      return ApiError::kMemberNotFound;
    case membership::Refusal::kIdTaken:
      return ApiError::kMemberExist;
    case membership::Refusal::kUrlTaken:
      return ApiError::kPeerUrlExist;
    case membership::Refusal::kNotLearner:
      return ApiError::kMemberNotLearner;
    case membership::Refusal::kTooManyLearners:
      return ApiError::kTooManyLearners;
    case membership::Refusal::kLastVoter:
      return ApiError::kMemberNotEnoughStarted;
  }
  return ApiError::kMemberNotFound;
}

}  // namespace

mvcc::Advance Applier::State::run(const MemberChange& request, mvcc::Meter&) {
  const membership::Change& change = request.change;
  if (const auto refused = members.refuse(change, request.learners_max)) {
    answer = error_of(*refused);
    return mvcc::Done{};
  }
  members.apply(change);
  small_changed();
  answer = Response{MemberResponse{change.kind, change.member.id, members.list()}};
  return mvcc::Done{};
}

}  // namespace detcd::apply
