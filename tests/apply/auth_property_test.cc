// Random users, roles and requests against a model that knows, key by key, who may what: nobody
// learns a byte of a value that isn't granted, nothing is written that isn't, and what is granted
// isn't refused.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "apply/applier.h"
#include "base/hash.h"

namespace detcd::apply {
namespace {

const std::vector<std::string> kKeys = {"a", "b", "ba", "c", "d", "e"};
const std::vector<std::string> kUsers = {"u", "v"};
const std::vector<std::string> kRoles = {"q", "r", "s"};
const std::string kFrom("\0", 1);

struct Keys {
  std::string key;
  std::string end;
  [[nodiscard]] bool hold(const std::string& one) const {
    if (end.empty()) return one == key;
    return one >= key && (end == kFrom || one < end);
  }
};

class Story {
 public:
  explicit Story(std::uint64_t seed) : dice_{seed} {
    change(auth::UserAdd{"root", "h"});
    change(auth::UserGrantRole{"root", "root"});
    for (const std::string& user : kUsers) change(auth::UserAdd{user, "h"});
    for (const std::string& role : kRoles) change(auth::RoleAdd{role});
    // A value tells the key that it belongs to.
    for (const std::string& key : kKeys) apply(PutRequest{.key = key, .value = "of " + key}, {});
    change(auth::Enable{});
  }

  void step() {
    switch (dice_.below(8)) {
      case 0:
      case 1:
        return change_something();
      case 2:
        return judge_write(PutRequest{.key = key(), .value = "of x", .prev_kv = coin()});
      case 3: {
        const Keys keys = some_keys();
        return judge_write(DeleteRangeRequest{keys.key, keys.end, coin()});
      }
      case 4:
      case 5:
        return judge_write(some_txn(0));
      default:
        return judge_read();
    }
  }

 private:
  using Request = decltype(Command::request);
  struct Needed {
    std::vector<Keys> reads;
    std::vector<Keys> writes;
  };

  bool coin() { return dice_.below(2) == 0; }
  const std::string& pick(const std::vector<std::string>& among) {
    return among[dice_.below(among.size())];
  }
  std::string key() { return pick(kKeys); }
  Keys some_keys() {
    const std::string from = key();
    switch (dice_.below(4)) {
      case 0:
        return {from, kFrom};
      case 1: {
        const std::string end = key();
        return from < end ? Keys{from, end} : Keys{from, ""};
      }
      default:
        return {from, ""};
    }
  }

  Answer apply(Request request, auth::Caller caller) {
    ++index_;
    applier_.begin({index_, 1, index_},
                   {.id = {9, index_}, .request = std::move(request), .caller = std::move(caller)});
    while (!std::holds_alternative<mvcc::Done>(applier_.advance({1 + dice_.below(50)}))) {
    }
    return applier_.take_answer();
  }
  void change(const auth::Change& change) { apply(change, {"root", applier_.auth().revision()}); }

  void change_something() {
    const Keys keys = some_keys();
    const std::string role = pick(kRoles);
    const std::string user = pick(kUsers);
    switch (dice_.below(5)) {
      case 0:
        change(auth::UserGrantRole{user, role});
        roles_of_[user].insert(role);
        break;
      case 1:
        change(auth::UserRevokeRole{user, role});
        roles_of_[user].erase(role);
        break;
      case 2:
        change(auth::RoleRevokePermission{role, keys.key, keys.end});
        grants_[role].erase({keys.key, keys.end});
        break;
      default: {
        const auto type = static_cast<std::int32_t>(dice_.below(3));
        change(auth::RoleGrantPermission{role, true, {type, keys.key, keys.end}});
        grants_[role][{keys.key, keys.end}] = type;
      }
    }
  }

  TxnRequest some_txn(int depth) {
    TxnRequest txn;
    if (coin()) {
      const Keys keys = some_keys();
      txn.compare.push_back({.target = 3, .key = keys.key, .range_end = keys.end, .value = "of a"});
    }
    for (std::vector<RequestOp>* branch : {&txn.success, &txn.failure}) {
      if (coin()) continue;
      const Keys keys = some_keys();
      const std::uint64_t kind = dice_.below(depth < 2 ? 4 : 3);
      if (kind == 0) branch->push_back({RangeRequest{.key = keys.key, .range_end = keys.end}});
      if (kind == 1) {
        branch->push_back({PutRequest{.key = keys.key, .value = "of x", .prev_kv = coin()}});
      }
      if (kind == 2) branch->push_back({DeleteRangeRequest{keys.key, keys.end, coin()}});
      if (kind == 3) branch->push_back({some_txn(depth + 1)});
    }
    return txn;
  }

  // ---- What a request needs, written down once more.
  static void need(const PutRequest& put, Needed& needed) {
    needed.writes.push_back({put.key, ""});
    if (put.prev_kv) needed.reads.push_back({put.key, ""});
  }
  static void need(const DeleteRangeRequest& erase, Needed& needed) {
    needed.writes.push_back({erase.key, erase.range_end});
    if (erase.prev_kv) needed.reads.push_back({erase.key, erase.range_end});
  }
  static void need(const RangeRequest& range, Needed& needed) {
    needed.reads.push_back({range.key, range.range_end});
  }
  static void need(const std::monostate&, Needed&) {}
  static void need(const TxnRequest& txn, Needed& needed) {
    for (const Compare& one : txn.compare) needed.reads.push_back({one.key, one.range_end});
    for (const RequestOp& op : txn.success) {
      std::visit([&](const auto& inner) { need(inner, needed); }, op.request);
    }
    for (const RequestOp& op : txn.failure) {
      std::visit([&](const auto& inner) { need(inner, needed); }, op.request);
    }
  }

