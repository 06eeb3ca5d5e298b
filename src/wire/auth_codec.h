// The messages of etcd's Auth service to and from values. Rare on the wire, so that generated code
// does it. Parsing refuses what protobuf refuses (kInvalid). Both directions exist, for server and
// client.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "auth/types.h"
#include "base/bytes.h"
#include "base/result.h"
#include "wire/kv_codec.h"

namespace detcd::wire {

// What clients send with a password in clear; the log never holds one.
struct Credentials {
  std::string name;
  std::string password;
  bool no_password = false;
  // Base64 of a bcrypt hash: what ChangePassword takes when the password is empty.
  std::string hashed_password;
  friend bool operator==(const Credentials&, const Credentials&) = default;
};
// Authenticate, UserAdd, UserChangePassword.
[[nodiscard]] Result<Credentials> parse_authenticate_request(std::string_view bytes);
[[nodiscard]] Result<Credentials> parse_user_add_request(std::string_view bytes);
[[nodiscard]] Result<Credentials> parse_change_password_request(std::string_view bytes);
[[nodiscard]] std::string serialize_authenticate_request(const Credentials& credentials);
[[nodiscard]] std::string serialize_user_add_request(const Credentials& credentials);
[[nodiscard]] std::string serialize_change_password_request(const Credentials& credentials);

// The name in a request that has one thing to say, or nothing.
[[nodiscard]] Result<std::string> parse_auth_name(std::string_view bytes);
// UserGrantRole and UserRevokeRole.
struct UserRole {
  std::string user;
  std::string role;
};
[[nodiscard]] Result<UserRole> parse_user_role_request(std::string_view bytes);
[[nodiscard]] Result<auth::RoleGrantPermission> parse_grant_permission_request(
    std::string_view bytes);
[[nodiscard]] Result<auth::RoleRevokePermission> parse_revoke_permission_request(
    std::string_view bytes);
// Of a change without a password: the request of its RPC; and of a query.
[[nodiscard]] std::string serialize_auth_request(const auth::Change& change);
[[nodiscard]] std::string serialize_auth_request(const auth::Query& query);

// Which message an answer is put in.
enum class AuthAnswer : std::uint8_t { kNames, kPermissions, kToken, kStatus };
[[nodiscard]] Bytes serialize(const Header& header, AuthAnswer as, const auth::Answer& answer);
struct ParsedAuthAnswer {
  Header header;
  auth::Answer answer;
};
[[nodiscard]] Result<ParsedAuthAnswer> parse_auth_answer(AuthAnswer as, std::string_view bytes);

}  // namespace detcd::wire
