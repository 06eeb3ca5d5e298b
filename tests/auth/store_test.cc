#include "auth/store.h"

#include <gtest/gtest.h>

namespace detcd::auth {
namespace {

using std::string_literals::operator""s;

constexpr std::int32_t kRead = 0;
constexpr std::int32_t kWrite = 1;
constexpr std::int32_t kReadWrite = 2;

class AuthStore : public ::testing::Test {
 protected:
  void allow(const Change& change) {
    const auto outcome = store.apply(change, 7);
    ASSERT_TRUE(std::holds_alternative<Answer>(outcome));
  }
  std::optional<Refusal> refusal(const Change& change) {
    const auto outcome = store.apply(change, 7);
    const auto* refused = std::get_if<Refusal>(&outcome);
    if (refused == nullptr) return std::nullopt;
    return *refused;
  }
  void with_root() {
    allow(UserAdd{kRootUser, "hash"});
    allow(UserGrantRole{kRootUser, kRootRole});
    allow(Enable{});
  }
  [[nodiscard]] Caller as(const std::string& user) const { return {user, store.revision()}; }
  Store store;
};

TEST_F(AuthStore, EnablingNeedsRootWithItsRole) {
  EXPECT_EQ(refusal(Enable{}), Refusal::kRootUserNotExist);
  allow(UserAdd{kRootUser, "hash"});
  EXPECT_EQ(refusal(Enable{}), Refusal::kRootRoleNotExist);
  allow(UserGrantRole{kRootUser, kRootRole});
  const std::uint64_t revision = store.revision();
  allow(Enable{});
  allow(Enable{});
  EXPECT_TRUE(store.enabled());
  EXPECT_EQ(store.revision(), revision) << "enabling is no change of users and roles";
  allow(Disable{});
  EXPECT_EQ(store.revision(), revision + 1);
  allow(Disable{});
  EXPECT_EQ(store.revision(), revision + 1);
}

TEST_F(AuthStore, EveryChangeCountsAndARepeatedGrantDoesNot) {
  EXPECT_EQ(store.revision(), 1U);
  EXPECT_TRUE(store.empty());
  allow(UserAdd{"u", "h"});
  allow(RoleAdd{"r"});
  allow(UserGrantRole{"u", "r"});
  allow(RoleGrantPermission{"r", true, {kRead, "k", ""}});
  allow(UserChangePassword{"u", "h2"});
  EXPECT_EQ(store.revision(), 6U);
  allow(UserGrantRole{"u", "r"});
  EXPECT_EQ(store.revision(), 6U);
  EXPECT_FALSE(store.empty());
}

TEST_F(AuthStore, RefusesWhatIsNotThereOrThereAlready) {
  EXPECT_EQ(refusal(UserAdd{"", "h"}), Refusal::kUserEmpty);
  EXPECT_EQ(refusal(RoleAdd{""}), Refusal::kRoleEmpty);
  allow(UserAdd{"u", "h"});
  allow(RoleAdd{"r"});
  EXPECT_EQ(refusal(UserAdd{"u", "h"}), Refusal::kUserAlreadyExist);
  EXPECT_EQ(refusal(RoleAdd{"r"}), Refusal::kRoleAlreadyExist);
  EXPECT_EQ(refusal(UserDelete{"x"}), Refusal::kUserNotFound);
  EXPECT_EQ(refusal(RoleDelete{"x"}), Refusal::kRoleNotFound);
  EXPECT_EQ(refusal(UserChangePassword{"x", "h"}), Refusal::kUserNotFound);
  EXPECT_EQ(refusal(UserGrantRole{"x", "r"}), Refusal::kUserNotFound);
  EXPECT_EQ(refusal(UserGrantRole{"u", "x"}), Refusal::kRoleNotFound);
  EXPECT_EQ(refusal(UserRevokeRole{"x", "r"}), Refusal::kUserNotFound);
  EXPECT_EQ(refusal(UserRevokeRole{"u", "r"}), Refusal::kRoleNotGranted);
  EXPECT_EQ(refusal(RoleGrantPermission{"r", false, {}}), Refusal::kPermissionNotGiven);
  EXPECT_EQ(refusal(RoleGrantPermission{"x", true, {kRead, "k", ""}}), Refusal::kRoleNotFound);
  EXPECT_EQ(refusal(RoleRevokePermission{"x", "k", ""}), Refusal::kRoleNotFound);
  EXPECT_EQ(refusal(RoleRevokePermission{"r", "k", ""}), Refusal::kPermissionNotGranted);
}

TEST_F(AuthStore, PermissionsNeedARangeThatIsOne) {
  allow(RoleAdd{"r"});
  for (const Permission& bad : {Permission{kRead, "", ""}, Permission{kRead, "", "\0"s},
                                Permission{kRead, "b", "a"}, Permission{kRead, "b", "b"}}) {
    EXPECT_EQ(refusal(RoleGrantPermission{"r", true, bad}), Refusal::kInvalidManagement);
  }
  for (const Permission& good : {Permission{kRead, "b", ""}, Permission{kRead, "b", "\0"s},
                                 Permission{kRead, "b", "c"}, Permission{kRead, "\0"s, "\0"s}}) {
    EXPECT_EQ(refusal(RoleGrantPermission{"r", true, good}), std::nullopt);
  }
}

TEST_F(AuthStore, AGrantOfTheSameRangeChangesItsTypeAndOthersAreKeptByKey) {
  allow(RoleAdd{"r"});
  allow(RoleGrantPermission{"r", true, {kRead, "m", "n"}});
  allow(RoleGrantPermission{"r", true, {kRead, "a", ""}});
  allow(RoleGrantPermission{"r", true, {kRead, "m", ""}});
  allow(RoleGrantPermission{"r", true, {kWrite, "m", ""}});
  const std::vector<Permission> kept = {{kRead, "a", ""}, {kRead, "m", "n"}, {kWrite, "m", ""}};
  EXPECT_EQ(store.find_role("r")->permissions, kept);
  allow(RoleRevokePermission{"r", "m", "n"});
  EXPECT_EQ(store.find_role("r")->permissions.size(), 2U);
}

TEST_F(AuthStore, RootCannotBeTakenAwayWhileUsersAreAskedFor) {
  with_root();
  allow(RoleAdd{kRootRole});
  EXPECT_EQ(refusal(UserDelete{kRootUser}), Refusal::kInvalidManagement);
  EXPECT_EQ(refusal(RoleDelete{kRootRole}), Refusal::kInvalidManagement);
  EXPECT_EQ(refusal(UserRevokeRole{kRootUser, kRootRole}), Refusal::kInvalidManagement);
  allow(Disable{});
  allow(RoleDelete{kRootRole});
  EXPECT_FALSE(store.find_user(kRootUser)->is_root()) << "a role that is deleted is held by nobody";
  allow(UserDelete{kRootUser});
}

TEST_F(AuthStore, QueriesAnswerInTheOrderOfNames) {
  allow(UserAdd{"b", "h"});
  allow(UserAdd{"a", "h"});
  allow(RoleAdd{"z"});
  allow(RoleAdd{"y"});
  allow(RoleAdd{kRootRole});
  allow(UserGrantRole{"a", "z"});
  allow(UserGrantRole{"a", "y"});
  const auto names = [&](const Query& query) { return std::get<Answer>(store.ask(query)).names; };
  EXPECT_EQ(names(UserList{}), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(names(RoleList{}), (std::vector<std::string>{"root", "y", "z"}));
  EXPECT_EQ(names(UserGet{"a"}), (std::vector<std::string>{"y", "z"}));
  EXPECT_EQ(std::get<Refusal>(store.ask(UserGet{"x"})), Refusal::kUserNotFound);
  EXPECT_EQ(std::get<Refusal>(store.ask(RoleGet{"x"})), Refusal::kRoleNotFound);
  const std::vector<Permission> everything = {{kReadWrite, "", "\0"s}};
  EXPECT_EQ(std::get<Answer>(store.ask(RoleGet{kRootRole})).permissions, everything);
}

TEST_F(AuthStore, OnlyWhoIsNamedKnownAndPresentPasses) {
  EXPECT_EQ(store.check_access({}, Access::kRead, "k", ""), std::nullopt) << "nobody is asked";
  with_root();
  allow(UserAdd{"u", "h"});
  EXPECT_EQ(store.check_access({}, Access::kRead, "k", ""), Refusal::kUserEmpty);
  EXPECT_EQ(store.check_user({}), Refusal::kUserEmpty);
  EXPECT_EQ(store.check_access({"u", 1}, Access::kRead, "k", ""), Refusal::kOldRevision);
  EXPECT_EQ(store.check_access(as("u"), Access::kRead, "k", ""), Refusal::kPermissionDenied);
  EXPECT_EQ(store.check_access(as("x"), Access::kRead, "k", ""), Refusal::kPermissionDenied);
  EXPECT_EQ(store.check_access(as(kRootUser), Access::kRead, "k", ""), std::nullopt);
  EXPECT_EQ(store.check_access({"root", 1}, Access::kRead, "k", ""), Refusal::kOldRevision);
  EXPECT_EQ(store.check_root({}), Refusal::kUserEmpty);
  EXPECT_EQ(store.check_root(as("x")), Refusal::kUserNotFound);
  EXPECT_EQ(store.check_root(as("u")), Refusal::kPermissionDenied);
  EXPECT_EQ(store.check_root({kRootUser, 1}), std::nullopt) << "as etcd: of any revision";
  EXPECT_EQ(store.check_root({.own = true}), std::nullopt);
}

TEST_F(AuthStore, UsersSeeThemselvesAndTheirRoles) {
  with_root();
  allow(UserAdd{"u", "h"});
  allow(RoleAdd{"r"});
  allow(RoleAdd{"s"});
  allow(UserGrantRole{"u", "r"});
  const Caller u = as("u");
  EXPECT_EQ(store.check_query(u, UserGet{"u"}), std::nullopt);
  EXPECT_EQ(store.check_query(u, RoleGet{"r"}), std::nullopt);
  EXPECT_EQ(store.check_query(u, UserGet{"root"}), Refusal::kPermissionDenied);
  EXPECT_EQ(store.check_query(u, RoleGet{"s"}), Refusal::kPermissionDenied);
  EXPECT_EQ(store.check_query(u, UserList{}), Refusal::kPermissionDenied);
  EXPECT_EQ(store.check_query({}, RoleList{}), Refusal::kUserEmpty);
  EXPECT_EQ(store.check_query({}, UserGet{""}), std::nullopt)
      << "as etcd: there is none of that name";
  EXPECT_EQ(store.check_query({}, Status{}), std::nullopt);
}

TEST_F(AuthStore, RangesOfSeveralRolesCoverTogether) {
  with_root();
  allow(UserAdd{"u", "h"});
  for (const char* role : {"r1", "r2"}) {
    allow(RoleAdd{role});
    allow(UserGrantRole{"u", role});
  }
  allow(RoleGrantPermission{"r1", true, {kRead, "a", "c"}});
  allow(RoleGrantPermission{"r2", true, {kReadWrite, "c", "e"}});
  allow(RoleGrantPermission{"r1", true, {kWrite, "b", ""}});
  const Caller u = as("u");
  const auto may = [&](Access access, const std::string& key, const std::string& end) {
    return !store.check_access(u, access, key, end).has_value();
  };
  EXPECT_TRUE(may(Access::kRead, "a", "e"));
  EXPECT_TRUE(may(Access::kRead, "b", "d"));
  EXPECT_TRUE(may(Access::kRead, "b", ""));
  EXPECT_FALSE(may(Access::kRead, "a", "e\0"s));
  EXPECT_FALSE(may(Access::kRead, "a", "\0"s))
      << "everything from a key on is more than was granted";
  EXPECT_FALSE(may(Access::kRead, "e", ""));
  EXPECT_FALSE(may(Access::kWrite, "b", "c"));
  EXPECT_TRUE(may(Access::kWrite, "b", ""));
  EXPECT_TRUE(may(Access::kWrite, "b", "b\0"s)) << "the one key, said as a range";
  EXPECT_TRUE(may(Access::kWrite, "c", "d"));
  EXPECT_FALSE(may(Access::kWrite, "a", ""));
}

TEST_F(AuthStore, ATokenIsGivenOnlyForAPasswordThatIsStillTheUsers) {
  EXPECT_EQ(refusal(Authenticate{"u", "abc", 1}), Refusal::kNotEnabled);
  with_root();
  allow(UserAdd{"u", "h"});
  allow(UserAdd{"n", "", true});
  EXPECT_EQ(refusal(Authenticate{"x", "abc", store.revision()}), Refusal::kAuthFailed);
  EXPECT_EQ(refusal(Authenticate{"n", "abc", store.revision()}), Refusal::kAuthFailed);
  const std::uint64_t checked = store.revision();
  allow(UserChangePassword{"u", "h2"});
  EXPECT_EQ(refusal(Authenticate{"u", "abc", checked}), Refusal::kOldRevision);
  const auto given = store.apply(Authenticate{"u", "abc", store.revision()}, 42);
  EXPECT_EQ(std::get<Answer>(given).token, "abc.42");
}

TEST_F(AuthStore, APasswordOfWhoHasNoneIsNotKept) {
  allow(UserAdd{"n", "h", true});
  allow(UserChangePassword{"n", "h2"});
  EXPECT_EQ(store.find_user("n")->password_hash, "");
}

TEST_F(AuthStore, WhatIsEncodedIsReadBackAndHashesTheSame) {
  with_root();
  allow(UserAdd{"u", "h"});
  allow(UserAdd{"n", "", true});
  allow(RoleAdd{"r"});
  allow(UserGrantRole{"u", "r"});
  allow(RoleGrantPermission{"r", true, {kReadWrite, "a\0b"s, "\0"s}});
  Writer out;
  store.encode(out);
  Reader in(out.view());
  const Result<Store> read = Store::decode(in);
  ASSERT_TRUE(read);
  EXPECT_TRUE(in.finished());
  EXPECT_EQ(read->hash(), store.hash());
  EXPECT_EQ(read->revision(), store.revision());
  EXPECT_EQ(read->check_access(as("u"), Access::kWrite, "zzz", ""), std::nullopt);
  Writer again;
  read->encode(again);
  EXPECT_EQ(again.view(), out.view());
  for (std::size_t cut = 0; cut < out.size(); ++cut) {
    Reader part(out.view().substr(0, cut));
    EXPECT_FALSE(Store::decode(part)) << "cut at " << cut;
  }
}

TEST_F(AuthStore, TheHashIsThatOfTheContents) {
  const std::uint64_t empty = store.hash();
  allow(RoleAdd{"r"});
  allow(RoleGrantPermission{"r", true, {kRead, "a", ""}});
  const std::uint64_t one = store.hash();
  EXPECT_NE(one, empty);
  allow(RoleGrantPermission{"r", true, {kRead, "a", ""}});
  EXPECT_NE(store.hash(), one) << "the revision is part of it";
}

}  // namespace
}  // namespace detcd::auth
