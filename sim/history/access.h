// Users, their roles and what these grant, written as naively as possible: sets of names and lists
// of ranges, searched from front to back. The product's gate is judged against it; nothing is
// shared with the product but the words (ETCD.md §2.9).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "apply/api_error.h"
#include "auth/types.h"
#include "sim/plan/plan.h"

namespace detcd::sim {

class Access {
 public:
  using Refusal = std::optional<apply::ApiError>;

  // What a change that is in the log does, and what it is answered with.
  Refusal apply(const auth::Change& change);
  // Whether the caller may do this. Leases are out of its sight: who has users has none.
  [[nodiscard]] Refusal refuse(const auth::Caller& caller, const Operation& operation) const;

  // Nobody may, but while nobody is asked for.
  [[nodiscard]] bool may_read(const std::string& user, const std::string& key) const;

  [[nodiscard]] bool enabled() const { return enabled_; }
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

 private:
  struct Touch {
    bool writes = false;
    std::string key;
    std::string end;
  };
  using Touches = std::vector<Touch>;
  static void add(const apply::RangeRequest& range, Touches& touches);
  static void add(const apply::PutRequest& put, Touches& touches);
  static void add(const apply::DeleteRangeRequest& erase, Touches& touches);
  static void add(const apply::TxnRequest& txn, Touches& touches);
  [[nodiscard]] bool is_root(const std::string& user) const;
  [[nodiscard]] Refusal refuse_root(const auth::Caller& caller) const;
  [[nodiscard]] bool grants(const std::string& user, const Touch& touch) const;
  Refusal change(const auth::Enable& change);
  Refusal change(const auth::Disable& change);
  Refusal change(const auth::Authenticate& change);
  Refusal change(const auth::UserAdd& change);
  Refusal change(const auth::UserDelete& change);
  Refusal change(const auth::UserChangePassword& change);
  Refusal change(const auth::UserGrantRole& change);
  Refusal change(const auth::UserRevokeRole& change);
  Refusal change(const auth::RoleAdd& change);
  Refusal change(const auth::RoleDelete& change);
  Refusal change(const auth::RoleGrantPermission& change);
  Refusal change(const auth::RoleRevokePermission& change);
  Refusal changed() {
    ++revision_;
    return std::nullopt;
  }

  bool enabled_ = false;
  std::uint64_t revision_ = 1;
  std::map<std::string, std::set<std::string>> users_;  // Their roles.
  std::map<std::string, std::vector<auth::Permission>> roles_;
};

}  // namespace detcd::sim
