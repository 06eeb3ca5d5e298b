// What each request touches, field by field, against what roles of every kind grant of ranges of
// every shape: the whole table, judged by rules that are written down here once more.
#include "apply/gate.h"

#include <gtest/gtest.h>

#include <functional>

#include "apply/applier.h"

namespace detcd::apply {
namespace {

using auth::Caller;
using std::string_literals::operator""s;

const std::string kFrom = "\0"s;  // As an end: everything from the key on.

auth::Store with_roles() {
  auth::Store store;
  const auto allow = [&](const auth::Change& change) {
    EXPECT_TRUE(std::holds_alternative<auth::Answer>(store.apply(change, 1)));
  };
  allow(auth::UserAdd{"root", "h"});
  allow(auth::UserGrantRole{"root", "root"});
  std::int32_t type = 0;
  for (const char* name : {"reader", "writer", "both"}) {
    allow(auth::RoleAdd{name});
    allow(auth::RoleGrantPermission{name, true, {type++, "b", "d"}});
    allow(auth::UserAdd{name, "h"});
    allow(auth::UserGrantRole{name, name});
  }
  allow(auth::UserAdd{"nobody", "h"});
  allow(auth::Enable{});
  return store;
}

struct Range {
  std::string key;
  std::string end;
  bool granted = false;  // Within [b, d).
};
const std::vector<Range> kRanges = {
    {"a", "", false},    {"b", "", true},       {"c", "", true},     {"c\xff", "", true},
    {"d", "", false},    {"b", "d", true},      {"b", "c", true},    {"bb", "cc", true},
    {"a", "c", false},   {"c", "e", false},     {"a", "e", false},   {"b", "d\0"s, false},
    {"b", kFrom, false}, {kFrom, kFrom, false}, {"c", kFrom, false}, {"d", kFrom, false},
};

// A request about a range, and what it needs of it.
struct Row {
  std::string name;
  std::function<std::variant<Command, RangeRequest, TxnRequest>(const Range&)> make;
  bool reads = false;
  bool writes = false;
  bool one_key = false;  // Its end is not used.
};

Command command(decltype(Command::request) request) {
  return {.id = {1, 1}, .request = std::move(request)};
}
TxnRequest one(RequestOp op, bool success = true) {
  TxnRequest txn;
  (success ? txn.success : txn.failure).push_back(std::move(op));
  return txn;
}
TxnRequest compares(Compare compare) {
  TxnRequest txn;
  txn.compare.push_back(std::move(compare));
  return txn;
}

PutRequest put(const Range& range, bool prev_kv = false) {
  return {.key = range.key, .value = "v", .prev_kv = prev_kv};
}
DeleteRangeRequest erase(const Range& range, bool prev_kv = false) {
  return {range.key, range.end, prev_kv};
}
RangeRequest get(const Range& range) {
  return {.key = range.key, .range_end = range.end};
}

std::vector<Row> rows() {
  std::vector<Row> table = {
      {"Range", [](const Range& r) { return get(r); }, true, false},
      {"Put", [](const Range& r) { return command(put(r)); }, false, true, true},
      {"Put prev_kv", [](const Range& r) { return command(put(r, true)); }, true, true, true},
      {"DeleteRange", [](const Range& r) { return command(erase(r)); }, false, true},
      {"DeleteRange prev_kv", [](const Range& r) { return command(erase(r, true)); }, true, true},
  };
  for (const RangeRequest& variant :
       {RangeRequest{.serializable = true}, RangeRequest{.keys_only = true},
        RangeRequest{.count_only = true}, RangeRequest{.limit = 1}, RangeRequest{.revision = 1}}) {
    table.push_back({"Range of one kind",
                     [variant](const Range& r) {
                       RangeRequest request = variant;
                       request.key = r.key;
                       request.range_end = r.end;
                       return request;
                     },
                     true, false});
  }
  for (std::int32_t target = 0; target < 5; ++target) {
    table.push_back({"Txn compare of target " + std::to_string(target),
                     [target](const Range& r) {
                       return command(
                           compares({.target = target, .key = r.key, .range_end = r.end}));
                     },
                     true, false});
  }
  // Each operation in either branch, and in a Txn within it.
  const std::vector<Row> operations = {
      {"range", [](const Range& r) { return one({get(r)}); }, true, false},
      {"put", [](const Range& r) { return one({put(r)}); }, false, true, true},
      {"put prev_kv", [](const Range& r) { return one({put(r, true)}); }, true, true, true},
      {"delete", [](const Range& r) { return one({erase(r)}); }, false, true},
      {"delete prev_kv", [](const Range& r) { return one({erase(r, true)}); }, true, true},
      {"compare", [](const Range& r) { return compares({.key = r.key, .range_end = r.end}); }, true,
       false},
  };
  for (const Row& inner : operations) {
    for (const int depth : {0, 1, 3}) {
      for (const bool success : {true, false}) {
        Row row = inner;
        row.name = "Txn with " + inner.name + ", nested " + std::to_string(depth);
        row.make = [make = inner.make, depth, success](const Range& r) {
          TxnRequest txn = std::get<TxnRequest>(make(r));
          if (!success) std::swap(txn.success, txn.failure);
          for (int i = 0; i < depth; ++i) txn = one({std::move(txn)}, success);
          return command(std::move(txn));
        };
        table.push_back(row);
        if (inner.writes) continue;
        row.name += ", read only";
        row.make = [make = row.make](const Range& r) {
          return std::get<TxnRequest>(std::get<Command>(make(r)).request);
        };
        table.push_back(row);
      }
    }
  }
  return table;
}

std::optional<ApiError> ask(const auth::Store& store, const Caller& caller, const Row& row,
                            const Range& range) {
  std::variant<Command, RangeRequest, TxnRequest> made = row.make(range);
  if (auto* const to_apply = std::get_if<Command>(&made)) {
    to_apply->caller = caller;
    return refuse(store, {}, *to_apply);
  }
  if (const auto* const read = std::get_if<RangeRequest>(&made))
    return refuse(store, caller, *read);
  return refuse(store, caller, std::get<TxnRequest>(made));
}

TEST(Gate, LetsThroughExactlyWhatTheRolesGrantOfEveryRequest) {
  const auth::Store store = with_roles();
  int asked = 0;
  for (const Row& row : rows()) {
    for (const Range& range : kRanges) {
      if (row.one_key && !range.end.empty()) continue;
      for (const char* user : {"root", "reader", "writer", "both", "nobody", "unknown"}) {
        const std::string name = user;
        const bool may_read = name == "reader" || name == "both";
        const bool may_write = name == "writer" || name == "both";
        const bool granted = name == "root" || (range.granted && (may_read || !row.reads) &&
                                                (may_write || !row.writes));
        const auto refused = ask(store, {name, store.revision()}, row, range);
        const auto expected = granted ? std::nullopt : std::optional(ApiError::kPermissionDenied);
        EXPECT_EQ(refused, expected)
            << row.name << " by " << name << " of " << range.key << " .. " << range.end;
        ++asked;
      }
      EXPECT_EQ(ask(store, {}, row, range), ApiError::kUserEmpty) << row.name;
      EXPECT_EQ(ask(store, {"both", store.revision() - 1}, row, range), ApiError::kAuthOldRevision)
          << row.name;
    }
  }
  EXPECT_GT(asked, 3000);
}

TEST(Gate, LetsEverythingThroughWhileNobodyIsAskedFor) {
  for (const Row& row : rows()) {
    for (const Range& range : kRanges) EXPECT_EQ(ask({}, {}, row, range), std::nullopt);
  }
}

TEST(Gate, WhatTouchesNothingStillNeedsAUser) {
  const auth::Store store = with_roles();
  EXPECT_EQ(refuse(store, Caller{}, TxnRequest{}), ApiError::kUserEmpty);
  EXPECT_EQ(refuse(store, Caller{"nobody", store.revision()}, TxnRequest{}), std::nullopt);
}

TEST(Gate, CompactionAndChangesOfUsersAreRoots) {
  const auth::Store store = with_roles();
  const auto refused = [&](decltype(Command::request) request, const Caller& caller) {
    Command asked = command(std::move(request));
    asked.caller = caller;
    return refuse(store, {}, asked);
  };
  const std::vector<auth::Change> changes = {auth::Enable{},
                                             auth::Disable{},
                                             auth::UserAdd{},
                                             auth::UserDelete{},
                                             auth::UserGrantRole{},
                                             auth::UserChangePassword{},
                                             auth::UserRevokeRole{},
                                             auth::RoleAdd{},
                                             auth::RoleDelete{},
                                             auth::RoleGrantPermission{},
                                             auth::RoleRevokePermission{}};
  EXPECT_EQ(changes.size() + 1, std::variant_size_v<auth::Change>) << "all but Authenticate";
  const Caller both{"both", store.revision()};
  const Caller root{"root", store.revision()};
  for (const auth::Change& change : changes) {
    EXPECT_EQ(refused(change, {}), ApiError::kUserEmpty);
    EXPECT_EQ(refused(change, both), ApiError::kPermissionDenied);
    EXPECT_EQ(refused(change, root), std::nullopt);
  }
  EXPECT_EQ(refused(auth::Authenticate{}, {}), std::nullopt);
  EXPECT_EQ(refused(CompactionRequest{1}, both), ApiError::kPermissionDenied);
  EXPECT_EQ(refused(CompactionRequest{1}, root), std::nullopt);
  EXPECT_EQ(refused(CompactionRequest{1}, {.own = true}), std::nullopt) << "the member's own";
  EXPECT_EQ(refused(MemberChange{}, both), ApiError::kPermissionDenied);
  EXPECT_EQ(refused(MemberChange{}, root), std::nullopt);
}

// ---- The gate where it stands -------------------------------------------------------------------

class GatedApplier : public ::testing::Test {
 protected:
  Answer apply(decltype(Command::request) request, const std::string& user) {
    Command asked{.id = {9, ++index_}, .request = std::move(request)};
    if (!user.empty()) asked.caller = {user, applier_.auth().revision()};
    applier_.begin({index_, 1, index_}, std::move(asked));
    while (!std::holds_alternative<mvcc::Done>(applier_.advance({10'000}))) {
    }
    return applier_.take_answer();
  }
  Answer read(const RangeRequest& request, const std::string& user) {
    Caller caller;
    if (!user.empty()) caller = {user, applier_.auth().revision()};
    const std::unique_ptr<RangeWork> work = applier_.range(request, caller);
    while (!std::holds_alternative<mvcc::Done>(work->advance({10'000}))) {
    }
    return work->take();
  }
  void set_up() {
    apply(PutRequest{.key = "a", .value = "1"}, "");
    apply(auth::UserAdd{"root", "h"}, "");
    apply(auth::UserGrantRole{"root", "root"}, "");
    apply(auth::UserAdd{"u", "h"}, "");
    apply(auth::RoleAdd{"r"}, "");
    apply(auth::RoleGrantPermission{"r", true, {2, "k", "l"}}, "");
    apply(auth::UserGrantRole{"u", "r"}, "");
    apply(auth::Enable{}, "");
  }
  Applier applier_{1};
  std::uint64_t index_ = 0;
};

TEST_F(GatedApplier, WhatIsRefusedHasNoEffectAndNoRevision) {
  set_up();
  const Revision before = applier_.revision();
  EXPECT_EQ(apply(PutRequest{.key = "a", .value = "2"}, "u"), Answer(ApiError::kPermissionDenied));
  EXPECT_EQ(apply(PutRequest{.key = "a", .value = "2"}, ""), Answer(ApiError::kUserEmpty));
  EXPECT_EQ(applier_.revision(), before);
  EXPECT_TRUE(std::holds_alternative<Response>(apply(PutRequest{.key = "k1", .value = "2"}, "u")));
  EXPECT_EQ(applier_.revision(), before + 1);
  EXPECT_EQ(read({.key = "a"}, "u"), Answer(ApiError::kPermissionDenied));
  EXPECT_EQ(std::get<RangeResponse>(std::get<Response>(read({.key = "k1"}, "u"))).count, 1);
}

TEST_F(GatedApplier, AnOldRevisionIsRefusedUntilTheCallerIsResolvedAgain) {
  set_up();
  Command asked{.id = {9, 1000}, .request = PutRequest{.key = "k", .value = "v"}};
  asked.caller = {"u", applier_.auth().revision()};
  apply(auth::RoleAdd{"other"}, "root");
  ++index_;
  applier_.begin({index_, 1, index_}, asked);
  applier_.advance({10'000});
  EXPECT_EQ(applier_.take_answer(), Answer(ApiError::kAuthOldRevision));
}

TEST_F(GatedApplier, UsersAndRolesAreInTheImageAndInTheHash) {
  set_up();
  const Image image = applier_.capture();
  const Result<std::unique_ptr<Applier>> restored = Applier::restore(1, image);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ((*restored)->state_hash(), applier_.state_hash());
  EXPECT_TRUE((*restored)->auth().enabled());
  EXPECT_EQ((*restored)->capture().small_state, image.small_state);
  const std::uint64_t hash = applier_.auth().hash();
  apply(auth::UserChangePassword{"u", "other"}, "root");
  EXPECT_NE(applier_.auth().hash(), hash);
}

TEST_F(GatedApplier, WhoMayNotCompactOrGrantIsToldSoAlsoWhileAnAlarmIsRaised) {
  set_up();
  const Answer nobody(ApiError::kUserEmpty);
  for (const AlarmType alarm : {AlarmType::kCorrupt, AlarmType::kNoSpace}) {
    AlarmRequest request{.action = static_cast<std::int32_t>(AlarmAction::kActivate),
                         .member_id = 1,
                         .alarm = static_cast<std::int32_t>(alarm)};
    apply(request, "root");
    EXPECT_EQ(apply(CompactionRequest{1}, ""), nobody);
    EXPECT_EQ(apply(CompactionRequest{1}, "u"), Answer(ApiError::kPermissionDenied));
    EXPECT_EQ(apply(LeaseGrantRequest{7, 100}, ""), nobody);
    EXPECT_EQ(apply(LeaseRevokeRequest{7}, ""), nobody);
    EXPECT_EQ(
        apply(DeleteRangeRequest{.key = "a"}, "u"),
        Answer(alarm == AlarmType::kCorrupt ? ApiError::kCorrupt : ApiError::kPermissionDenied));
    request.action = static_cast<std::int32_t>(AlarmAction::kDeactivate);
    apply(request, "root");
  }
}

TEST_F(GatedApplier, ALeaseIsOfWhoMayWriteAllItsKeys) {
  set_up();
  const auto ok = [](const Answer& answer) { return std::holds_alternative<Response>(answer); };
  EXPECT_EQ(apply(LeaseGrantRequest{7, 100}, ""), Answer(ApiError::kUserEmpty));
  EXPECT_TRUE(ok(apply(LeaseGrantRequest{7, 100}, "u")));
  EXPECT_TRUE(ok(apply(PutRequest{.key = "k", .lease = 7}, "u")));
  EXPECT_TRUE(ok(apply(PutRequest{.key = "a", .lease = 7}, "root")));
  const Answer denied(ApiError::kPermissionDenied);
  EXPECT_EQ(apply(PutRequest{.key = "k2", .lease = 7}, "u"), denied);
  EXPECT_EQ(apply(one({PutRequest{.key = "k2", .lease = 7}}, false), "u"), denied);
  EXPECT_EQ(apply(LeaseRevokeRequest{7}, "u"), denied);
  EXPECT_TRUE(ok(apply(PutRequest{.key = "a"}, "root"))) << "the key leaves the lease";
  EXPECT_TRUE(ok(apply(PutRequest{.key = "k2", .lease = 7}, "u")));
  EXPECT_TRUE(ok(apply(LeaseRevokeRequest{7}, "u")));
}

TEST_F(GatedApplier, ATokenHoldsTheIndexOfItsEntry) {
  set_up();
  const Answer answer = apply(auth::Authenticate{"u", "abc", applier_.auth().revision()}, "");
  EXPECT_EQ(std::get<AuthResponse>(std::get<Response>(answer)).answer.token,
            "abc." + std::to_string(index_));
}

}  // namespace
}  // namespace detcd::apply
