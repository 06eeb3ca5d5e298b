#include "sim/plan/access.h"

#include <utility>

namespace detcd::sim {
namespace {

using runtime::Site;

constexpr Site kSetUp{"plan: users and roles"};
constexpr Site kChange{"plan: change of users and roles"};

std::string role_of(std::uint32_t client) {
  return "r" + std::to_string(client);
}

// Draws with one ordinal after another.
class Dice {
 public:
  Dice(const Draw& draw, Site site, std::uint64_t ordinal)
      : draw_(draw), site_(site), next_(ordinal) {}
  std::uint64_t pick(std::uint64_t bound) { return draw_.pick(site_, next_++, bound); }

 private:
  const Draw& draw_;
  Site site_;
  std::uint64_t next_;
};

// All keys that clients use begin with a k.
auth::Permission everything() {
  const auto both = static_cast<std::int32_t>(auth::PermissionType::kReadWrite);
  return {both, "k", "l"};
}

auth::Permission some(Dice& dice, const Settings& settings) {
  auth::Permission permission;
  permission.type = static_cast<std::int32_t>(dice.pick(3));
  permission.key = "k" + std::to_string(dice.pick(settings.keys));
  switch (dice.pick(4)) {
    case 0:
      return permission;
    case 1:
      permission.range_end = "l";
      return permission;
    case 2:
      permission.range_end = std::string(1, '\0');
      return permission;
    default:
      permission.range_end = "k" + std::to_string(dice.pick(settings.keys));
      return permission;
  }
}

// Half of the users may whatever they do; the others some of it, or write all and read some.
std::vector<auth::Permission> first_of(Dice& dice, const Settings& settings) {
  const std::uint64_t way = dice.pick(4);
  if (way < 2) return {everything()};
  std::vector<auth::Permission> permissions;
  if (way == 2) {
    permissions.push_back(some(dice, settings));
  } else {
    permissions.push_back({static_cast<std::int32_t>(auth::PermissionType::kWrite), "k", "l"});
  }
  permissions.push_back(some(dice, settings));
  permissions.push_back(some(dice, settings));
  return permissions;
}

}  // namespace

std::string user_of(std::uint32_t client) {
  return client == kRootClient ? auth::kRootUser : "u" + std::to_string(client);
}

std::vector<auth::Change> set_up_access(const Draw& draw, const Settings& settings) {
  std::vector<auth::Change> changes;
  changes.emplace_back(auth::UserAdd{.name = auth::kRootUser});
  changes.emplace_back(auth::UserGrantRole{auth::kRootUser, auth::kRootRole});
  for (std::uint32_t client = kRootClient + 1; client <= settings.clients; ++client) {
    Dice dice(draw, kSetUp, client * 64ULL);
    changes.emplace_back(auth::RoleAdd{role_of(client)});
    changes.emplace_back(auth::UserAdd{.name = user_of(client)});
    changes.emplace_back(auth::UserGrantRole{user_of(client), role_of(client)});
    for (auth::Permission& permission : first_of(dice, settings)) {
      changes.emplace_back(auth::RoleGrantPermission{role_of(client), true, std::move(permission)});
    }
  }
  changes.emplace_back(auth::Enable{});
  return changes;
}

auth::Change change_access(const Draw& draw, std::uint64_t ordinal, const Settings& settings) {
  Dice dice(draw, kChange, ordinal);
  const auto client = [&] { return 1 + static_cast<std::uint32_t>(dice.pick(settings.clients)); };
  switch (dice.pick(16)) {
    case 0:
      return auth::Enable{};
    case 1:
      return auth::Disable{};
    case 2:
      return auth::UserDelete{user_of(client())};
    case 3:
    case 4:
      return auth::UserAdd{.name = user_of(client())};
    case 5:
      return auth::RoleDelete{role_of(client())};
    case 6:
      return auth::RoleAdd{role_of(client())};
    case 7:
      return auth::UserRevokeRole{user_of(client()), role_of(client())};
    case 8:
    case 9:
    case 10: {
      const std::uint32_t user = client();
      return auth::UserGrantRole{user_of(user), role_of(dice.pick(2) == 0 ? user : client())};
    }
    case 11: {
      const std::string role = role_of(client());
      const auth::Permission permission = some(dice, settings);
      return auth::RoleRevokePermission{role, permission.key, permission.range_end};
    }
    case 12:
      return auth::RoleRevokePermission{role_of(client()), "k", "l"};
    case 13:
      return auth::RoleGrantPermission{role_of(client()), true, everything()};
    default: {
      const std::string role = role_of(client());
      return auth::RoleGrantPermission{role, true, some(dice, settings)};
    }
  }
}

}  // namespace detcd::sim
