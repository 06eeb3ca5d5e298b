#include "apply/validate.h"

#include <gtest/gtest.h>

namespace detcd::apply {
namespace {

RequestOp put(std::string key) {
  return {PutRequest{.key = std::move(key)}};
}
RequestOp erase(std::string key, std::string end = "") {
  return {DeleteRangeRequest{.key = std::move(key), .range_end = std::move(end)}};
}
RequestOp range(bool serializable) {
  return {RangeRequest{.key = "a", .serializable = serializable}};
}
std::optional<ApiError> success(std::vector<RequestOp> ops) {
  return validate(TxnRequest{.success = std::move(ops)}, Limits{});
}
const std::string kFrom(1, '\0');

TEST(Validate, RangeNeedsAKeyAndKnownSortOptions) {
  EXPECT_EQ(validate(RangeRequest{}), ApiError::kEmptyKey);
  EXPECT_EQ(validate(RangeRequest{.key = "a", .sort_order = 3}), ApiError::kInvalidSortOption);
  EXPECT_EQ(validate(RangeRequest{.key = "a", .sort_target = 5}), ApiError::kInvalidSortOption);
  EXPECT_EQ(validate(RangeRequest{.key = "a", .sort_target = -1}), ApiError::kInvalidSortOption);
  EXPECT_EQ(validate(RangeRequest{.key = "a", .sort_order = 2, .sort_target = 4}), std::nullopt);
}

TEST(Validate, PutIsCheckedInEtcdsOrder) {
  PutRequest wrong{.value = "v", .lease = 1, .ignore_value = true, .ignore_lease = true};
  EXPECT_EQ(validate(wrong), ApiError::kEmptyKey);
  wrong.key = "a";
  EXPECT_EQ(validate(wrong), ApiError::kValueProvided);
  wrong.value.clear();
  EXPECT_EQ(validate(wrong), ApiError::kLeaseProvided);
  wrong.lease = 0;
  EXPECT_EQ(validate(wrong), std::nullopt);
}

TEST(Validate, TxnOpsAreCountedPerLevelAndDepthConsumes) {
  std::vector<RequestOp> ops;
  for (int i = 0; i < 128; ++i) ops.push_back(put("k" + std::to_string(i)));
  EXPECT_EQ(success(ops), std::nullopt);
  ops.push_back(put("one more"));
  EXPECT_EQ(success(ops), ApiError::kTooManyOps);
  const TxnRequest inner{.success = {put("a"), put("b")}};
  EXPECT_EQ(validate(TxnRequest{.success = {{inner}}}, {.txn_ops_max = 3}), std::nullopt);
  EXPECT_EQ(validate(TxnRequest{.success = {{inner}}}, {.txn_ops_max = 2}), ApiError::kTooManyOps);
}

TEST(Validate, TxnRefusesEmptyComparesAndEmptyOps) {
  EXPECT_EQ(validate(TxnRequest{.compare = {{}}}, Limits{}), ApiError::kEmptyKey);
  EXPECT_EQ(success({RequestOp{}}), ApiError::kKeyNotFound);
  EXPECT_EQ(success({put("")}), ApiError::kEmptyKey);
}

TEST(Validate, OneKeyIsWrittenOnce) {
  EXPECT_EQ(success({put("a"), put("a")}), ApiError::kDuplicateKey);
  EXPECT_EQ(success({put("b"), erase("a", "c")}), ApiError::kDuplicateKey);
  EXPECT_EQ(success({erase("a", "c"), put("b")}), ApiError::kDuplicateKey);
  EXPECT_EQ(success({erase("a", "c"), put("c")}), std::nullopt);
  EXPECT_EQ(success({erase("a", "c"), erase("b")}), std::nullopt);
  EXPECT_EQ(success({erase("c", "a"), put("b")}), std::nullopt);
  EXPECT_EQ(success({range(false), put("a")}), std::nullopt);
}

TEST(Validate, AdjacentDeletesCoverWhatTheyCoverAndNoMore) {
  const std::vector<RequestOp> deletes{erase("a", "c"), erase("e", "g"), erase("c", "d")};
  for (const auto& [key, clash] : {std::pair{"a", true},
                                   {"b", true},
                                   {"c", true},
                                   {"d", false},
                                   {"e", true},
                                   {"f", true},
                                   {"g", false}}) {
    std::vector<RequestOp> ops = deletes;
    ops.push_back(put(key));
    EXPECT_EQ(success(ops).has_value(), clash) << key;
  }
}

TEST(Validate, BranchesOfANestedTxnExcludeEachOther) {
  const TxnRequest either{.success = {put("a")}, .failure = {put("a")}};
  EXPECT_EQ(success({{either}}), std::nullopt);
  EXPECT_EQ(success({{either}, put("a")}), ApiError::kDuplicateKey);
  EXPECT_EQ(success({{either}, {either}}), ApiError::kDuplicateKey);
  EXPECT_EQ(success({erase("a"), {either}}), ApiError::kDuplicateKey);
  EXPECT_EQ(success({{TxnRequest{.failure = {erase("a")}}}, put("a")}), ApiError::kDuplicateKey);
}

TEST(Validate, PutInsideADeleteFromAKeyPassesUnlessItNeedsTheKey) {
  EXPECT_EQ(success({erase("a", kFrom), put("b")}), std::nullopt);
  const RequestOp needy{PutRequest{.key = "b", .ignore_value = true}};
  EXPECT_EQ(success({erase("a", kFrom), needy}), ApiError::kDuplicateKey);
  EXPECT_EQ(success({erase("c", kFrom), needy}), std::nullopt);
}

TEST(Validate, ReadOnlyTxnHasRangesInBothBranchesAndNothingNested) {
  EXPECT_TRUE(is_read_only({.success = {range(false)}, .failure = {range(true)}}));
  EXPECT_FALSE(is_read_only({.success = {range(false)}, .failure = {put("a")}}));
  EXPECT_FALSE(is_read_only({.success = {{TxnRequest{}}}}));
  EXPECT_TRUE(is_read_only({}));
  EXPECT_TRUE(is_serializable({}));
  EXPECT_TRUE(is_serializable({.success = {range(true)}, .failure = {range(true)}}));
  EXPECT_FALSE(is_serializable({.success = {range(true)}, .failure = {range(false)}}));
}

}  // namespace
}  // namespace detcd::apply
