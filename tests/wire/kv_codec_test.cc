#include "wire/kv_codec.h"

#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "wire/field.h"

namespace detcd::wire {
namespace {

using namespace std::string_literals;  // NOLINT: literals with zero bytes

TEST(KvCodec, AbsentRangeEndIsOneKeyAndEmptyRangeEndIsFromTheKeyOn) {
  const Result<apply::RangeRequest> one = parse_range_request("\x0a\x01k");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->range_end, "");
  const Result<apply::RangeRequest> all = parse_range_request("\x0a\x01k\x12\x00"s);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->range_end, "\0"s);
  const Result<apply::DeleteRangeRequest> deletes =
      parse_delete_range_request("\x0a\x01k\x12\x00"s);
  ASSERT_TRUE(deletes);
  EXPECT_EQ(deletes->range_end, "");
  const Result<apply::TxnRequest> txn = parse_txn_request("\x0a\x06\x1a\x01k\x82\x04\x00"s);
  ASSERT_TRUE(txn);
  ASSERT_EQ(txn->compare.size(), 1U);
  EXPECT_EQ(txn->compare[0].range_end, "\0"s);
}

// What etcd 3.4.23 and 3.5.30 answer to these very bytes: a Txn that isn't read-only passes through
// the log, which drops an empty range_end wherever in the Txn it stands.
TEST(KvCodec, EmptyRangeEndInATxnIsFromTheKeyOnOnlyWhenTheTxnIsReadOnly) {
  const auto nested = [](char tag, const std::string& message) {
    return std::string{tag, static_cast<char>(message.size())} + message;
  };
  const std::string compare = nested('\x0a', "\x1a\x01k\x82\x04\x00"s);
  const std::string range_op = nested('\x0a', "\x0a\x01k\x12\x00"s);
  const std::string put_op = nested('\x12', "\x0a\x01p"s);
  const std::string erase_op = nested('\x1a', "\x0a\x01k\x12\x00"s);
  const std::string txn_op = nested('\x22', compare + nested('\x12', range_op));
  const auto ends_of = [&](const std::string& txn) {
    std::vector<std::string> ends;
    const auto collect = [&ends](const auto& self, const apply::TxnRequest& request) -> void {
      for (const apply::Compare& one : request.compare) ends.push_back(one.range_end);
      for (const apply::RequestOp& op : request.success) {
        if (const auto* read = std::get_if<apply::RangeRequest>(&op.request))
          ends.push_back(read->range_end);
        if (const auto* erase = std::get_if<apply::DeleteRangeRequest>(&op.request))
          ends.push_back(erase->range_end);
        if (const auto* inner = std::get_if<apply::TxnRequest>(&op.request)) self(self, *inner);
      }
    };
    const Result<apply::TxnRequest> parsed = parse_txn_request(txn);
    EXPECT_TRUE(parsed);
    if (parsed) collect(collect, *parsed);
    return ends;
  };
  using Ends = std::vector<std::string>;
  const std::string reads = compare + nested('\x12', range_op);
  EXPECT_EQ(ends_of(reads), (Ends{"\0"s, "\0"s}));
  EXPECT_EQ(ends_of(reads + nested('\x12', put_op)), (Ends{"", ""}));
  EXPECT_EQ(ends_of(reads + nested('\x1a', put_op)), (Ends{"", ""}));  // In the other branch.
  EXPECT_EQ(ends_of(reads + nested('\x12', erase_op)), (Ends{"", "", ""}));
  EXPECT_EQ(ends_of(compare + nested('\x12', txn_op)), (Ends{"", "", ""}));
}

TEST(KvCodec, PutRequestHasEtcdsBytes) {
  apply::PutRequest put;
  put.key = "foo";
  put.value = "bar";
  put.lease = 300;
  put.prev_kv = true;
  const std::string bytes =
      "\x0a\x03"
      "foo\x12\x03"
      "bar\x18\xac\x02\x20\x01"s;
  EXPECT_EQ(serialize(put), bytes);
  const Result<apply::PutRequest> parsed = parse_put_request(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, put);
}

TEST(KvCodec, PutResponseHasAHeaderWithAllFourFields) {
  const Header header{.cluster_id = 1, .member_id = 2, .revision = 3, .raft_term = 4};
  const Bytes bytes = serialize(header, apply::PutResponse{});
  EXPECT_EQ(bytes.view(), "\x0a\x08\x08\x01\x10\x02\x18\x03\x20\x04"s);
}

