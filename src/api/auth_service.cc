#include "api/auth_service.h"

#include <array>
#include <utility>

#include "api/errors.h"
#include "base/check.h"
#include "wire/auth_codec.h"

namespace detcd::api {
namespace {

constexpr std::string_view kService = "etcdserverpb.Auth";

// What a request parsed to becomes a question to the node.
template <class Parsed, class Make>
Asked asked(Result<Parsed> parsed, Make make) {
  if (!parsed) return unmarshalling_failed(parsed.error());
  return server::Request(make(*std::move(parsed)));
}

// A change or a query that says nothing.
template <class Either, class One>
Asked ask_plain(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_auth_name(message.view()),
               [](const std::string&) { return Either(One{}); });
}
// One that names a user or a role.
template <class Either, class One>
Asked ask_named(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_auth_name(message.view()),
               [](std::string name) { return Either(One{std::move(name)}); });
}

template <class Change>
Asked ask_user_role(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_user_role_request(message.view()), [](wire::UserRole both) {
    return auth::Change(Change{std::move(both.user), std::move(both.role)});
  });
}

Asked ask_authenticate(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_authenticate_request(message.view()), [](wire::Credentials sent) {
    return server::AuthenticateRequest{std::move(sent.name), std::move(sent.password)};
  });
}

Asked ask_user_add(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_user_add_request(message.view()), [](wire::Credentials sent) {
    return server::UserAddRequest{std::move(sent.name), std::move(sent.password), sent.no_password};
  });
}

Asked ask_change_password(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_change_password_request(message.view()), [](wire::Credentials sent) {
    return server::ChangePasswordRequest{std::move(sent.name), std::move(sent.password),
                                         std::move(sent.hashed_password)};
  });
}

Asked ask_grant_permission(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_grant_permission_request(message.view()),
               [](auth::RoleGrantPermission grant) { return auth::Change(std::move(grant)); });
}

Asked ask_revoke_permission(const Bytes& message, const apply::Limits&) {
  return asked(wire::parse_revoke_permission_request(message.view()),
               [](auth::RoleRevokePermission revoke) { return auth::Change(std::move(revoke)); });
}

template <wire::AuthAnswer kAs>
Answered answer(const server::Reply& reply) {
  if (const auto* error = std::get_if<apply::ApiError>(&reply.outcome)) return status_of(*error);
  const auto* response = std::get_if<apply::Response>(&reply.outcome);
  const auto* said = response == nullptr ? nullptr : std::get_if<apply::AuthResponse>(response);
  check(said != nullptr, "the node answers a request of Auth with an answer of Auth");
  const wire::Header header{.cluster_id = reply.header.cluster_id,
                            .member_id = reply.header.member_id,
                            .revision = reply.header.revision,
                            .raft_term = reply.header.raft_term};
  return wire::serialize(header, kAs, said->answer);
}

// Answers that only say that it is done are names without any.
constexpr auto kDone = answer<wire::AuthAnswer::kNames>;
constexpr auto kNames = answer<wire::AuthAnswer::kNames>;

using auth::Change;
using auth::Query;

constexpr std::array kMethods{
    Method{kService, "AuthEnable", Shape::kUnary, ask_plain<Change, auth::Enable>, kDone},
    Method{kService, "AuthDisable", Shape::kUnary, ask_plain<Change, auth::Disable>, kDone},
    Method{kService, "AuthStatus", Shape::kUnary, ask_plain<Query, auth::Status>,
           answer<wire::AuthAnswer::kStatus>},
    Method{kService, "Authenticate", Shape::kUnary, ask_authenticate,
           answer<wire::AuthAnswer::kToken>},
    Method{kService, "UserAdd", Shape::kUnary, ask_user_add, kDone},
    Method{kService, "UserGet", Shape::kUnary, ask_named<Query, auth::UserGet>, kNames},
    Method{kService, "UserList", Shape::kUnary, ask_plain<Query, auth::UserList>, kNames},
    Method{kService, "UserDelete", Shape::kUnary, ask_named<Change, auth::UserDelete>, kDone},
    Method{kService, "UserChangePassword", Shape::kUnary, ask_change_password, kDone},
    Method{kService, "UserGrantRole", Shape::kUnary, ask_user_role<auth::UserGrantRole>, kDone},
    Method{kService, "UserRevokeRole", Shape::kUnary, ask_user_role<auth::UserRevokeRole>, kDone},
    Method{kService, "RoleAdd", Shape::kUnary, ask_named<Change, auth::RoleAdd>, kDone},
    Method{kService, "RoleGet", Shape::kUnary, ask_named<Query, auth::RoleGet>,
           answer<wire::AuthAnswer::kPermissions>},
    Method{kService, "RoleList", Shape::kUnary, ask_plain<Query, auth::RoleList>, kNames},
    Method{kService, "RoleDelete", Shape::kUnary, ask_named<Change, auth::RoleDelete>, kDone},
    Method{kService, "RoleGrantPermission", Shape::kUnary, ask_grant_permission, kDone},
    Method{kService, "RoleRevokePermission", Shape::kUnary, ask_revoke_permission, kDone},
};

}  // namespace

std::span<const Method> auth_methods() {
  return kMethods;
}

}  // namespace detcd::api
