#include <gtest/gtest.h>

#include "tests/apply/support.h"

namespace detcd::apply {
namespace {

RequestOp put(std::string key, std::string value) {
  return {PutRequest{.key = std::move(key), .value = std::move(value)}};
}
RequestOp get(std::string key, Revision revision = 0) {
  return {RangeRequest{.key = std::move(key), .revision = revision}};
}
Compare version_is(std::string key, std::int64_t version) {
  return {.target = static_cast<std::int32_t>(CompareTarget::kVersion),
          .key = std::move(key),
          .number = version};
}
ApiError refused(const Answer& answer) {
  const auto* const error = std::get_if<ApiError>(&answer);
  EXPECT_NE(error, nullptr);
  return error == nullptr ? ApiError::kStopped : *error;
}

TEST(Txn, RangeSeesThePutBeforeIt) {
  Driver store;
  const TxnResponse answer =
      store.txn({.success = {get("a"), put("a", "1"), put("b", "2"), get("a")}});
  ASSERT_EQ(answer.responses.size(), 4U);
  const auto& before = std::get<RangeResponse>(answer.responses[0].response);
  const auto& after = std::get<RangeResponse>(answer.responses[3].response);
  EXPECT_TRUE(before.kvs.empty());
  EXPECT_EQ(before.header_revision, 1);
  EXPECT_EQ(after.kvs.at(0).value.view(), "1");
  EXPECT_EQ(after.header_revision, 2);
  EXPECT_EQ(std::get<PutResponse>(answer.responses[2].response).header_revision, 2);
  EXPECT_EQ(answer.header_revision, 2);
  EXPECT_EQ(store.range({.key = "b"}).kvs.at(0).mod_revision, 2);
}

TEST(Txn, NestedComparesDontSeeTheOuterPuts) {
  Driver store;
  const TxnRequest inner{.compare = {version_is("a", 0)},
                         .success = {put("inner", "absent")},
                         .failure = {put("inner", "present")}};
  const TxnResponse answer = store.txn({.success = {put("a", "1"), {inner}}});
  const auto& nested = std::get<TxnResponse>(answer.responses.at(1).response);
  EXPECT_TRUE(nested.succeeded);
  EXPECT_EQ(nested.header_revision, 0);
  EXPECT_EQ(store.range({.key = "inner"}).kvs.at(0).value.view(), "absent");
}

TEST(Txn, WithoutAChangeKeepsTheRevision) {
  Driver store;
  store.put("a", "1");
  const TxnResponse answer =
      store.txn({.success = {{DeleteRangeRequest{.key = "none"}}, get("a")}});
  EXPECT_EQ(answer.header_revision, 2);
  EXPECT_EQ(store.applier().revision(), 2);
}

TEST(Txn, RangeAtTheRevisionBeingMadeIsInTheFuture) {
  Driver store;
  store.put("a", "1");
  EXPECT_EQ(refused(store.apply({.request = TxnRequest{.success = {put("b", "2"), get("b", 3)}}})),
            ApiError::kFutureRev);
  EXPECT_EQ(store.range({.key = "b"}).count, 0);
  EXPECT_EQ(store.applier().revision(), 2);
}

TEST(Txn, NegativeRevisionIsCompacted) {
  Driver store;
  store.put("a", "1");
  EXPECT_EQ(refused(store.apply({.request = TxnRequest{.success = {put("b", "2"), get("a", -2)}}})),
            ApiError::kCompacted);
  EXPECT_EQ(refused(store.read(TxnRequest{.success = {get("a", -2)}})), ApiError::kCompacted);
}

TEST(Txn, FailsAsAWholeOnUnknownLeaseAndMissingKey) {
  Driver store;
  const RequestOp leased{PutRequest{.key = "b", .lease = 5}};
  const RequestOp ignoring{PutRequest{.key = "c", .ignore_value = true}};
  EXPECT_EQ(refused(store.apply({.request = TxnRequest{.success = {put("a", "1"), leased}}})),
            ApiError::kLeaseNotFound);
  EXPECT_EQ(refused(store.apply({.request = TxnRequest{.success = {put("a", "1"), ignoring}}})),
            ApiError::kKeyNotFound);
  EXPECT_EQ(store.applier().revision(), 1);
  EXPECT_EQ(refused(store.apply({.request = PutRequest{.key = "b", .lease = 5}})),
            ApiError::kLeaseNotFound);
}

TEST(Txn, MissingKeyHasNoValueToCompare) {
  Driver store;
  const auto value = static_cast<std::int32_t>(CompareTarget::kValue);
  for (const CompareResult result : {CompareResult::kEqual, CompareResult::kNotEqual,
                                     CompareResult::kLess, CompareResult::kGreater}) {
    const Compare compare{.result = static_cast<std::int32_t>(result), .target = value, .key = "a"};
    EXPECT_FALSE(store.txn({.compare = {compare}}).succeeded);
  }
  EXPECT_TRUE(store.txn({.compare = {version_is("a", 0)}}).succeeded);
}

TEST(Txn, RangeCompareHoldsForEveryKey) {
  Driver store;
  store.put("a1", "x");
  store.put("a2", "x");
  Compare compare = version_is("a", 1);
  compare.range_end = "b";
  EXPECT_TRUE(store.txn({.compare = {compare}}).succeeded);
  store.put("a2", "y");
  EXPECT_FALSE(store.txn({.compare = {compare}}).succeeded);
}

}  // namespace
}  // namespace detcd::apply
