#include "server/callers.h"

#include <utility>

namespace detcd::server {
namespace {

// A token is verified again after this, so that one that is over isn't taken much longer.
constexpr Duration kVerifiedFor = 1s;
constexpr std::size_t kVerifiedMax = 1024;

}  // namespace

std::variant<auth::Caller, apply::ApiError> Callers::resolve(const Token& token,
                                                             const auth::Store& auth,
                                                             const Moment& now) {
  if (!auth.enabled() || !token) return auth::Caller{};
  if (jwt_ == nullptr) {
    std::optional<std::string> user = simple_.use(*token, now.boot);
    if (!user) return apply::ApiError::kInvalidAuthToken;
    return auth::Caller{.user = *std::move(user), .revision = auth.revision()};
  }
  const auto known = verified_.find(*token);
  if (known != verified_.end() && now.wall < known->second.until) {
    const credentials::Claims& claims = known->second.claims;
    return auth::Caller{.user = claims.user, .revision = claims.revision};
  }
  const std::optional<credentials::Claims> claims = jwt_->verify(*token, now.wall);
  if (!claims) return apply::ApiError::kInvalidAuthToken;
  if (verified_.size() >= kVerifiedMax) verified_.clear();
  verified_.insert_or_assign(*token, Verified{*claims, now.wall + kVerifiedFor});
  return auth::Caller{.user = claims->user, .revision = claims->revision};
}

std::uint64_t Callers::index_of(const Token& token) const {
  if (!token || jwt_ != nullptr) return 0;
  return auth::SimpleTokens::index_of(*token).value_or(0);
}

void Callers::note(const auth::Change& change, const auth::Answer& answer, TimePoint now) {
  if (const auto* given = std::get_if<auth::Authenticate>(&change)) {
    simple_.give(answer.token, given->user, now);
  } else if (const auto* changed = std::get_if<auth::UserChangePassword>(&change)) {
    simple_.revoke_user(changed->name);
  } else if (const auto* deleted = std::get_if<auth::UserDelete>(&change)) {
    simple_.revoke_user(deleted->name);
  } else if (std::holds_alternative<auth::Disable>(change)) {
    simple_.revoke_all();
  }
}

void Callers::forget_all() {
  simple_.revoke_all();
}

const char* watch_refusal(apply::ApiError error) {
  if (error == apply::ApiError::kInvalidAuthToken) {
    return "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token";
  }
  if (error == apply::ApiError::kAuthOldRevision) {
    return "rpc error: code = InvalidArgument desc = etcdserver: revision of auth store is old";
  }
  if (error == apply::ApiError::kUserEmpty) {
    return "rpc error: code = InvalidArgument desc = etcdserver: user name is empty";
  }
  return "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
}

}  // namespace detcd::server
