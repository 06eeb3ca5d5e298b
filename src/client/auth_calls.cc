// The client's calls about users and roles.
#include <string_view>
#include <utility>

#include "client/client.h"
#include "wire/auth_codec.h"

namespace detcd::client {
namespace {

using apply::GrpcCode;

Failure unreadable(const Error& error) {
  return {{static_cast<std::uint32_t>(GrpcCode::kInternal),
           "grpc: failed to unmarshal the received message: " + error.message},
          true};
}

constexpr std::string_view method_of(const auth::Enable&) {
  return "AuthEnable";
}
constexpr std::string_view method_of(const auth::Disable&) {
  return "AuthDisable";
}
constexpr std::string_view method_of(const auth::Authenticate&) {
  return "Authenticate";
}
constexpr std::string_view method_of(const auth::UserAdd&) {
  return "UserAdd";
}
constexpr std::string_view method_of(const auth::UserDelete&) {
  return "UserDelete";
}
constexpr std::string_view method_of(const auth::UserChangePassword&) {
  return "UserChangePassword";
}
constexpr std::string_view method_of(const auth::UserGrantRole&) {
  return "UserGrantRole";
}
constexpr std::string_view method_of(const auth::UserRevokeRole&) {
  return "UserRevokeRole";
}
constexpr std::string_view method_of(const auth::RoleAdd&) {
  return "RoleAdd";
}
constexpr std::string_view method_of(const auth::RoleDelete&) {
  return "RoleDelete";
}
constexpr std::string_view method_of(const auth::RoleGrantPermission&) {
  return "RoleGrantPermission";
}
constexpr std::string_view method_of(const auth::RoleRevokePermission&) {
  return "RoleRevokePermission";
}

std::string path_of(std::string_view method) {
  return "/etcdserverpb.Auth/" + std::string(method);
}

std::string message_of(const auth::Change& change, std::string password) {
  if (const auto* add = std::get_if<auth::UserAdd>(&change)) {
    return wire::serialize_user_add_request({add->name, std::move(password), add->no_password, {}});
  }
  if (const auto* asked = std::get_if<auth::UserChangePassword>(&change)) {
    return wire::serialize_change_password_request({asked->name, std::move(password), false, {}});
  }
  return wire::serialize_auth_request(change);
}

}  // namespace

runtime::Task<Outcome<auth::Answer>> Client::authenticate(std::string user, std::string password,
                                                          CallOptions options) {
  const wire::Credentials credentials{std::move(user), std::move(password), false, {}};
  Request call{path_of("Authenticate"),
               wire::serialize_authenticate_request(credentials),
               options,
               Repeatable::kYes,
               {},
               true};
  Raw raw = co_await invoke(std::move(call));
  if (auto* failure = std::get_if<Failure>(&raw)) co_return std::move(*failure);
  Result<wire::ParsedAuthAnswer> parsed =
      wire::parse_auth_answer(wire::AuthAnswer::kToken, std::get<Bytes>(raw).view());
  if (!parsed) co_return unreadable(parsed.error());
  token_ = parsed->answer.token;
  co_return Answer<auth::Answer>{parsed->header, std::move(parsed->answer)};
}

runtime::Task<Outcome<apply::AuthResponse>> Client::change_access(auth::Change change,
                                                                  std::string password,
                                                                  CallOptions options) {
  const std::string_view method =
      std::visit([](const auto& one) { return method_of(one); }, change);
  Request call{
      path_of(method), message_of(change, std::move(password)), options, Repeatable::kNo, {}};
  Raw raw = co_await invoke(std::move(call));
  if (auto* failure = std::get_if<Failure>(&raw)) co_return std::move(*failure);
  // No change is answered with more than a header.
  const Result<wire::ParsedAuthAnswer> parsed =
      wire::parse_auth_answer(wire::AuthAnswer::kNames, std::get<Bytes>(raw).view());
  if (!parsed) co_return unreadable(parsed.error());
  co_return Answer<apply::AuthResponse>{parsed->header, {parsed->header.revision, {}}};
}

}  // namespace detcd::client
