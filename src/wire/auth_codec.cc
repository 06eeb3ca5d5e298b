#include "wire/auth_codec.h"

#include <climits>
#include <utility>

#include "base/check.h"
#include "wire/proto/auth_rpc.pb.h"

namespace detcd::wire {
namespace {

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

// Go's text, which clients see behind "grpc: error unmarshalling request: ".
Error malformed() {
  return Error{Errc::kInvalid, "proto: cannot parse invalid wire-format data"};
}

template <class Message>
bool parse_into(Message& message, std::string_view bytes) {
  return bytes.size() <= INT_MAX &&
         message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

template <class Message>
std::string to_string(const Message& message) {
  std::string bytes;
  const bool serialized = message.SerializeToString(&bytes);
  check(serialized, "a message made of valid fields can be serialized");
  return bytes;
}

template <class Message>
Bytes with_header(Message& message, const Header& header) {
  etcdserverpb::ResponseHeader& out = *message.mutable_header();
  out.set_cluster_id(header.cluster_id);
  out.set_member_id(header.member_id);
  out.set_revision(header.revision);
  out.set_raft_term(header.raft_term);
  return Bytes::adopt(to_string(message));
}

Header header_of(const etcdserverpb::ResponseHeader& header) {
  return Header{.cluster_id = header.cluster_id(),
                .member_id = header.member_id(),
                .revision = header.revision(),
                .raft_term = header.raft_term()};
}

std::string named(const std::string& name) {
  etcdserverpb::AuthNamedRequest out;
  out.set_name(name);
  return to_string(out);
}

std::string user_and_role(const std::string& user, const std::string& role) {
  etcdserverpb::AuthUserRoleRequest out;
  out.set_user(user);
  out.set_role(role);
  return to_string(out);
}

void set_permission(authpb::Permission& out, const auth::Permission& permission) {
  out.set_permtype(static_cast<authpb::Permission::Type>(permission.type));
  out.set_key(permission.key);
  out.set_range_end(permission.range_end);
}

auth::Permission permission_of(const authpb::Permission& permission) {
  return {static_cast<std::int32_t>(permission.permtype()), permission.key(),
          permission.range_end()};
}

}  // namespace

Result<Credentials> parse_authenticate_request(std::string_view bytes) {
  etcdserverpb::AuthenticateRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return Credentials{.name = request.name(), .password = request.password()};
}

Result<Credentials> parse_user_add_request(std::string_view bytes) {
  etcdserverpb::AuthUserAddRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return Credentials{.name = request.name(),
                     .password = request.password(),
                     .no_password = request.options().no_password(),
                     .hashed_password = request.hashedpassword()};
}

Result<Credentials> parse_change_password_request(std::string_view bytes) {
  etcdserverpb::AuthUserChangePasswordRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return Credentials{.name = request.name(),
                     .password = request.password(),
                     .hashed_password = request.hashedpassword()};
}

std::string serialize_authenticate_request(const Credentials& credentials) {
  etcdserverpb::AuthenticateRequest out;
  out.set_name(credentials.name);
  out.set_password(credentials.password);
  return to_string(out);
}

std::string serialize_user_add_request(const Credentials& credentials) {
  etcdserverpb::AuthUserAddRequest out;
  out.set_name(credentials.name);
  out.set_password(credentials.password);
  out.mutable_options()->set_no_password(credentials.no_password);
  out.set_hashedpassword(credentials.hashed_password);
  return to_string(out);
}

std::string serialize_change_password_request(const Credentials& credentials) {
  etcdserverpb::AuthUserChangePasswordRequest out;
  out.set_name(credentials.name);
  out.set_password(credentials.password);
  out.set_hashedpassword(credentials.hashed_password);
  return to_string(out);
}

Result<std::string> parse_auth_name(std::string_view bytes) {
  etcdserverpb::AuthNamedRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return request.name();
}

Result<UserRole> parse_user_role_request(std::string_view bytes) {
  etcdserverpb::AuthUserRoleRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return UserRole{request.user(), request.role()};
}

Result<auth::RoleGrantPermission> parse_grant_permission_request(std::string_view bytes) {
  etcdserverpb::AuthRoleGrantPermissionRequest request;
  if (!parse_into(request, bytes)) return malformed();
  auth::RoleGrantPermission grant{.role = request.name(), .given = request.has_perm()};
  if (request.has_perm()) grant.permission = permission_of(request.perm());
  return grant;
}

Result<auth::RoleRevokePermission> parse_revoke_permission_request(std::string_view bytes) {
  etcdserverpb::AuthRoleRevokePermissionRequest request;
  if (!parse_into(request, bytes)) return malformed();
  return auth::RoleRevokePermission{request.role(), request.key(), request.range_end()};
}

std::string serialize_auth_request(const auth::Change& change) {
  return std::visit(
      Overload{
          [](const auth::UserDelete& one) { return named(one.name); },
          [](const auth::UserGrantRole& one) { return user_and_role(one.user, one.role); },
          [](const auth::UserRevokeRole& one) { return user_and_role(one.user, one.role); },
          [](const auth::RoleAdd& one) { return named(one.name); },
          [](const auth::RoleDelete& one) { return named(one.role); },
          [](const auth::RoleGrantPermission& one) {
            etcdserverpb::AuthRoleGrantPermissionRequest out;
            out.set_name(one.role);
            if (one.given) set_permission(*out.mutable_perm(), one.permission);
            return to_string(out);
          },
          [](const auth::RoleRevokePermission& one) {
            etcdserverpb::AuthRoleRevokePermissionRequest out;
            out.set_role(one.role);
            out.set_key(one.key);
            out.set_range_end(one.range_end);
            return to_string(out);
          },
          // Enable and Disable say nothing; the others go with a password.
          [](const auto&) { return std::string(); },
      },
      change);
}

std::string serialize_auth_request(const auth::Query& query) {
  return std::visit(Overload{
                        [](const auth::UserGet& get) { return named(get.name); },
                        [](const auth::RoleGet& get) { return named(get.role); },
                        [](const auto&) { return std::string(); },
                    },
                    query);
}

Bytes serialize(const Header& header, AuthAnswer as, const auth::Answer& answer) {
  switch (as) {
    case AuthAnswer::kNames: {
      etcdserverpb::AuthNamesResponse out;
      for (const std::string& name : answer.names) out.add_names(name);
      return with_header(out, header);
    }
    case AuthAnswer::kPermissions: {
      etcdserverpb::AuthRoleGetResponse out;
      for (const auth::Permission& one : answer.permissions) set_permission(*out.add_perm(), one);
      return with_header(out, header);
    }
    case AuthAnswer::kToken: {
      etcdserverpb::AuthenticateResponse out;
      out.set_token(answer.token);
      return with_header(out, header);
    }
    case AuthAnswer::kStatus: {
      etcdserverpb::AuthStatusResponse out;
      out.set_enabled(answer.enabled);
      out.set_authrevision(answer.revision);
      return with_header(out, header);
    }
  }
  check(false, "an answer of Auth has one of the listed forms");
  return {};
}

Result<ParsedAuthAnswer> parse_auth_answer(AuthAnswer as, std::string_view bytes) {
  ParsedAuthAnswer parsed;
  switch (as) {
    case AuthAnswer::kNames: {
      etcdserverpb::AuthNamesResponse message;
      if (!parse_into(message, bytes)) return malformed();
      parsed.header = header_of(message.header());
      parsed.answer.names.assign(message.names().begin(), message.names().end());
      return parsed;
    }
    case AuthAnswer::kPermissions: {
      etcdserverpb::AuthRoleGetResponse message;
      if (!parse_into(message, bytes)) return malformed();
      parsed.header = header_of(message.header());
      for (const authpb::Permission& one : message.perm()) {
        parsed.answer.permissions.push_back(permission_of(one));
      }
      return parsed;
    }
    case AuthAnswer::kToken: {
      etcdserverpb::AuthenticateResponse message;
      if (!parse_into(message, bytes)) return malformed();
      parsed.header = header_of(message.header());
      parsed.answer.token = message.token();
      return parsed;
    }
    case AuthAnswer::kStatus: {
      etcdserverpb::AuthStatusResponse message;
      if (!parse_into(message, bytes)) return malformed();
      parsed.header = header_of(message.header());
      parsed.answer.enabled = message.enabled();
      parsed.answer.revision = message.authrevision();
      return parsed;
    }
  }
  return malformed();
}

}  // namespace detcd::wire
