// The naive model of users and roles, by rules that a person can check; what plans ask of them; and
// the judge that nobody is told what he may not read.
#include "sim/history/access.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sim/oracles/access.h"
#include "sim/oracles/linearizability.h"
#include "sim/plan/access.h"
#include "sim/plan/operations.h"
#include "sim/profile/generate.h"

namespace detcd::sim {
namespace {

using apply::ApiError;
using auth::PermissionType;

const std::string kOpen(1, '\0');

auth::Permission permission(PermissionType type, std::string key, std::string end = "") {
  return {static_cast<std::int32_t>(type), std::move(key), std::move(end)};
}

apply::RangeRequest get(std::string key, std::string end = "") {
  apply::RangeRequest range;
  range.key = std::move(key);
  range.range_end = std::move(end);
  return range;
}
apply::PutRequest put(std::string key, bool prev_kv = false) {
  apply::PutRequest request;
  request.key = std::move(key);
  request.prev_kv = prev_kv;
  return request;
}
apply::DeleteRangeRequest erase(std::string key, std::string end = "") {
  apply::DeleteRangeRequest request;
  request.key = std::move(key);
  request.range_end = std::move(end);
  return request;
}

// Root, and "ann" with the role "r", which grants nothing yet.
Access enabled() {
  Access access;
  for (const auth::Change& change : std::vector<auth::Change>{
           auth::UserAdd{.name = "root"}, auth::UserGrantRole{"root", "root"}, auth::RoleAdd{"r"},
           auth::UserAdd{.name = "ann"}, auth::UserGrantRole{"ann", "r"}, auth::Enable{}}) {
    EXPECT_EQ(access.apply(change), std::nullopt);
  }
  return access;
}

Access granting(const std::vector<auth::Permission>& permissions) {
  Access access = enabled();
  for (const auth::Permission& one : permissions) {
    EXPECT_EQ(access.apply(auth::RoleGrantPermission{"r", true, one}), std::nullopt);
  }
  return access;
}

Access::Refusal ask(const Access& access, std::string user, const Operation& operation) {
  return access.refuse({std::move(user), access.revision(), false}, operation);
}

TEST(Access, IsEnabledOnlyWithARoot) {
  Access access;
  EXPECT_EQ(access.apply(auth::Enable{}), ApiError::kRootUserNotExist);
  EXPECT_EQ(access.apply(auth::UserAdd{.name = "root"}), std::nullopt);
  EXPECT_EQ(access.apply(auth::Enable{}), ApiError::kRootRoleNotExist);
  EXPECT_EQ(access.apply(auth::UserGrantRole{"root", "root"}), std::nullopt);
  EXPECT_EQ(access.refuse({}, get("a")), std::nullopt) << "nobody is asked for yet";
  EXPECT_EQ(access.apply(auth::Enable{}), std::nullopt);
  EXPECT_EQ(access.refuse({}, get("a")), ApiError::kUserEmpty);
  EXPECT_EQ(access.apply(auth::UserDelete{"root"}), ApiError::kInvalidAuthMgmt);
  EXPECT_EQ(access.apply(auth::UserRevokeRole{"root", "root"}), ApiError::kInvalidAuthMgmt);
  EXPECT_EQ(access.apply(auth::RoleDelete{"root"}), ApiError::kInvalidAuthMgmt);
  EXPECT_EQ(access.apply(auth::Disable{}), std::nullopt);
  EXPECT_EQ(access.apply(auth::UserDelete{"root"}), std::nullopt);
}

TEST(Access, CountsItsRevisionsAsEtcd) {
  Access access = enabled();
  EXPECT_EQ(access.revision(), 6U) << "enabling isn't counted";
  const auto counts = [&](const auth::Change& change) {
    const std::uint64_t before = access.revision();
    EXPECT_EQ(access.apply(change), std::nullopt);
    return access.revision() - before;
  };
  EXPECT_EQ(counts(auth::UserGrantRole{"ann", "r"}), 0U) << "she has it";
  EXPECT_EQ(counts(auth::Enable{}), 0U);
  EXPECT_EQ(counts(auth::UserChangePassword{"ann", ""}), 1U);
  EXPECT_EQ(counts(auth::RoleGrantPermission{"r", true, permission({}, "a")}), 1U);
  EXPECT_EQ(counts(auth::RoleGrantPermission{"r", true, permission({}, "a")}), 1U) << "as etcd";
  EXPECT_EQ(counts(auth::Disable{}), 1U);
  EXPECT_EQ(counts(auth::Disable{}), 0U) << "it is";
}

TEST(Access, RefusesChangesOfWhatIsNotThere) {
  Access access = enabled();
  EXPECT_EQ(access.apply(auth::UserAdd{}), ApiError::kUserEmpty);
  EXPECT_EQ(access.apply(auth::UserAdd{.name = "ann"}), ApiError::kUserAlreadyExist);
  EXPECT_EQ(access.apply(auth::UserDelete{"bob"}), ApiError::kUserNotFound);
  EXPECT_EQ(access.apply(auth::UserChangePassword{"bob", ""}), ApiError::kUserNotFound);
  EXPECT_EQ(access.apply(auth::UserGrantRole{"bob", "none"}), ApiError::kUserNotFound);
  EXPECT_EQ(access.apply(auth::UserGrantRole{"ann", "none"}), ApiError::kRoleNotFound);
  EXPECT_EQ(access.apply(auth::UserRevokeRole{"ann", "none"}), ApiError::kRoleNotGranted);
  EXPECT_EQ(access.apply(auth::RoleAdd{}), ApiError::kRoleEmpty);
  EXPECT_EQ(access.apply(auth::RoleAdd{"r"}), ApiError::kRoleAlreadyExist);
  EXPECT_EQ(access.apply(auth::RoleDelete{"none"}), ApiError::kRoleNotFound);
  const auto grant = [&](std::string role, auth::Permission one) {
    return access.apply(auth::RoleGrantPermission{std::move(role), true, std::move(one)});
  };
  EXPECT_EQ(grant("none", permission({}, "a")), ApiError::kRoleNotFound);
  EXPECT_EQ(grant("r", permission({}, "")), ApiError::kInvalidAuthMgmt);
  EXPECT_EQ(grant("r", permission({}, "b", "b")), ApiError::kInvalidAuthMgmt);
  EXPECT_EQ(access.apply(auth::RoleGrantPermission{"r", false, {}}), ApiError::kPermissionNotGiven);
  EXPECT_EQ(access.apply(auth::RoleRevokePermission{"r", "a", ""}),
            ApiError::kPermissionNotGranted);
  EXPECT_EQ(access.apply(auth::RoleRevokePermission{"none", "a", ""}), ApiError::kRoleNotFound);
  EXPECT_EQ(access.revision(), 6U) << "what is refused changes nothing";
}

TEST(Access, RangesThatTouchCoverWhatLiesAcrossThem) {
  const Access access = granting({permission(PermissionType::kRead, "c", "e"),
                                  permission(PermissionType::kReadWrite, "a", "c"),
                                  permission(PermissionType::kRead, "x", kOpen)});
  EXPECT_EQ(ask(access, "ann", get("a", "e")), std::nullopt);
  EXPECT_EQ(ask(access, "ann", get("b", "d")), std::nullopt);
  EXPECT_EQ(ask(access, "ann", get("d")), std::nullopt);
  EXPECT_EQ(ask(access, "ann", get("e")), ApiError::kPermissionDenied) << "the end is outside";
  EXPECT_EQ(ask(access, "ann", get("a", "f")), ApiError::kPermissionDenied);
  EXPECT_EQ(ask(access, "ann", get("a", kOpen)), ApiError::kPermissionDenied) << "e to x is open";
  EXPECT_EQ(ask(access, "ann", get("y", kOpen)), std::nullopt);
  EXPECT_EQ(ask(access, "ann", put("b")), std::nullopt);
  EXPECT_EQ(ask(access, "ann", put("c")), ApiError::kPermissionDenied) << "that may be read only";
  EXPECT_EQ(ask(access, "ann", erase("a", "c")), std::nullopt);
  EXPECT_EQ(ask(access, "ann", erase("a", "d")), ApiError::kPermissionDenied);
  EXPECT_EQ(ask(access, "root", get("a", kOpen)), std::nullopt) << "root may everything";
  EXPECT_EQ(ask(access, "ghost", get("a")), ApiError::kPermissionDenied);
}

TEST(Access, OneKeyIsNoRange) {
  const Access access = granting({permission(PermissionType::kReadWrite, "a")});
  EXPECT_EQ(ask(access, "ann", get("a")), std::nullopt);
  EXPECT_EQ(ask(access, "ann", get("a", "b")), ApiError::kPermissionDenied);
  EXPECT_EQ(ask(access, "ann", get("aa")), ApiError::kPermissionDenied);
  EXPECT_EQ(ask(access, "ann", get("a", "A")), std::nullopt)
      << "of a range without keys, its first";
}

TEST(Access, WhatIsToldOfFormerValuesMustBeReadable) {
  const Access access = granting({permission(PermissionType::kWrite, "a", "c")});
  EXPECT_EQ(ask(access, "ann", put("a")), std::nullopt);
  EXPECT_EQ(ask(access, "ann", put("a", true)), ApiError::kPermissionDenied);
  apply::DeleteRangeRequest told = erase("a");
  EXPECT_EQ(ask(access, "ann", told), std::nullopt);
  told.prev_kv = true;
  EXPECT_EQ(ask(access, "ann", told), ApiError::kPermissionDenied);
}

TEST(Access, BothBranchesOfATxnCountAtEveryDepth) {
  const Access access = granting({permission(PermissionType::kReadWrite, "a", "c")});
  apply::TxnRequest inner;
  inner.failure.push_back({put("z")});
  apply::TxnRequest outer;
  outer.success.push_back({put("a")});
  EXPECT_EQ(ask(access, "ann", outer), std::nullopt);
  apply::TxnRequest deep = outer;
  deep.failure.push_back({inner});
  EXPECT_EQ(ask(access, "ann", deep), ApiError::kPermissionDenied);
  apply::TxnRequest compared = outer;
  compared.compare.emplace_back();
  compared.compare.back().key = "z";
  EXPECT_EQ(ask(access, "ann", compared), ApiError::kPermissionDenied);
  EXPECT_EQ(ask(access, "ghost", apply::TxnRequest{}), std::nullopt) << "it touches nothing";
  EXPECT_EQ(access.refuse({}, apply::TxnRequest{}), ApiError::kUserEmpty);
}

TEST(Access, OnlyRootCompactsAndChangesRights) {
  const Access access = enabled();
  for (const Operation& operation : std::vector<Operation>{
           apply::CompactionRequest{2, false}, auth::Change(auth::UserAdd{.name = "bob"})}) {
    EXPECT_EQ(access.refuse({}, operation), ApiError::kUserEmpty);
    EXPECT_EQ(ask(access, "ghost", operation), ApiError::kUserNotFound);
    EXPECT_EQ(ask(access, "ann", operation), ApiError::kPermissionDenied);
    EXPECT_EQ(ask(access, "root", operation), std::nullopt);
    EXPECT_EQ(access.refuse({"", 0, true}, operation), std::nullopt) << "a member of its own";
  }
}

TEST(Access, ATokenOfBeforeAChangeMustBeAskedForAgain) {
  Access access = granting({permission(PermissionType::kRead, "a")});
  const auth::Caller ann{"ann", access.revision(), false};
  EXPECT_EQ(access.refuse(ann, get("a")), std::nullopt);
  EXPECT_EQ(access.apply(auth::RoleAdd{"other"}), std::nullopt);
  EXPECT_EQ(access.refuse(ann, get("a")), ApiError::kAuthOldRevision);
  EXPECT_EQ(access.apply(auth::UserRevokeRole{"ann", "r"}), std::nullopt);
  EXPECT_EQ(ask(access, "ann", get("a")), ApiError::kPermissionDenied);
}

TEST(Access, ADeletedRoleIsTakenFromItsHolders) {
  Access access = granting({permission(PermissionType::kRead, "a")});
  EXPECT_EQ(access.apply(auth::RoleDelete{"r"}), std::nullopt);
  EXPECT_EQ(access.apply(auth::RoleAdd{"r"}), std::nullopt);
  EXPECT_EQ(access.apply(auth::RoleGrantPermission{"r", true, permission({}, "a")}), std::nullopt);
  EXPECT_EQ(ask(access, "ann", get("a")), ApiError::kPermissionDenied);
}

TEST(Access, TheLatestTypeOfAPermissionCounts) {
  Access access = granting({permission(PermissionType::kReadWrite, "a", "b")});
  const auth::Permission less = permission(PermissionType::kRead, "a", "b");
  EXPECT_EQ(access.apply(auth::RoleGrantPermission{"r", true, less}), std::nullopt);
  EXPECT_EQ(ask(access, "ann", put("a")), ApiError::kPermissionDenied);
  EXPECT_EQ(ask(access, "ann", get("a")), std::nullopt);
  EXPECT_EQ(access.apply(auth::RoleRevokePermission{"r", "a", "b"}), std::nullopt);
  EXPECT_EQ(ask(access, "ann", get("a")), ApiError::kPermissionDenied);
}

// ---- The judge ----------------------------------------------------------------------------------

CallRecord told(std::string user, apply::Response response) {
  CallRecord call;
  call.user = std::move(user);
  call.outcome = CallRecord::Outcome::kAnswered;
  call.response = std::move(response);
  return call;
}

TEST(AccessJudge, SeesAKeyThatItsReaderMayNotRead) {
  const Access access = granting({permission(PermissionType::kRead, "a")});
  const apply::KeyValue allowed{Bytes("a"), Bytes("1"), 2, 2, 1, 0};
  const apply::KeyValue denied{Bytes("b"), Bytes("1"), 3, 3, 1, 0};
  const apply::RangeResponse one{3, {allowed}, false, 1};
  const apply::RangeResponse two{3, {allowed, denied}, false, 2};
  EXPECT_FALSE(judge_access(told("ann", one), access));
  EXPECT_TRUE(judge_access(told("ann", two), access));
  EXPECT_FALSE(judge_access(told("root", two), access));
  EXPECT_TRUE(judge_access(told("", one), access));
  EXPECT_FALSE(judge_access(told("", two), Access())) << "while nobody is asked for";
  EXPECT_TRUE(judge_access(told("ann", apply::PutResponse{3, denied}), access));
  EXPECT_FALSE(judge_access(told("ann", apply::PutResponse{3, std::nullopt}), access));
  EXPECT_TRUE(judge_access(told("ann", apply::DeleteRangeResponse{3, 1, {denied}}), access));
  apply::TxnResponse inner{3, true, {}};
  inner.responses.push_back({two});
  apply::TxnResponse outer{3, true, {}};
  outer.responses.push_back({inner});
  const std::optional<Violation> violation = judge_access(told("ann", outer), access);
  ASSERT_TRUE(violation);
  EXPECT_EQ(violation->oracle, "access");
}

// One call of a user at index 6, after rights that index 5 has set.
class Case {
 public:
  Case(std::string user, Operation operation) {
    history_.access.emplace(5, granting({permission(PermissionType::kReadWrite, "a")}));
    call_.id = 1;
    call_.client = 2;
    call_.user = std::move(user);
    call_.operation = std::move(operation);
    call_.ended = VirtualTime(1ms);
  }
  Case& written_as(std::string user) {
    history_.log[6] = {1, apply::RequestId{1, 1}, 0, 1};
    history_.proposed[apply::RequestId{1, 1}] = 1;
    history_.callers[6] = {std::move(user), history_.access.at(5).revision(), false};
    return *this;
  }
  Case& served() {
    history_.read_at[1].push_back({1, 6});
    return *this;
  }
  Case& with(apply::AlarmType alarm) {
    history_.alarms[4].push_back({1, static_cast<std::int32_t>(alarm)});
    return *this;
  }
  std::optional<Violation> answered(apply::Response response, int revision) {
    call_.outcome = CallRecord::Outcome::kAnswered;
    call_.response = std::move(response);
    call_.header.revision = revision;
    call_.header.raft_term = 1;
    return judge();
  }
  std::optional<Violation> refused(ApiError error) {
    call_.outcome = CallRecord::Outcome::kRefused;
    call_.code = static_cast<std::uint32_t>(apply::grpc_code(error));
    call_.message = apply::text(error);
    return judge();
  }

