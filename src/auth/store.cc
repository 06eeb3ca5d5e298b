#include "auth/store.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace detcd::auth {
namespace {

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};

constexpr std::string_view kEverythingFrom("\0", 1);

// What a role's permissions come to.
Ranges ranges_of(const std::vector<Permission>& permissions, PermissionType type) {
  std::vector<Interval> intervals;
  for (const Permission& permission : permissions) {
    const auto granted = static_cast<PermissionType>(permission.type);
    if (granted != type && granted != PermissionType::kReadWrite) continue;
    intervals.push_back(interval(permission.key, permission.range_end));
  }
  return Ranges::merge(std::move(intervals));
}

bool is_valid_range(const Permission& permission) {
  if (permission.key.empty()) return false;
  return permission.range_end.empty() || permission.range_end == kEverythingFrom ||
         permission.key < permission.range_end;
}

void encode_user(Writer& out, std::string_view name, const User& user) {
  out.bytes(name);
  out.bytes(user.password_hash);
  out.boolean(user.no_password);
  out.varint(user.roles.size());
  for (const std::string& role : user.roles) out.bytes(role);
}

void encode_role(Writer& out, std::string_view name, const std::vector<Permission>& permissions) {
  out.bytes(name);
  out.varint(permissions.size());
  for (const Permission& permission : permissions) {
    out.u32(static_cast<std::uint32_t>(permission.type));
    out.bytes(permission.key);
    out.bytes(permission.range_end);
  }
}

std::uint64_t hash_of(std::string_view name, const User& user) {
  Writer out;
  encode_user(out, name, user);
  return hash64(out.view(), 1);
}

std::uint64_t hash_of(std::string_view name, const Role& role) {
  Writer out;
  encode_role(out, name, role.permissions);
  return hash64(out.view(), 2);
}

}  // namespace

bool User::is_root() const {
  return std::ranges::binary_search(roles, kRootRole);
}

std::variant<Answer, Refusal> Store::apply(const Change& change, std::uint64_t log_index) {
  return std::visit([&](const auto& one) { return run(one, log_index); }, change);
}

// ---- The whole ----------------------------------------------------------------------------------

Store::Outcome Store::run(const Enable&, std::uint64_t) {
  if (enabled_) return Answer{};
  const User* const root = find_user(kRootUser);
  if (root == nullptr) return Refusal::kRootUserNotExist;
  if (!root->is_root()) return Refusal::kRootRoleNotExist;
  enabled_ = true;
  return Answer{};
}

Store::Outcome Store::run(const Disable&, std::uint64_t) {
  if (!enabled_) return Answer{};
  enabled_ = false;
  ++revision_;
  return Answer{};
}

// Unlike etcd, which gives the token first and asks again when the revision has moved since: a
// token never comes from a password that wasn't the user's any more.
Store::Outcome Store::run(const Authenticate& change, std::uint64_t log_index) {
  if (!enabled_) return Refusal::kNotEnabled;
  const User* const user = find_user(change.user);
  if (user == nullptr || user->no_password) return Refusal::kAuthFailed;
  if (change.checked_revision != revision_) return Refusal::kOldRevision;
  return Answer{.token = change.token_prefix + "." + std::to_string(log_index)};
}

// ---- Users --------------------------------------------------------------------------------------

Store::Outcome Store::run(const UserAdd& change, std::uint64_t) {
  if (change.name.empty()) return Refusal::kUserEmpty;
  if (find_user(change.name) != nullptr) return Refusal::kUserAlreadyExist;
  User user{.password_hash = change.no_password ? "" : change.password_hash,
            .no_password = change.no_password};
  put_user(change.name, std::move(user));
  ++revision_;
  return Answer{};
}

Store::Outcome Store::run(const UserDelete& change, std::uint64_t) {
  if (enabled_ && change.name == kRootUser) return Refusal::kInvalidManagement;
  if (find_user(change.name) == nullptr) return Refusal::kUserNotFound;
  erase_user(change.name);
  ++revision_;
  return Answer{};
}

Store::Outcome Store::run(const UserChangePassword& change, std::uint64_t) {
  const User* const found = find_user(change.name);
  if (found == nullptr) return Refusal::kUserNotFound;
  User user = *found;
  user.password_hash = user.no_password ? "" : change.password_hash;
  put_user(change.name, std::move(user));
  ++revision_;
  return Answer{};
}

Store::Outcome Store::run(const UserGrantRole& change, std::uint64_t) {
  const User* const found = find_user(change.user);
  if (found == nullptr) return Refusal::kUserNotFound;
  // Whoever holds the role of this name is root, also where there is no such role.
  if (change.role != kRootRole && find_role(change.role) == nullptr) return Refusal::kRoleNotFound;
  const auto place = std::ranges::lower_bound(found->roles, change.role);
  if (place != found->roles.end() && *place == change.role) return Answer{};
  User user = *found;
  user.roles.insert(user.roles.begin() + (place - found->roles.begin()), change.role);
  put_user(change.user, std::move(user));
  ++revision_;
  return Answer{};
}

