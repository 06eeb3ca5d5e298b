#include "server/proposals.h"

#include <gtest/gtest.h>

#include "wire/command_codec.h"
#include "wire/kv_codec.h"

namespace detcd::server {
namespace {

constexpr TimePoint kStart{100s};

apply::Command put(std::string value) {
  return {{}, apply::PutRequest{"k", std::move(value)}};
}

NodeOptions options() {
  NodeOptions options;
  options.member_id = 7;
  options.limits.request_bytes_max = 1000;
  options.pending_bytes_max = 3000;
  return options;
}

TEST(Proposals, EachCommandGetsAnIdOfThisMemberAndIncarnation) {
  const NodeOptions settings = options();
  Proposals proposals(settings, 5);
  ASSERT_FALSE(proposals.propose(put("a"), ReturnAddress{CallId(1)}, kStart));
  ASSERT_FALSE(proposals.propose(put("b"), ReturnAddress{CallId(2)}, kStart));
  const std::vector<Bytes> batch = proposals.take_batch();
  ASSERT_EQ(batch.size(), 2U);
  const Result<apply::Command> first = wire::decode_command(batch[0]);
  const Result<apply::Command> second = wire::decode_command(batch[1]);
  EXPECT_EQ(first->id, (apply::RequestId{7, (5ULL << 40) + 1}));
  EXPECT_EQ(second->id, (apply::RequestId{7, (5ULL << 40) + 2}));
  EXPECT_EQ(proposals.complete(second->id)->origin->call, CallId(2));
  EXPECT_FALSE(proposals.complete(second->id)) << "an answer is given once";
}

TEST(Proposals, ABatchMayBeTakenInParts) {
  const NodeOptions settings = options();
  Proposals proposals(settings, 5);
  for (const char* value : {"a", "b", "c"}) {
    ASSERT_FALSE(proposals.propose(put(value), ReturnAddress{CallId(1)}, kStart));
  }
  const std::vector<Bytes> first = proposals.take_batch(1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(wire::decode_command(first[0])->id.ordinal, (5ULL << 40) + 1);
  EXPECT_TRUE(proposals.has_batch());
  proposals.give_back(first);
  static_cast<void>(proposals.take_batch(2));
  const std::vector<Bytes> rest = proposals.take_batch();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(wire::decode_command(rest[0])->id.ordinal, (5ULL << 40) + 3);
  EXPECT_FALSE(proposals.has_batch());
}

TEST(Proposals, TakesWhateverHasTheSizeOfARequestInEtcdsEncoding) {
  const NodeOptions settings = options();
  Proposals proposals(settings, 1);
  EXPECT_FALSE(proposals.propose(put(std::string(982, 'x')), std::nullopt, kStart));
  // Small operations take more bytes in a command than on the wire: the most of all, one Range.
  apply::TxnRequest txn;
  for (int i = 0; i < 1000 / 7; ++i) txn.success.push_back({apply::RangeRequest{.key = "k"}});
  EXPECT_LE(wire::serialize(txn).size(), 1000U);
  EXPECT_FALSE(proposals.propose({{}, std::move(txn)}, std::nullopt, kStart));
}

TEST(Proposals, RefusesWhatIsTooLargeWithEtcdsError) {
  const NodeOptions settings = options();
  Proposals proposals(settings, 1);
  EXPECT_EQ(proposals.propose(put(std::string(2100, 'x')), std::nullopt, kStart),
            apply::ApiError::kRequestTooLarge);
  EXPECT_TRUE(proposals.take_batch().empty());
}

TEST(Proposals, RefusesMoreBytesThanMayBeUnderWay) {
  const NodeOptions settings = options();
  Proposals proposals(settings, 1);
  ASSERT_FALSE(proposals.propose(put(std::string(1400, 'x')), std::nullopt, kStart));
  ASSERT_FALSE(proposals.propose(put(std::string(1400, 'x')), std::nullopt, kStart));
  EXPECT_EQ(proposals.propose(put(std::string(1400, 'x')), std::nullopt, kStart),
            apply::ApiError::kTooManyRequests);
  EXPECT_TRUE(proposals.complete({7, (1ULL << 40) + 1}));
  EXPECT_FALSE(proposals.propose(put(std::string(1400, 'x')), std::nullopt, kStart));
}

TEST(Proposals, WhatWasGivenBackGoesFirst) {
  const NodeOptions settings = options();
  Proposals proposals(settings, 1);
  ASSERT_FALSE(proposals.propose(put("a"), std::nullopt, kStart));
  std::vector<Bytes> batch = proposals.take_batch();
  ASSERT_FALSE(proposals.propose(put("b"), std::nullopt, kStart));
  proposals.give_back(batch);
  const std::vector<Bytes> again = proposals.take_batch();
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again.front(), batch.front());
}

TEST(Proposals, ExpireInOrderOfTheirDeadlines) {
  const NodeOptions settings = options();
  Proposals proposals(settings, 1);
  ASSERT_FALSE(proposals.propose(put("a"), ReturnAddress{CallId(1)}, kStart));
  ASSERT_FALSE(proposals.propose(put("b"), ReturnAddress{CallId(2)}, kStart + 1s));
  // 5 s + 2 election timeouts (ETCD.md §2.13).
  EXPECT_EQ(proposals.next_deadline(), kStart + 7s);
  EXPECT_EQ(proposals.expire(kStart + 7s).size(), 1U);
  EXPECT_EQ(proposals.next_deadline(), kStart + 8s);
}

TEST(Proposals, WhatExpiredBeforeRaftTookItIsNeverProposed) {
  const NodeOptions settings = options();
  Proposals proposals(settings, 1);
  ASSERT_FALSE(proposals.propose(put("a"), std::nullopt, kStart));
  ASSERT_FALSE(proposals.propose(put("b"), std::nullopt, kStart + 1s));
  proposals.give_back(proposals.take_batch());
  ASSERT_FALSE(proposals.propose(put("c"), std::nullopt, kStart + 2s));
  EXPECT_EQ(proposals.expire(kStart + 7s).size(), 1U);
  const std::vector<Bytes> batch = proposals.take_batch();
  ASSERT_EQ(batch.size(), 2U) << "there was no leader, and the first one's client was told so";
  EXPECT_EQ(wire::decode_command(batch[0])->id, (apply::RequestId{7, (1ULL << 40) + 2}));
  EXPECT_EQ(wire::decode_command(batch[1])->id, (apply::RequestId{7, (1ULL << 40) + 3}));
  proposals.give_back(batch);
  EXPECT_EQ(proposals.expire(kStart + 9s).size(), 2U);
  EXPECT_FALSE(proposals.has_batch());
}

TEST(Proposals, ForgettingACallKeepsItsCommand) {
  const NodeOptions settings = options();
  Proposals proposals(settings, 1);
  ASSERT_FALSE(proposals.propose(put("a"), ReturnAddress{CallId(1)}, kStart));
  proposals.forget(Forgotten({{CallId(1), {}}}));
  EXPECT_EQ(proposals.take_batch().size(), 1U);
  EXPECT_FALSE(proposals.complete({7, (1ULL << 40) + 1})->origin);
}

}  // namespace
}  // namespace detcd::server
