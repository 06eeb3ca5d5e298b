// The codecs written by hand against the generated ones: the same bytes out, and of anything that
// is read the same meaning.
#include <algorithm>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "generate.h"
#include "wire/kv_codec.h"
#include "wire/proto/rpc.pb.h"

namespace detcd::wire {
namespace {

using namespace std::string_literals;  // NOLINT: literals with zero bytes

// What the generated message would write if it knew nothing else and took an empty range_end for
// what etcd does: "\0" where the request isn't proposed, and nothing where it is.
template <class Message>
void settle_end(Message& m, bool proposed) {
  if (!m.has_range_end() || !m.range_end().empty()) return;
  if (proposed) {
    m.clear_range_end();
  } else {
    m.set_range_end("\0"s);
  }
}
void normalize(etcdserverpb::RangeRequest& m, bool proposed = false) {
  settle_end(m, proposed);
}
void normalize(etcdserverpb::DeleteRangeRequest& m) {
  settle_end(m, true);
}
void normalize(etcdserverpb::PutRequest&) {}
void normalize(etcdserverpb::CompactionRequest&) {}
void normalize(etcdserverpb::Compare& m, bool proposed) {
  settle_end(m, proposed);
  const int target = m.target();
  const int fitting = target >= 0 && target <= 4 ? target + 4 : 0;
  if (static_cast<int>(m.target_union_case()) == fitting) return;
  m.clear_target_union();
  if (fitting == 4) m.set_version(0);
  if (fitting == 5) m.set_create_revision(0);
  if (fitting == 6) m.set_mod_revision(0);
  if (fitting == 7) m.set_value("");
  if (fitting == 8) m.set_lease(0);
}
void normalize(etcdserverpb::TxnRequest& m, bool proposed);
void normalize(etcdserverpb::RequestOp& m, bool proposed) {
  if (m.has_request_range()) normalize(*m.mutable_request_range(), proposed);
  if (m.has_request_delete_range()) normalize(*m.mutable_request_delete_range());
  if (m.has_request_txn()) normalize(*m.mutable_request_txn(), proposed);
}
void normalize(etcdserverpb::TxnRequest& m, bool proposed) {
  for (auto& compare : *m.mutable_compare()) normalize(compare, proposed);
  for (auto& op : *m.mutable_success()) normalize(op, proposed);
  for (auto& op : *m.mutable_failure()) normalize(op, proposed);
}
void normalize(etcdserverpb::TxnRequest& m) {
  const auto is_range = [](const etcdserverpb::RequestOp& op) { return op.has_request_range(); };
  normalize(m, !std::ranges::all_of(m.success(), is_range) ||
                   !std::ranges::all_of(m.failure(), is_range));
}

struct Counts {
  int accepted = 0;
  int refused = 0;
  // Go refuses field numbers and varints whose excess bits C++ drops, and so do we.
  int refused_as_go = 0;
};

template <class Generated, class Parse>
void expect_same_meaning(const std::string& bytes, const Parse& parse, Counts& counts) {
  const auto parsed = parse(bytes);
  Generated generated;
  if (!parsed) {
    ++(generated.ParseFromString(bytes) ? counts.refused_as_go : counts.refused);
    return;
  }
  ++counts.accepted;
  ASSERT_TRUE(generated.ParseFromString(bytes)) << testing::PrintToString(bytes);
  generated.DiscardUnknownFields();
  normalize(generated);
  EXPECT_EQ(serialize(*parsed), generated.SerializeAsString()) << testing::PrintToString(bytes);
}

template <class Generated, class Request, class Parse>
void expect_round_trip(const Request& request, const Parse& parse) {
  const std::string bytes = serialize(request);
  Generated generated;
  ASSERT_TRUE(generated.ParseFromString(bytes));
  EXPECT_TRUE(generated.GetReflection()->GetUnknownFields(generated).empty());
  EXPECT_EQ(generated.SerializeAsString(), bytes);
  const auto parsed = parse(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, request);
}

TEST(KvCodecProperty, RequestsHaveTheBytesOfTheGeneratedCodeAndReadBack) {
  for_each_seed(1000, [](Generator& g) {
    expect_round_trip<etcdserverpb::RangeRequest>(g.range(), parse_range_request);
    expect_round_trip<etcdserverpb::PutRequest>(g.put(), parse_put_request);
    expect_round_trip<etcdserverpb::DeleteRangeRequest>(g.delete_range(),
                                                        parse_delete_range_request);
    expect_round_trip<etcdserverpb::CompactionRequest>(g.compaction(), parse_compaction_request);
    expect_round_trip<etcdserverpb::TxnRequest>(g.txn(), parse_txn_request);
  });
}

template <class Generated, class Parse>
void expect_answer_round_trip(Generator& g, apply::Response response, const Parse& parse) {
  Header header{.cluster_id = g.draw(),
                .member_id = g.draw(),
                .revision = g.number(),
                .raft_term = g.below(9)};
  std::visit(
      [&header](auto& r) {
        if constexpr (requires { r.header_revision; }) r.header_revision = header.revision;
      },
      response);
  const Bytes bytes = serialize(header, response);
  Generated generated;
  ASSERT_TRUE(generated.ParseFromString(bytes.str()));
  EXPECT_TRUE(generated.GetReflection()->GetUnknownFields(generated).empty());
  EXPECT_EQ(generated.SerializeAsString(), bytes.view());
  const Result<ParsedResponse> parsed = parse(bytes.view());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->header, header);
  EXPECT_EQ(parsed->response, response);
}

TEST(KvCodecProperty, AnswersHaveTheBytesOfTheGeneratedCodeAndReadBack) {
  for_each_seed(1000, [](Generator& g) {
    expect_answer_round_trip<etcdserverpb::RangeResponse>(g, g.range_response(),
                                                          parse_range_response);
    expect_answer_round_trip<etcdserverpb::PutResponse>(g, g.put_response(), parse_put_response);
    expect_answer_round_trip<etcdserverpb::DeleteRangeResponse>(g, g.delete_response(),
                                                                parse_delete_range_response);
    expect_answer_round_trip<etcdserverpb::TxnResponse>(g, g.txn_response(), parse_txn_response);
    expect_answer_round_trip<etcdserverpb::CompactionResponse>(g, apply::CompactionResponse{},
                                                               parse_compaction_response);
  });
}

TEST(KvCodecProperty, ChangedBytesNeverCrashAndMeanWhatTheGeneratedCodeReads) {
  Counts counts;
  for_each_seed(4000, [&counts](Generator& g) {
    expect_same_meaning<etcdserverpb::RangeRequest>(g.mutate(serialize(g.range())),
                                                    parse_range_request, counts);
    expect_same_meaning<etcdserverpb::PutRequest>(g.mutate(serialize(g.put())), parse_put_request,
                                                  counts);
    expect_same_meaning<etcdserverpb::DeleteRangeRequest>(g.mutate(serialize(g.delete_range())),
                                                          parse_delete_range_request, counts);
    expect_same_meaning<etcdserverpb::CompactionRequest>(g.mutate(serialize(g.compaction())),
                                                         parse_compaction_request, counts);
    expect_same_meaning<etcdserverpb::TxnRequest>(g.mutate(serialize(g.txn())), parse_txn_request,
                                                  counts);
  });
  if (std::getenv("DETCD_TEST_SEED") == nullptr) {
    EXPECT_GT(counts.accepted, 3000);
    EXPECT_GT(counts.refused, 3000);
    EXPECT_LT(counts.refused_as_go, 400);
  }
}

TEST(KvCodecProperty, ChangedAnswersNeverCrash) {
  int accepted = 0;
  for_each_seed(4000, [&accepted](Generator& g) {
    const Bytes txn = serialize(Header{}, g.txn_response());
    if (parse_txn_response(g.mutate(txn.str()))) ++accepted;
    const Bytes range = serialize(Header{}, g.range_response());
    if (parse_range_response(g.mutate(range.str()))) ++accepted;
    const Bytes deleted = serialize(Header{}, g.delete_response());
    if (parse_delete_range_response(g.mutate(deleted.str()))) ++accepted;
    const Bytes put = serialize(Header{}, g.put_response());
    if (parse_put_response(g.mutate(put.str()))) ++accepted;
  });
  if (std::getenv("DETCD_TEST_SEED") == nullptr) {
    EXPECT_GT(accepted, 1500);
  }
}

}  // namespace
}  // namespace detcd::wire