Store::Outcome Store::run(const UserRevokeRole& change, std::uint64_t) {
  if (enabled_ && change.user == kRootUser && change.role == kRootRole) {
    return Refusal::kInvalidManagement;
  }
  const User* const found = find_user(change.user);
  if (found == nullptr) return Refusal::kUserNotFound;
  User user = *found;
  if (std::erase(user.roles, change.role) == 0) return Refusal::kRoleNotGranted;
  put_user(change.user, std::move(user));
  ++revision_;
  return Answer{};
}

// ---- Roles --------------------------------------------------------------------------------------

Store::Outcome Store::run(const RoleAdd& change, std::uint64_t) {
  if (change.name.empty()) return Refusal::kRoleEmpty;
  if (find_role(change.name) != nullptr) return Refusal::kRoleAlreadyExist;
  put_role(change.name, {});
  ++revision_;
  return Answer{};
}

Store::Outcome Store::run(const RoleDelete& change, std::uint64_t) {
  if (enabled_ && change.role == kRootRole) return Refusal::kInvalidManagement;
  if (find_role(change.role) == nullptr) return Refusal::kRoleNotFound;
  erase_role(change.role);
  std::vector<std::string> holders;
  for (const auto& [name, user] : users_) {
    if (std::ranges::binary_search(user.roles, change.role)) holders.push_back(name);
  }
  for (const std::string& name : holders) {
    User user = users_.find(name)->second;
    std::erase(user.roles, change.role);
    put_user(name, std::move(user));
  }
  ++revision_;
  return Answer{};
}

Store::Outcome Store::run(const RoleGrantPermission& change, std::uint64_t) {
  if (!change.given) return Refusal::kPermissionNotGiven;
  const Permission& asked = change.permission;
  if (!is_valid_range(asked)) return Refusal::kInvalidManagement;
  const Role* const role = find_role(change.role);
  if (role == nullptr) return Refusal::kRoleNotFound;
  std::vector<Permission> permissions = role->permissions;
  const auto same = std::ranges::find_if(permissions, [&](const Permission& one) {
    return one.key == asked.key && one.range_end == asked.range_end;
  });
  if (same != permissions.end()) {
    same->type = asked.type;
  } else {
    const auto place = std::ranges::upper_bound(permissions, asked.key, {}, &Permission::key);
    permissions.insert(place, asked);
  }
  put_role(change.role, std::move(permissions));
  ++revision_;
  return Answer{};
}

Store::Outcome Store::run(const RoleRevokePermission& change, std::uint64_t) {
  const Role* const role = find_role(change.role);
  if (role == nullptr) return Refusal::kRoleNotFound;
  std::vector<Permission> permissions = role->permissions;
  const std::size_t erased = std::erase_if(permissions, [&](const Permission& one) {
    return one.key == change.key && one.range_end == change.range_end;
  });
  if (erased == 0) return Refusal::kPermissionNotGranted;
  put_role(change.role, std::move(permissions));
  ++revision_;
  return Answer{};
}

// ---- Queries ------------------------------------------------------------------------------------

std::variant<Answer, Refusal> Store::ask(const Query& query) const {
  const auto names_of = [](const auto& entries) {
    Answer answer;
    for (const auto& [name, entry] : entries) answer.names.push_back(name);
    return answer;
  };
  return std::visit(
      Overload{
          [&](const UserGet& get) -> Outcome {
            const User* const user = find_user(get.name);
            if (user == nullptr) return Refusal::kUserNotFound;
            return Answer{.names = user->roles};
          },
          [&](const UserList&) -> Outcome { return names_of(users_); },
          [&](const RoleGet& get) -> Outcome {
            const Role* const role = find_role(get.role);
            if (role == nullptr) return Refusal::kRoleNotFound;
            if (get.role != kRootRole) return Answer{.permissions = role->permissions};
            // Root may everything, whatever is stored.
            return Answer{.permissions = {{static_cast<std::int32_t>(PermissionType::kReadWrite),
                                           "", std::string(kEverythingFrom)}}};
          },
          [&](const RoleList&) -> Outcome { return names_of(roles_); },
          [&](const Status&) -> Outcome {
            return Answer{.enabled = enabled_, .revision = revision_};
          },
      },
      query);
}

// ---- Who may ------------------------------------------------------------------------------------

std::optional<Refusal> Store::check_user(const Caller& caller) const {
  if (!enabled_ || caller.own) return std::nullopt;
  if (caller.revision == 0) return Refusal::kUserEmpty;
  return std::nullopt;
}