  [[nodiscard]] bool may(const std::string& user, bool read, const std::string& one) const {
    const auto held = roles_of_.find(user);
    if (held == roles_of_.end()) return false;
    for (const std::string& role : held->second) {
      const auto granted = grants_.find(role);
      if (granted == grants_.end()) continue;
      for (const auto& [range, type] : granted->second) {
        const bool enough = type == 2 || type == (read ? 0 : 1);
        if (enough && Keys{range.first, range.second}.hold(one)) return true;
      }
    }
    return false;
  }
  // Of the keys there are; a range's gaps between them need grants as well, and so more is needed.
  [[nodiscard]] bool may_all(const std::string& user, const Needed& needed) const {
    for (const std::string& one : kKeys) {
      for (const Keys& keys : needed.reads) {
        if (keys.hold(one) && !may(user, true, one)) return false;
      }
      for (const Keys& keys : needed.writes) {
        if (keys.hold(one) && !may(user, false, one)) return false;
      }
    }
    return true;
  }
  static bool only_points(const Needed& needed) {
    for (const Keys& keys : needed.reads) {
      if (!keys.end.empty()) return false;
    }
    for (const Keys& keys : needed.writes) {
      if (!keys.end.empty()) return false;
    }
    return true;
  }

  // ---- What an answer tells.
  void judge(const std::string& user, const KeyValue& kv) const {
    EXPECT_TRUE(may(user, true, kv.key.str())) << user << " was told of " << kv.key.str();
  }
  void judge(const std::string& user, const RangeResponse& range) const {
    for (const KeyValue& kv : range.kvs) judge(user, kv);
  }
  void judge(const std::string& user, const PutResponse& put) const {
    if (put.prev_kv) judge(user, *put.prev_kv);
  }
  void judge(const std::string& user, const DeleteRangeResponse& erased) const {
    for (const KeyValue& kv : erased.prev_kvs) judge(user, kv);
  }
  void judge(const std::string& user, const TxnResponse& txn) const {
    for (const ResponseOp& op : txn.responses) {
      std::visit([&](const auto& inner) { judge(user, inner); }, op.response);
    }
  }
  // Of what tells no keys.
  template <class Other>
  void judge(const std::string&, const Other&) const {}

  void judge_answer(const std::string& user, const Answer& answer, const Needed& needed) {
    const bool refused = answer == Answer(ApiError::kPermissionDenied);
    if (!may_all(user, needed)) EXPECT_TRUE(refused) << user << " may not";
    if (may_all(user, needed) && only_points(needed)) EXPECT_FALSE(refused) << user << " may";
    if (const auto* const response = std::get_if<Response>(&answer)) {
      std::visit([&](const auto& one) { judge(user, one); }, *response);
    }
  }

  template <class One>
  void judge_write(One request) {
    const std::string user = pick(kUsers);
    Needed needed;
    need(request, needed);
    const Revision before = applier_.revision();
    const Answer answer = apply(std::move(request), {user, applier_.auth().revision()});
    judge_answer(user, answer, needed);
    if (std::holds_alternative<ApiError>(answer)) EXPECT_EQ(applier_.revision(), before);
  }

  void judge_read() {
    const std::string user = pick(kUsers);
    const auth::Caller caller{user, applier_.auth().revision()};
    Needed needed;
    std::unique_ptr<RangeWork> work;
    if (coin()) {
      const Keys keys = some_keys();
      RangeRequest request{.key = keys.key, .range_end = keys.end};
      need(request, needed);
      work = applier_.range(request, caller);
    } else {
      TxnRequest txn;
      const Keys compared = some_keys();
      const Keys read = some_keys();
      txn.compare.push_back({.key = compared.key, .range_end = compared.end, .number = 1});
      (coin() ? txn.success : txn.failure)
          .push_back({RangeRequest{.key = read.key, .range_end = read.end}});
      need(txn, needed);
      work = applier_.read_txn(txn, caller);
    }
    while (!std::holds_alternative<mvcc::Done>(work->advance({1 + dice_.below(50)}))) {
    }
    judge_answer(user, work->take(), needed);
  }

  struct Dice {
    std::uint64_t state;
    std::uint64_t below(std::uint64_t bound) {
      state = mix64(state, 1);
      return state % bound;
    }
  };
  Dice dice_;
  Applier applier_{1};
  std::uint64_t index_ = 0;
  std::map<std::string, std::set<std::string>> roles_of_;
  std::map<std::string, std::map<std::pair<std::string, std::string>, std::int32_t>> grants_;
};

TEST(AuthProperty, NoByteLeavesThatIsNotGranted) {
  const char* const asked = std::getenv("DETCD_TEST_SEED");
  const std::uint64_t first = asked == nullptr ? 1 : std::strtoull(asked, nullptr, 10);
  const std::uint64_t last = asked == nullptr ? 200 : first;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    Story story(seed);
    for (int i = 0; i < 150 && !HasFailure(); ++i) story.step();
    ASSERT_FALSE(HasFailure()) << "replay: DETCD_TEST_SEED=" << seed
                               << " test_apply --gtest_filter=AuthProperty.*";
  }
}

}  // namespace
}  // namespace detcd::apply
