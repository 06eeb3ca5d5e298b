// Alarms as replicated state: what they refuse, how they come and go, and that images keep them.

#include <gtest/gtest.h>

#include "apply/alarms.h"
#include "tests/apply/support.h"

namespace detcd::apply {
namespace {

constexpr std::int32_t kNoSpace = static_cast<std::int32_t>(AlarmType::kNoSpace);
constexpr std::int32_t kCorrupt = static_cast<std::int32_t>(AlarmType::kCorrupt);

AlarmRequest activate(std::uint64_t member, std::int32_t alarm, std::uint64_t quota = 0) {
  return {.action = 1, .member_id = member, .alarm = alarm, .quota_bytes = quota};
}
AlarmRequest deactivate(std::uint64_t member, std::int32_t alarm, std::uint64_t quota = 0) {
  return {.action = 2, .member_id = member, .alarm = alarm, .quota_bytes = quota};
}

std::vector<AlarmMember> ask(Driver& driver, const AlarmRequest& request) {
  return Driver::expect<AlarmResponse>(driver.apply({.request = request})).alarms;
}

std::optional<ApiError> refusal(Driver& driver, Command command) {
  const Answer answer = driver.apply(std::move(command));
  const auto* const error = std::get_if<ApiError>(&answer);
  return error == nullptr ? std::nullopt : std::optional<ApiError>(*error);
}

Command put(std::string key, std::string value) {
  return {.request = PutRequest{.key = std::move(key), .value = std::move(value)}};
}
Command erase(std::string key) {
  return {.request = DeleteRangeRequest{.key = std::move(key)}};
}
TxnRequest txn_of(RequestOp success, RequestOp failure) {
  TxnRequest txn;
  txn.success.push_back(std::move(success));
  txn.failure.push_back(std::move(failure));
  return txn;
}

TEST(Alarms, AreListedByTypeInTheOrderOfMembers) {
  Driver driver;
  EXPECT_EQ(ask(driver, activate(9, kNoSpace)), (std::vector<AlarmMember>{{9, kNoSpace}}));
  ask(driver, activate(4, kCorrupt));
  ask(driver, activate(4, kNoSpace));
  const std::vector<AlarmMember> all = {{4, kNoSpace}, {4, kCorrupt}, {9, kNoSpace}};
  EXPECT_EQ(ask(driver, {}), all);
  EXPECT_EQ(ask(driver, {.alarm = kCorrupt}), (std::vector<AlarmMember>{{4, kCorrupt}}));
  EXPECT_EQ(driver.applier().alarms().list(AlarmType::kNone), all);
}

TEST(Alarms, AnswerAsEtcdWhatChangesNothing) {
  Driver driver;
  EXPECT_TRUE(ask(driver, deactivate(9, kNoSpace)).empty());
  EXPECT_TRUE(ask(driver, activate(9, 0)).empty()) << "NONE is no alarm";
  ask(driver, activate(9, kNoSpace));
  EXPECT_EQ(ask(driver, activate(9, kNoSpace)), (std::vector<AlarmMember>{{9, kNoSpace}}));
  EXPECT_TRUE(ask(driver, {.action = 77, .member_id = 9, .alarm = kNoSpace}).empty());
  EXPECT_EQ(ask(driver, deactivate(9, kNoSpace)), (std::vector<AlarmMember>{{9, kNoSpace}}));
  EXPECT_TRUE(driver.applier().alarms().empty());
}

TEST(Alarms, AreBoundedInNumber) {
  Driver driver;
  for (std::uint64_t member = 1; member <= Alarms::kActiveMax; ++member) {
    ask(driver, activate(member, kCorrupt));
  }
  EXPECT_EQ(refusal(driver, {.request = activate(1, kNoSpace)}), ApiError::kTooManyRequests);
  EXPECT_EQ(ask(driver, activate(1, kCorrupt)).size(), 1U) << "it is active already";
}

TEST(Alarms, NoSpaceRefusesWhatGrowsAndNothingElse) {
  Driver driver;
  driver.put("a", "1");
  driver.put("b", "1");
  ask(driver, activate(9, kNoSpace));
  const Revision before = driver.applier().revision();
  EXPECT_EQ(refusal(driver, put("a", "2")), ApiError::kNoSpace);
  const PutRequest inner{.key = "a", .value = "2"};
  const DeleteRangeRequest gone{.key = "b"};
  EXPECT_EQ(refusal(driver, {.request = txn_of({inner}, {gone})}), ApiError::kNoSpace);
  EXPECT_EQ(refusal(driver, {.request = txn_of({gone}, {txn_of({gone}, {inner})})}),
            ApiError::kNoSpace);
  EXPECT_EQ(driver.applier().revision(), before);
  EXPECT_EQ(refusal(driver, {.request = txn_of({gone}, {gone})}), std::nullopt);
  EXPECT_EQ(refusal(driver, erase("a")), std::nullopt);
  EXPECT_EQ(refusal(driver, {.request = CompactionRequest{.revision = 3}}), std::nullopt);
  EXPECT_EQ(refusal(driver, {.request = SetClusterVersion{"3.7.0"}}), std::nullopt);
  ask(driver, deactivate(9, kNoSpace));
  EXPECT_EQ(refusal(driver, put("a", "2")), std::nullopt);
}

TEST(Alarms, CorruptRefusesEveryRequestForKeysThatIsAnEntry) {
  Driver driver;
  driver.put("a", "1");
  ask(driver, activate(9, kNoSpace));
  ask(driver, activate(9, kCorrupt));
  EXPECT_EQ(refusal(driver, put("a", "2")), ApiError::kCorrupt);
  EXPECT_EQ(refusal(driver, erase("a")), ApiError::kCorrupt);
  EXPECT_EQ(refusal(driver, {.request = TxnRequest{}}), ApiError::kCorrupt);
  EXPECT_EQ(refusal(driver, {.request = CompactionRequest{.revision = 2}}), ApiError::kCorrupt);
  EXPECT_EQ(refusal(driver, {.request = SetClusterVersion{"3.7.0"}}), std::nullopt);
  EXPECT_EQ(driver.range({.key = "a"}).count, 1) << "reads that are no entries go on";
}

TEST(Alarms, AMembersOwnIsClearedBelowNineTenthsOfItsQuota) {
  Driver driver;
  for (int i = 0; i < 10; ++i) driver.put("key", std::string(100, 'v'));
  const std::uint64_t full = driver.applier().sizes().size;
  ask(driver, activate(9, kNoSpace, full));
  const Alarms& alarms = driver.applier().alarms();
  EXPECT_FALSE(alarms.to_clear(full));
  EXPECT_FALSE(alarms.to_clear(full - full / 10));
  const std::optional<AlarmRequest> clear = alarms.to_clear(full - full / 10 - 1);
  ASSERT_TRUE(clear);
  EXPECT_EQ(*clear, deactivate(9, kNoSpace, full));
  // The entry comes when the store has filled up again: it changes nothing.
  EXPECT_TRUE(ask(driver, *clear).empty());
  EXPECT_EQ(alarms.cleared(), 0U);
  driver.compact(driver.applier().revision());
  EXPECT_EQ(ask(driver, *clear).size(), 1U);
  EXPECT_EQ(alarms.cleared(), 1U);
  EXPECT_TRUE(alarms.empty());
}

TEST(Alarms, OneThatAClientRaisedIsNeverClearedByItself) {
  Driver driver;
  ask(driver, activate(9, kNoSpace));
  EXPECT_FALSE(driver.applier().alarms().to_clear(0));
  ask(driver, activate(8, kNoSpace, 1000));
  ASSERT_TRUE(driver.applier().alarms().to_clear(0));
  const AlarmRequest clear = *driver.applier().alarms().to_clear(0);
  ask(driver, activate(8, kNoSpace));
  EXPECT_FALSE(driver.applier().alarms().to_clear(0)) << "the client's word comes after";
  EXPECT_TRUE(ask(driver, clear).empty());
  ask(driver, activate(8, kNoSpace, 1000));
  EXPECT_FALSE(driver.applier().alarms().to_clear(0)) << "a quota takes nothing from a client";
}

TEST(Alarms, CostsAreEtcds) {
  EXPECT_EQ(quota_cost(put("abc", "de")), 256U + 5U);
  EXPECT_EQ(quota_cost(erase("abc")), 0U);
  TxnRequest txn;
  txn.success = {{PutRequest{.key = "a"}}, {PutRequest{.key = "b"}}, {DeleteRangeRequest{}}};
  txn.failure = {{PutRequest{.key = "a", .value = "1"}}};
  EXPECT_EQ(quota_cost({.request = txn}), 2U * 257U);
  TxnRequest outer;
  outer.failure = {{txn}, {PutRequest{.key = "c"}}};
  EXPECT_EQ(quota_cost({.request = outer}), 3U * 257U);
}

TEST(Alarms, AreInImagesAndInTheStateHash) {
  Driver driver;
  for (int i = 0; i < 5; ++i) driver.put("k", std::to_string(i));
  driver.compact(3);
  const std::uint64_t quiet = driver.applier().state_hash();
  Driver other;
  for (int i = 0; i < 5; ++i) other.put("k", std::to_string(i));
  other.compact(3);
  ASSERT_EQ(other.applier().state_hash(), quiet);
  ask(driver, activate(9, kNoSpace, 4096));
  other.apply({.request = SetClusterVersion{""}});
  EXPECT_NE(driver.applier().state_hash(), other.applier().state_hash());
  const Image image = driver.applier().capture();
  Result<std::unique_ptr<Applier>> restored = Applier::restore(Driver::kCluster, image);
  ASSERT_TRUE(restored.ok());
  EXPECT_EQ((*restored)->state_hash(), driver.applier().state_hash());
  EXPECT_EQ((*restored)->alarms().to_clear(0), driver.applier().alarms().to_clear(0));
  Driver after(*std::move(restored));
  EXPECT_EQ(refusal(after, put("a", "1")), ApiError::kNoSpace);
}

TEST(Alarms, InACutOrStrangeImageAreRefused) {
  Driver driver;
  for (int i = 0; i < 5; ++i) driver.put("k", std::to_string(i));
  driver.compact(3);
  ask(driver, activate(9, kNoSpace, 4096));
  const Image image = driver.applier().capture();
  for (std::size_t length = 0; length < image.small_state.size(); ++length) {
    Image cut = image;
    cut.small_state.resize(length);
    const auto restored = Applier::restore(Driver::kCluster, cut);
    ASSERT_FALSE(restored.ok()) << length;
    EXPECT_EQ(restored.error().code, Errc::kDamaged) << length;
  }
  // Its last section is the one of the alarms: tag, length, number, member, type, quota.
  Image later = image;
  later.small_state[later.small_state.size() - 23] = 99;
  const auto restored = Applier::restore(Driver::kCluster, later);
  ASSERT_FALSE(restored.ok());
  EXPECT_EQ(restored.error().code, Errc::kIncompatible) << restored.error().message;
}

}  // namespace
}  // namespace detcd::apply