std::optional<Refusal> Store::check_access(const Caller& caller, Access access,
                                           std::string_view key, std::string_view range_end) const {
  if (!enabled_ || caller.own) return std::nullopt;
  if (caller.revision == 0) return Refusal::kUserEmpty;
  if (caller.revision < revision_) return Refusal::kOldRevision;
  const User* const user = find_user(caller.user);
  if (user == nullptr) return Refusal::kPermissionDenied;
  if (user->is_root()) return std::nullopt;
  std::vector<const Ranges*> granted;
  for (const std::string& name : user->roles) {
    const Role* const role = find_role(name);
    if (role == nullptr) continue;
    granted.push_back(access == Access::kRead ? &role->readable : &role->writable);
  }
  if (cover(granted, interval(key, range_end))) return std::nullopt;
  return Refusal::kPermissionDenied;
}

std::optional<Refusal> Store::check_root(const Caller& caller) const {
  if (!enabled_ || caller.own) return std::nullopt;
  if (caller.user.empty()) return Refusal::kUserEmpty;
  const User* const user = find_user(caller.user);
  if (user == nullptr) return Refusal::kUserNotFound;
  if (!user->is_root()) return Refusal::kPermissionDenied;
  return std::nullopt;
}

std::optional<Refusal> Store::check_query(const Caller& caller, const Query& query) const {
  if (std::holds_alternative<Status>(query)) return std::nullopt;
  const std::optional<Refusal> refused = check_root(caller);
  if (!refused) return std::nullopt;
  // As with etcd, who isn't logged in is the user without a name, and hears that there is none.
  if (const auto* const get = std::get_if<UserGet>(&query)) {
    if (get->name == caller.user) return std::nullopt;
  }
  if (const auto* const get = std::get_if<RoleGet>(&query)) {
    const User* const user = find_user(caller.user);
    const bool holds = user != nullptr && std::ranges::binary_search(user->roles, get->role);
    if (holds) return std::nullopt;
  }
  return refused;
}

// ---- Contents -----------------------------------------------------------------------------------

const User* Store::find_user(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second;
}

const Role* Store::find_role(std::string_view name) const {
  const auto found = roles_.find(name);
  return found == roles_.end() ? nullptr : &found->second;
}

void Store::put_user(const std::string& name, User user) {
  erase_user(name);
  contents_hash_ += hash_of(name, user);
  users_.emplace(name, std::move(user));
}

void Store::put_role(const std::string& name, std::vector<Permission> permissions) {
  erase_role(name);
  Role role{.permissions = std::move(permissions)};
  role.readable = ranges_of(role.permissions, PermissionType::kRead);
  role.writable = ranges_of(role.permissions, PermissionType::kWrite);
  contents_hash_ += hash_of(name, role);
  roles_.emplace(name, std::move(role));
}

void Store::erase_user(const std::string& name) {
  const auto found = users_.find(name);
  if (found == users_.end()) return;
  contents_hash_ -= hash_of(name, found->second);
  users_.erase(found);
}

void Store::erase_role(const std::string& name) {
  const auto found = roles_.find(name);
  if (found == roles_.end()) return;
  contents_hash_ -= hash_of(name, found->second);
  roles_.erase(found);
}

std::uint64_t Store::hash() const {
  return mix64(mix64(contents_hash_, revision_), enabled_ ? 1 : 0);
}

void Store::encode(Writer& out) const {
  out.boolean(enabled_);
  out.u64(revision_);
  out.varint(users_.size());
  for (const auto& [name, user] : users_) encode_user(out, name, user);
  out.varint(roles_.size());
  for (const auto& [name, role] : roles_) encode_role(out, name, role.permissions);
}

Result<Store> Store::decode(Reader& in) {
  Store store;
  store.enabled_ = in.boolean();
  store.revision_ = in.u64();
  bool sound = true;
  const std::uint64_t users = in.varint();
  for (std::uint64_t i = 0; i < users && in.ok(); ++i) {
    const std::string name(in.bytes());
    User user{.password_hash = std::string(in.bytes())};
    user.no_password = in.boolean();
    const std::uint64_t roles = in.varint();
    for (std::uint64_t j = 0; j < roles && in.ok(); ++j) user.roles.emplace_back(in.bytes());
    // Who holds what is looked up by halving.
    sound = sound && std::ranges::is_sorted(user.roles);
    store.put_user(name, std::move(user));
  }
  const std::uint64_t roles = in.varint();
  for (std::uint64_t i = 0; i < roles && in.ok(); ++i) {
    const std::string name(in.bytes());
    std::vector<Permission> permissions;
    const std::uint64_t count = in.varint();
    for (std::uint64_t j = 0; j < count && in.ok(); ++j) {
      Permission permission{.type = static_cast<std::int32_t>(in.u32())};
      permission.key = in.bytes();
      permission.range_end = in.bytes();
      permissions.push_back(std::move(permission));
    }
    store.put_role(name, std::move(permissions));
  }
  sound = sound && store.users_.size() == users && store.roles_.size() == roles;
  if (!in.ok() || !sound) return Error{Errc::kDamaged, "users and roles don't decode"};
  return store;
}

}  // namespace detcd::auth
