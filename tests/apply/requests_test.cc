// A request that the log brings twice takes effect once, also across a restart.

#include <gtest/gtest.h>

#include "apply/request_table.h"
#include "tests/apply/support.h"

namespace detcd::apply {
namespace {

Command put(std::uint64_t ordinal, bool prev_kv = false) {
  return {{7, ordinal},
          PutRequest{.key = "a", .value = std::to_string(ordinal), .prev_kv = prev_kv}};
}

TEST(Requests, SecondAppearanceIsAnsweredTheSameWithoutEffect) {
  Driver store;
  const Answer first = store.apply(put(1));
  store.apply(put(2));
  EXPECT_EQ(store.apply(put(1)), first);
  EXPECT_EQ(store.applier().revision(), 3);
  EXPECT_EQ(store.range({.key = "a"}).kvs.at(0).value.view(), "2");
}

TEST(Requests, OutcomeThatIsntKeptIsAnsweredAsUnknown) {
  Driver store;
  store.put("a", "0");
  store.apply(put(1, true));
  EXPECT_EQ(store.apply(put(1, true)), Answer(ApiError::kTimeout));
  EXPECT_EQ(store.applier().revision(), 3);
}

TEST(Requests, RefusalIsRepeated) {
  Driver store;
  const Command compaction{{7, 5}, CompactionRequest{.revision = 9}};
  EXPECT_EQ(store.apply(compaction), Answer(ApiError::kFutureRev));
  for (int i = 0; i < 10; ++i) store.put("a", "x");
  EXPECT_EQ(store.apply(compaction), Answer(ApiError::kFutureRev));
  EXPECT_EQ(store.applier().compact_revision(), -1);
}

TEST(Requests, AreRememberedOverARestart) {
  Driver store;
  store.apply(put(1));
  Result<std::unique_ptr<Applier>> restored =
      Applier::restore(Driver::kCluster, store.applier().capture());
  ASSERT_TRUE(restored.ok());
  Driver again(*std::move(restored));
  again.apply(put(1));
  EXPECT_EQ(again.applier().revision(), 2);
}

TEST(Requests, WithoutAnIdAreNeverTheSame) {
  Driver store;
  store.put("a", "1");
  store.put("a", "1");
  EXPECT_EQ(store.applier().revision(), 3);
}

TEST(RequestTable, RunsOfOrdinalsStaySmallAndOutOfOrderOnesMeet) {
  RequestTable table;
  const Answer answer = ApiError::kEmptyKey;
  std::uint64_t index = 0;
  for (std::uint64_t i = 1; i <= 100'000; i += 2) {
    table.remember({7, i + 1}, ++index, answer);
    table.remember({7, i}, ++index, answer);
  }
  EXPECT_TRUE(table.seen({7, 1}));
  EXPECT_TRUE(table.seen({7, 100'000}));
  EXPECT_FALSE(table.seen({7, 100'001}));
  EXPECT_FALSE(table.seen({8, 1}));
  Writer out;
  table.encode(out);
  EXPECT_LT(out.size(), 20'000U);
  Reader in(out.view());
  const Result<RequestTable> decoded = RequestTable::decode(in);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->hash(), table.hash());
}

TEST(RequestTable, IsBoundedAndForgetsTheOldestFirst) {
  RequestTable table;
  const Answer answer = ApiError::kEmptyKey;
  std::uint64_t index = 0;
  for (std::uint64_t i = 1; i <= 1000; ++i) table.remember({7, i * 10}, ++index, answer);
  EXPECT_FALSE(table.seen({7, 10}));
  EXPECT_TRUE(table.seen({7, 10'000}));
  for (std::uint64_t member = 100; member < 300; ++member) {
    table.remember({member, 1}, ++index, answer);
  }
  EXPECT_FALSE(table.seen({7, 10'000}));
  EXPECT_TRUE(table.seen({299, 1}));
}

}  // namespace
}  // namespace detcd::apply