TEST(KvCodec, InnerHeadersOfATxnCarryTheRevisionOnlyAndNestedTxnsAnEmptyOne) {
  apply::TxnResponse outer;
  outer.succeeded = true;
  outer.responses.push_back({apply::PutResponse{.header_revision = 14, .prev_kv = {}}});
  outer.responses.push_back({apply::TxnResponse{}});
  const Header header{.cluster_id = 0, .member_id = 0, .revision = 14, .raft_term = 0};
  EXPECT_EQ(serialize(header, outer).view(),
            "\x0a\x02\x18\x0e\x10\x01\x1a\x06\x12\x04\x0a\x02\x18\x0e\x1a\x04\x22\x02\x0a\x00"s);
}

TEST(KvCodec, ZeroMembersOfTheCompareUnionAreWritten) {
  apply::TxnRequest txn;
  txn.compare.push_back(
      {.result = 0, .target = 1, .key = "a", .range_end = "", .number = 0, .value = ""});
  EXPECT_EQ(serialize(txn),
            "\x0a\x07\x10\x01\x1a\x01"
            "a\x28\x00"s);
}

// ETCD.md §1.2: a union that doesn't fit the target is as unset as an absent one.
TEST(KvCodec, CompareUnionOfAnotherTargetComparesWithZero) {
  const Result<apply::TxnRequest> txn = parse_txn_request(
      "\x0a\x07\x10\x01\x1a\x01"
      "a\x20\x05"s);
  ASSERT_TRUE(txn);
  EXPECT_EQ(txn->compare[0].number, 0);
}

TEST(KvCodec, UnknownFieldsOfEveryKindArePassedOver) {
  const std::string unknown =
      "\xa0\x06\x05"
      "\xa1\x06"
      "12345678"
      "\xa2\x06\x02"
      "xx"
      "\xa3\x06\x08\x01\xa4\x06"
      "\xa5\x06"
      "1234"s;
  const Result<apply::PutRequest> put = parse_put_request(unknown + "\x0a\x01k" + unknown);
  ASSERT_TRUE(put);
  EXPECT_EQ(put->key, "k");
}

TEST(KvCodec, ScalarsThatComeTwiceAreReplacedAndMessagesMerged) {
  const Result<apply::PutRequest> put = parse_put_request(
      "\x0a\x01"
      "a\x0a\x01"
      "b");
  ASSERT_TRUE(put);
  EXPECT_EQ(put->key, "b");
  // One RequestOp whose request_put comes in two pieces.
  const Result<apply::TxnRequest> txn = parse_txn_request(
      "\x12\x0a\x12\x03\x0a\x01"
      "a\x12\x03\x12\x01"
      "v"s);
  ASSERT_TRUE(txn);
  EXPECT_EQ(std::get<apply::PutRequest>(txn->success.at(0).request),
            (apply::PutRequest{.key = "a", .value = "v"}));
}

TEST(KvCodec, MalformedMessagesAreRefusedWithGosText) {
  const std::string cases[] = {
      "\x0a"s,     "\x0a\x05k"s, "\x18"s,     "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s,
      "\x00\x01"s, "\x0c"s,      "\x0e"s,     "\x0b\x14"s,
      "\x0b"s,     "\x0d\x01"s,  "\x09\x01"s,
  };
  for (const std::string& bytes : cases) {
    const Result<apply::PutRequest> put = parse_put_request(bytes);
    ASSERT_FALSE(put) << testing::PrintToString(bytes);
    EXPECT_EQ(put.error(), (Error{Errc::kInvalid, "proto: cannot parse invalid wire-format data"}));
  }
}

TEST(KvCodec, TransactionsNestedBeyondAnyLimitAreRefusedWithoutBeingBuilt) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    FieldWriter op(bytes.size() + 8);
    op.present_bytes(4, bytes);
    FieldWriter txn(bytes.size() + 16);
    txn.present_bytes(2, op.take());
    bytes = txn.take();
  }
  const Result<apply::TxnRequest> deep = parse_txn_request(bytes);
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, Errc::kTooLarge);
}

}  // namespace
}  // namespace detcd::wire
