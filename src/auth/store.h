// Users and their roles, roles and their permissions, whether they are asked for, and the revision
// that counts their changes: replicated, a function of the log, in the image and in the state hash
// (ETCD.md §2.9). Changes are validated in etcd's order. What isn't granted is denied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "auth/ranges.h"
#include "auth/types.h"
#include "base/codec.h"
#include "base/result.h"

namespace detcd::auth {

struct User {
  std::string password_hash;  // bcrypt's, in its own form.
  bool no_password = false;
  std::vector<std::string> roles;  // Ascending, each once.
  [[nodiscard]] bool is_root() const;
};

struct Role {
  std::vector<Permission> permissions;  // By key.
  Ranges readable;                      // What the permissions come to.
  Ranges writable;
};

enum class Access : std::uint8_t { kRead, kWrite };

class Store {
 public:
  // Of a change. An Authenticate is answered with a token made of its prefix and `log_index`.
  [[nodiscard]] std::variant<Answer, Refusal> apply(const Change& change, std::uint64_t log_index);
  [[nodiscard]] std::variant<Answer, Refusal> ask(const Query& query) const;

  // Nothing when it may be done. Always, unless enabled.
  [[nodiscard]] std::optional<Refusal> check_access(const Caller& caller, Access access,
                                                    std::string_view key,
                                                    std::string_view range_end) const;
  // Some caller was named who exists, by users and roles that are the present ones.
  [[nodiscard]] std::optional<Refusal> check_user(const Caller& caller) const;
  [[nodiscard]] std::optional<Refusal> check_root(const Caller& caller) const;
  // Users may look at themselves, and at the roles they hold.
  [[nodiscard]] std::optional<Refusal> check_query(const Caller& caller, const Query& query) const;

  [[nodiscard]] bool enabled() const { return enabled_; }
  [[nodiscard]] std::uint64_t revision() const { return revision_; }
  [[nodiscard]] const User* find_user(std::string_view name) const;
  [[nodiscard]] const Role* find_role(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, User, std::less<>>& users() const { return users_; }
  [[nodiscard]] const std::map<std::string, Role, std::less<>>& roles() const { return roles_; }

  // As it begins: nothing to be remembered.
  [[nodiscard]] bool empty() const { return revision_ == 1 && !enabled_; }
  // Of the whole, kept up to date incrementally.
  [[nodiscard]] std::uint64_t hash() const;
  void encode(Writer& out) const;
  [[nodiscard]] static Result<Store> decode(Reader& in);

 private:
  using Outcome = std::variant<Answer, Refusal>;
  [[nodiscard]] Outcome run(const Enable& change, std::uint64_t log_index);
  [[nodiscard]] Outcome run(const Disable& change, std::uint64_t log_index);
  [[nodiscard]] Outcome run(const Authenticate& change, std::uint64_t log_index);
  [[nodiscard]] Outcome run(const UserAdd& change, std::uint64_t log_index);
  [[nodiscard]] Outcome run(const UserDelete& change, std::uint64_t log_index);
  [[nodiscard]] Outcome run(const UserChangePassword& change, std::uint64_t log_index);
  [[nodiscard]] Outcome run(const UserGrantRole& change, std::uint64_t log_index);
  [[nodiscard]] Outcome run(const UserRevokeRole& change, std::uint64_t log_index);
  [[nodiscard]] Outcome run(const RoleAdd& change, std::uint64_t log_index);
  [[nodiscard]] Outcome run(const RoleDelete& change, std::uint64_t log_index);
  [[nodiscard]] Outcome run(const RoleGrantPermission& change, std::uint64_t log_index);
  [[nodiscard]] Outcome run(const RoleRevokePermission& change, std::uint64_t log_index);

  // Every change of a user or a role goes through these.
  void put_user(const std::string& name, User user);
  void put_role(const std::string& name, std::vector<Permission> permissions);
  void erase_user(const std::string& name);
  void erase_role(const std::string& name);

  std::map<std::string, User, std::less<>> users_;
  std::map<std::string, Role, std::less<>> roles_;
  bool enabled_ = false;
  std::uint64_t revision_ = 1;
  std::uint64_t contents_hash_ = 0;  // The sum over users and roles.
};

}  // namespace detcd::auth
