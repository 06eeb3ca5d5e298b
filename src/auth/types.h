// The words of users, roles and permissions, as etcd's Auth service has them (ETCD.md §2.9). Values
// only; nothing here ever holds a password in clear.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace detcd::auth {

inline constexpr const char* kRootUser = "root";
inline constexpr const char* kRootRole = "root";

// Who asks: what a token said, and how recent the users and roles were that it was resolved with.
// Revision 0: nobody said who asks.
struct Caller {
  std::string user;
  std::uint64_t revision = 0;
  bool own = false;  // The member itself, for its own purposes: it may.
  friend bool operator==(const Caller&, const Caller&) = default;
};

enum class PermissionType : std::int32_t { kRead, kWrite, kReadWrite };

// [key, range_end): an empty end means the one key; "\0" means everything from `key` on. The type
// is kept as it came; one that isn't listed grants nothing.
struct Permission {
  std::int32_t type = 0;
  std::string key;
  std::string range_end;
  friend bool operator==(const Permission&, const Permission&) = default;
};

// ---- What changes them. Replicated.
struct Enable {
  friend bool operator==(Enable, Enable) = default;
};
struct Disable {
  friend bool operator==(Disable, Disable) = default;
};
// Gives `user` a token, if users and roles are still those that the password was checked with.
struct Authenticate {
  std::string user;
  std::string token_prefix;
  std::uint64_t checked_revision = 0;
  friend bool operator==(const Authenticate&, const Authenticate&) = default;
};
struct UserAdd {
  std::string name;
  std::string password_hash;
  bool no_password = false;
  friend bool operator==(const UserAdd&, const UserAdd&) = default;
};
struct UserDelete {
  std::string name;
  friend bool operator==(const UserDelete&, const UserDelete&) = default;
};
struct UserChangePassword {
  std::string name;
  std::string password_hash;
  friend bool operator==(const UserChangePassword&, const UserChangePassword&) = default;
};
struct UserGrantRole {
  std::string user;
  std::string role;
  friend bool operator==(const UserGrantRole&, const UserGrantRole&) = default;
};
struct UserRevokeRole {
  std::string user;
  std::string role;
  friend bool operator==(const UserRevokeRole&, const UserRevokeRole&) = default;
};
struct RoleAdd {
  std::string name;
  friend bool operator==(const RoleAdd&, const RoleAdd&) = default;
};
struct RoleDelete {
  std::string role;
  friend bool operator==(const RoleDelete&, const RoleDelete&) = default;
};
struct RoleGrantPermission {
  std::string role;
  bool given = true;  // The request held a permission.
  Permission permission;
  friend bool operator==(const RoleGrantPermission&, const RoleGrantPermission&) = default;
};
struct RoleRevokePermission {
  std::string role;
  std::string key;
  std::string range_end;
  friend bool operator==(const RoleRevokePermission&, const RoleRevokePermission&) = default;
};
// In this order their kinds are numbered in the log (wire/command_codec.cc): new ones go to the
// end.
using Change = std::variant<Enable, Disable, Authenticate, UserAdd, UserDelete, UserChangePassword,
                            UserGrantRole, UserRevokeRole, RoleAdd, RoleDelete, RoleGrantPermission,
                            RoleRevokePermission>;

// ---- What asks for them.
struct UserGet {
  std::string name;
};
struct UserList {};
struct RoleGet {
  std::string role;
};
struct RoleList {};
struct Status {};
using Query = std::variant<UserGet, UserList, RoleGet, RoleList, Status>;

struct Answer {
  std::vector<std::string> names;       // UserGet: its roles. UserList, RoleList: these.
  std::vector<Permission> permissions;  // RoleGet.
  std::string token;                    // Authenticate.
  bool enabled = false;                 // Status, and:
  std::uint64_t revision = 0;
  friend bool operator==(const Answer&, const Answer&) = default;
};

// Why not. Each has one of etcd's errors (apply/gate.h).
enum class Refusal : std::uint8_t {
  kRootUserNotExist,
  kRootRoleNotExist,
  kUserAlreadyExist,
  kUserEmpty,
  kUserNotFound,
  kRoleAlreadyExist,
  kRoleNotFound,
  kRoleEmpty,
  kAuthFailed,
  kPermissionNotGiven,
  kPermissionDenied,
  kRoleNotGranted,
  kPermissionNotGranted,
  kNotEnabled,
  kInvalidManagement,
  kOldRevision,
};

}  // namespace detcd::auth