 private:
  std::optional<Violation> judge() {
    history_.calls.emplace(1, call_);
    return judge_linearizability(history_).violation;
  }
  History history_;
  CallRecord call_;
};

void expect(const std::optional<Violation>& violation, std::string_view oracle,
            std::string_view words) {
  ASSERT_TRUE(violation) << words;
  EXPECT_EQ(violation->oracle, oracle) << violation->message;
  EXPECT_NE(violation->message.find(words), std::string::npos) << violation->message;
}

TEST(AccessJudge, WhatIsNotGrantedMustBeRefused) {
  const apply::PutResponse done{2, std::nullopt};
  EXPECT_FALSE(Case("ann", put("a")).written_as("ann").answered(done, 2));
  EXPECT_FALSE(Case("ann", put("b")).written_as("ann").refused(ApiError::kPermissionDenied));
  expect(Case("ann", put("b")).written_as("ann").answered(done, 2), "access",
         "answered what must be refused");
  expect(Case("ann", put("a")).written_as("ann").refused(ApiError::kPermissionDenied),
         "linearizability", "refused what must succeed");
  const apply::RangeResponse none{1, {}, false, 0};
  EXPECT_FALSE(Case("ann", get("a")).served().answered(none, 1));
  EXPECT_FALSE(Case("ann", get("b")).served().refused(ApiError::kPermissionDenied));
  expect(Case("ann", get("a", "c")).served().answered(none, 1), "access",
         "answered what must be refused");
}

TEST(AccessJudge, NoCommandGoesInAnothersName) {
  const apply::PutResponse done{2, std::nullopt};
  expect(Case("ann", put("a")).written_as("root").answered(done, 2), "access",
         "a command carries another caller than its client");
  expect(Case("", put("a")).written_as("ann").answered(done, 2), "access",
         "a command carries another caller than its client");
}

// It is asked again after it was perhaps served without hearing of it.
TEST(AccessJudge, AReadOfAStrangerStandsNowhere) {
  EXPECT_FALSE(Case("ann", get("a")).served().refused(ApiError::kInvalidAuthToken));
  EXPECT_FALSE(Case("ann", get("a")).served().refused(ApiError::kAuthOldRevision));
  expect(Case("root", get("a")).served().refused(ApiError::kPermissionDenied), "linearizability",
         "refused what must succeed");
}

TEST(AccessJudge, KnowsWhichRefusalComesFirst) {
  const Operation compact = apply::CompactionRequest{1, false};
  const Operation change = auth::Change(auth::RoleAdd{"s"});
  using apply::AlarmType;
  EXPECT_FALSE(Case("ann", compact)
                   .written_as("ann")
                   .with(AlarmType::kCorrupt)
                   .refused(ApiError::kPermissionDenied));
  EXPECT_FALSE(Case("root", compact)
                   .written_as("root")
                   .with(AlarmType::kCorrupt)
                   .refused(ApiError::kCorrupt));
  EXPECT_FALSE(Case("ann", put("b"))
                   .written_as("ann")
                   .with(AlarmType::kNoSpace)
                   .refused(ApiError::kNoSpace));
  EXPECT_FALSE(Case("root", change)
                   .written_as("root")
                   .with(AlarmType::kCorrupt)
                   .answered(apply::AuthResponse{1, {}}, 1));
}

// ---- Plans --------------------------------------------------------------------------------------

TEST(AccessPlan, SetsUpWhatItEnables) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Settings settings = *draw_settings(seed, "swarm");
    settings.users = true;
    Access access;
    for (const auth::Change& change : set_up_access(Draw(seed, 1), settings)) {
      // Ranges are drawn that end before they begin: nobody is granted those.
      const bool grants = std::holds_alternative<auth::RoleGrantPermission>(change);
      const Access::Refusal refused = access.apply(change);
      const bool backwards = grants && refused == ApiError::kInvalidAuthMgmt;
      EXPECT_TRUE(!refused || backwards) << "seed " << seed;
    }
    EXPECT_TRUE(access.enabled());
    EXPECT_EQ(ask(access, user_of(kRootClient), get("k", "l")), std::nullopt);
  }
}

