#include "apply/applier.h"

#include <gtest/gtest.h>

#include "tests/apply/support.h"

namespace detcd::apply {
namespace {

TEST(Applier, FirstWriteIsRevisionTwo) {
  Driver store;
  EXPECT_EQ(store.applier().revision(), 1);
  EXPECT_EQ(store.applier().compact_revision(), -1);
  EXPECT_EQ(store.put("a", "1").header_revision, 2);
  const RangeResponse range = store.range({.key = "a"});
  ASSERT_EQ(range.kvs.size(), 1U);
  EXPECT_EQ(range.kvs[0].key.view(), "a");
  EXPECT_EQ(range.kvs[0].value.view(), "1");
  EXPECT_EQ(range.kvs[0].create_revision, 2);
  EXPECT_EQ(range.kvs[0].mod_revision, 2);
  EXPECT_EQ(range.kvs[0].version, 1);
  EXPECT_EQ(range.count, 1);
}

TEST(Applier, DeletedKeyComesBackWithVersionOne) {
  Driver store;
  store.put("a", "1");
  store.put("a", "2");
  const DeleteRangeResponse erased = store.erase({.key = "a", .prev_kv = true});
  EXPECT_EQ(erased.deleted, 1);
  EXPECT_EQ(erased.header_revision, 4);
  ASSERT_EQ(erased.prev_kvs.size(), 1U);
  EXPECT_EQ(erased.prev_kvs[0].version, 2);
  EXPECT_EQ(store.erase({.key = "a"}).header_revision, 4);
  store.put("a", "3");
  const RangeResponse range = store.range({.key = "a"});
  EXPECT_EQ(range.kvs.at(0).version, 1);
  EXPECT_EQ(range.kvs.at(0).create_revision, 5);
  EXPECT_EQ(store.range({.key = "a", .revision = 3}).kvs.at(0).value.view(), "2");
  EXPECT_TRUE(store.range({.key = "a", .revision = 4}).kvs.empty());
}

TEST(Applier, ImageRestoresTheSameState) {
  Driver store;
  for (int i = 0; i < 100; ++i) store.put("k" + std::to_string(i % 7), std::to_string(i));
  store.erase({.key = "k3"});
  store.compact(50);
  const Image image = store.applier().capture();
  const Result<std::unique_ptr<Applier>> restored = Applier::restore(Driver::kCluster, image);
  ASSERT_TRUE(restored.ok()) << restored.error().message;
  EXPECT_EQ((*restored)->state_hash(), store.applier().state_hash());
  EXPECT_EQ((*restored)->revision(), store.applier().revision());
}

TEST(Applier, CompactionIsRefusedAsEtcdRefusesIt) {
  Driver store;
  for (int i = 0; i < 10; ++i) store.put("a", std::to_string(i));
  const auto compact = [&](Revision revision) {
    return store.apply({.request = CompactionRequest{.revision = revision}});
  };
  EXPECT_EQ(compact(12), Answer(ApiError::kFutureRev));
  EXPECT_EQ(compact(5), Answer(Response{CompactionResponse{11}}));
  EXPECT_EQ(compact(5), Answer(ApiError::kCompacted));
  EXPECT_EQ(compact(4), Answer(ApiError::kCompacted));
  EXPECT_EQ(store.read(RangeRequest{.key = "a", .revision = 4}), Answer(ApiError::kCompacted));
  EXPECT_EQ(store.range({.key = "a", .revision = 5}).kvs.at(0).value.view(), "3");
  EXPECT_EQ(store.read(RangeRequest{.key = "a", .revision = 12}), Answer(ApiError::kFutureRev));
}

TEST(Applier, BigDeleteIsSeenOnlyAsAWhole) {
  Driver store;
  for (int i = 0; i < 500; ++i) store.put("k" + std::to_string(i), "v");
  const std::string all(1, '\0');
  const RangeRequest count{.key = all, .range_end = all, .count_only = true};
  const std::uint64_t hash_before = store.applier().state_hash();
  store.applier().begin(store.next_position(), {.request = DeleteRangeRequest{all, all, true}});
  int steps = 0;
  while (std::holds_alternative<mvcc::More>(store.applier().advance({.units = 50}))) {
    EXPECT_EQ(store.range(count).count, 500);
    EXPECT_EQ(store.applier().revision(), 501);
    EXPECT_EQ(store.applier().state_hash(), hash_before);
    ++steps;
  }
  EXPECT_GT(steps, 50);
  const auto erased = Driver::expect<DeleteRangeResponse>(store.applier().take_answer());
  EXPECT_EQ(erased.deleted, 500);
  EXPECT_EQ(erased.prev_kvs.size(), 500U);
  EXPECT_EQ(store.range(count).count, 0);
}

// Ranges and deletes inside a Txn once got nothing of a budget of one unit, for ever.
TEST(Applier, TheSmallestBudgetGetsThroughARequestInTheEnd) {
  Driver store;
  for (int i = 0; i < 30; ++i) store.put("k" + std::to_string(i), "v");
  const std::string all(1, '\0');
  TxnRequest txn;
  txn.success.push_back({RangeRequest{.key = all, .range_end = all}});
  txn.success.push_back({DeleteRangeRequest{all, all, true}});
  txn.success.push_back({PutRequest{.key = "k", .value = "v"}});
  store.applier().begin(store.next_position(), {.request = std::move(txn)});
  int steps = 0;
  while (std::holds_alternative<mvcc::More>(store.applier().advance({.units = 1}))) {
    ASSERT_LT(++steps, 10'000) << "it doesn't get on";
  }
  const auto answer = Driver::expect<TxnResponse>(store.applier().take_answer());
  EXPECT_EQ(answer.responses.size(), 3U);
  EXPECT_EQ(store.range({.key = all, .range_end = all, .count_only = true}).count, 1);
}

TEST(Applier, ConfigurationEntriesAndPublishedAttributesFillTheMembership) {
  Driver store;
  const membership::Change add{membership::Change::Kind::kAdd,
                               {.id = 5, .peer_urls = {"http://a:1"}}};
  const Bytes context = Bytes::adopt(membership::encode(add));
  store.applier().configure(store.next_position(), context);
  store.applier().configure(store.next_position(), Bytes());
  EXPECT_EQ(store.applier().members().list().size(), 1U);
  EXPECT_EQ(store.apply({.request = PublishAttributes{5, "five", {"http://c:1"}}}),
            Answer(Response{PublishResponse{}}));
  EXPECT_EQ(store.applier().members().find(5)->name, "five");
  EXPECT_EQ(store.apply({.request = PublishAttributes{6, "six", {}}}),
            Answer(ApiError::kMemberNotFound));
  EXPECT_EQ(store.applier().revision(), 1);
}

TEST(Applier, ChangesOfMembersAreAppliedOrRefusedByTheLogAlone) {
  using membership::Change;
  Driver store;
  const Change one{Change::Kind::kAdd, {.id = 5, .peer_urls = {"http://a:1"}}};
  const Change learner{Change::Kind::kAdd,
                       {.id = 6, .peer_urls = {"http://b:1"}, .is_learner = true}};
  const std::uint64_t before = store.applier().state_hash();
  EXPECT_EQ(store.apply({.request = MemberChange{one, 1}}),
            Answer(Response{MemberResponse{Change::Kind::kAdd, 5, {one.member}}}));
  EXPECT_NE(store.applier().state_hash(), before);
  EXPECT_EQ(store.apply({.request = MemberChange{learner, 0}}), Answer(ApiError::kTooManyLearners));
  EXPECT_EQ(store.apply({.request = MemberChange{learner, 1}}),
            Answer(Response{MemberResponse{Change::Kind::kAdd, 6, {one.member, learner.member}}}));
  EXPECT_EQ(store.apply({.request = MemberChange{one, 1}}), Answer(ApiError::kMemberExist));
  const auto ask = [&](Change::Kind kind, std::uint64_t id) {
    return store.apply(
        {.request = MemberChange{{kind, {.id = id, .peer_urls = {"http://b:1"}}}, 1}});
  };
  EXPECT_EQ(ask(Change::Kind::kAdd, 7), Answer(ApiError::kPeerUrlExist));
  EXPECT_EQ(ask(Change::Kind::kUpdate, 5), Answer(ApiError::kPeerUrlExist));
  EXPECT_EQ(ask(Change::Kind::kPromote, 5), Answer(ApiError::kMemberNotLearner));
  EXPECT_EQ(ask(Change::Kind::kRemove, 8), Answer(ApiError::kMemberNotFound));
  EXPECT_EQ(ask(Change::Kind::kRemove, 5), Answer(ApiError::kMemberNotEnoughStarted))
      << "somebody has to vote";
  EXPECT_TRUE(std::holds_alternative<Response>(ask(Change::Kind::kPromote, 6)));
  EXPECT_TRUE(std::holds_alternative<Response>(ask(Change::Kind::kRemove, 5)));
  EXPECT_TRUE(store.applier().members().was_removed(5));
  EXPECT_EQ(store.applier().revision(), 1) << "no revision passes";
}

TEST(Applier, ClusterVersionNeverFalls) {
  Driver store;
  for (const auto& [proposed, decided] : {std::pair{"3.7.0", "3.7.0"},
                                          {"3.6.0", "3.7.0"},
                                          {"3.10.0", "3.10.0"},
                                          {"nonsense", "3.10.0"}}) {
    store.apply({.request = SetClusterVersion{proposed}});
    EXPECT_EQ(store.applier().cluster_version(), decided);
  }
}

TEST(Applier, ReadThatOutlivesTheStoreIsStopped) {
  std::unique_ptr<RangeWork> work;
  {
    Driver store;
    store.put("a", "1");
    work = store.applier().range({.key = "a"});
  }
  EXPECT_TRUE(std::holds_alternative<mvcc::Done>(work->advance({})));
  EXPECT_EQ(work->take(), Answer(ApiError::kStopped));
}

TEST(Applier, TooManyReadsAtOnceAreRefused) {
  Driver store;
  std::vector<std::unique_ptr<RangeWork>> open;
  for (int i = 0; i < 16'384; ++i) open.push_back(store.applier().range({.key = "a"}));
  EXPECT_EQ(store.read(RangeRequest{.key = "a"}), Answer(ApiError::kTooManyRequests));
  open.pop_back();
  EXPECT_EQ(store.range({.key = "a"}).count, 0);
}

// The numbers of etcd 3.5.30 for this history.
TEST(Applier, RemembersTheHashesOfCompactionsAsEtcdDoes) {
  Driver store;
  for (int i = 0; i < 20; ++i) store.put("k" + std::to_string(i % 5), "v" + std::to_string(i));
  store.erase({.key = "k3"});
  const auto expect_hash = [](Driver& driver, Revision at, std::uint32_t hash, Revision compacted) {
    const auto answer = driver.hash(at);
    const auto* const found = std::get_if<HashKvAnswer>(&answer);
    ASSERT_NE(found, nullptr) << at;
    EXPECT_EQ(found->hash, hash) << at;
    EXPECT_EQ(found->compact_revision, compacted) << at;
    EXPECT_EQ(found->hash_revision, at == 0 ? 22 : at);
  };
  const auto expect_all = [&](Driver& driver) {
    expect_hash(driver, 5, 3'089'800'181, -1);
    expect_hash(driver, 9, 465'579'498, 5);
    expect_hash(driver, 14, 2'844'356'405, 9);
    expect_hash(driver, 22, 3'566'263'928, 14);
    expect_hash(driver, 0, 1'097'337'192, 22);
    for (const Revision gone : {4, 6, 13, 21}) {
      const auto answer = driver.hash(gone);
      ASSERT_NE(std::get_if<ApiError>(&answer), nullptr) << gone;
      EXPECT_EQ(*std::get_if<ApiError>(&answer), ApiError::kCompacted) << gone;
    }
  };
  for (const Revision at : {5, 9, 14, 22}) store.compact(at);
  expect_all(store);
  // Before they were computed, and after, a restart changes nothing.
  for (const bool swept : {false, true}) {
    while (swept && !std::holds_alternative<mvcc::Done>(store.applier().sweep({.units = 3}))) {
    }
    Result<std::unique_ptr<Applier>> restored =
        Applier::restore(Driver::kCluster, store.applier().capture());
    ASSERT_TRUE(restored.ok());
    Driver again(*std::move(restored));
    expect_all(again);
  }
  expect_all(store);
}

TEST(Applier, RemembersTheHashesOfTenCompactions) {
  Driver store;
  for (int i = 0; i < 14; ++i) {
    store.compact(store.put("k", std::to_string(i)).header_revision);
  }
  for (Revision at = 2; at <= 15; ++at) {
    EXPECT_EQ(std::holds_alternative<HashKvAnswer>(store.hash(at)), at >= 6) << at;
  }
}

}  // namespace
}  // namespace detcd::apply