TEST(AccessPlan, ChangesArePrintedAndParsedToTheSameValue) {
  std::vector<auth::Change> changes{auth::UserChangePassword{"a \"b\"\n", ""},
                                    auth::RoleRevokePermission{"r", "k", kOpen}};
  Settings settings;
  settings.clients = 3;
  for (std::uint64_t ordinal = 0; ordinal < 200; ++ordinal) {
    changes.push_back(change_access(Draw(7, 1), ordinal * 8, settings));
  }
  for (const auth::Change& change : changes) {
    const OperationEntry entry{1s, 1, 9, change};
    const Result<OperationEntry> parsed = parse_operation(print(entry));
    ASSERT_TRUE(parsed) << print(entry) << ": " << parsed.error().message;
    EXPECT_EQ(*parsed, entry) << print(entry);
  }
  EXPECT_FALSE(parse_operation("at 1s c1 #9 permit \"r\" x \"k\""));
  EXPECT_FALSE(parse_operation("at 1s c1 #9 grant-role \"u\""));
}

// What is drawn of users takes nothing from the draws of the others.
TEST(AccessPlan, LeavesTheOtherClientsAsTheyAre) {
  Settings settings = *draw_settings(5, "swarm");
  settings.clients = 4;
  settings.leases = 0;
  const auto of_others = [&](bool users) {
    settings.users = users;
    std::vector<OperationEntry> all = draw_operations(5, settings);
    std::erase_if(all, [](const OperationEntry& one) { return one.client == kRootClient; });
    return all;
  };
  EXPECT_EQ(of_others(true), of_others(false));
}

}  // namespace
}  // namespace detcd::sim
