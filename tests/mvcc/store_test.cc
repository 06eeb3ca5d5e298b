#include "mvcc/store.h"

#include <string>
#include <vector>

#include "tests/mvcc/support.h"

namespace detcd::mvcc {
namespace {

const KeyRange kAll{std::string(1, '\0'), std::string(1, '\0')};

std::vector<std::string> keys(const RangeResult& result) {
  std::vector<std::string> names;
  for (const KeyValue& row : result.rows) names.push_back(row.key.str());
  return names;
}
using Names = std::vector<std::string>;

TEST(Range, LimitComesBeforeTheSortOfAnUnorderedRequest) {
  Store store(600);
  put(store, "c", "");
  put(store, "b", "");
  put(store, "a", "");
  // Three keys in key order, limited to two rows (three with the one that tells of more), and only
  // then sorted by mod revision.
  RangeQuery query{.range = kAll, .at = store.revision(), .limit = 1, .target = RangeTarget::kMod};
  EXPECT_EQ(keys(read(store, query)), Names{"b"});
  EXPECT_TRUE(read(store, query).more);
  EXPECT_EQ(read(store, query).count, 3);
  query.order = RangeOrder::kAscend;
  EXPECT_EQ(keys(read(store, query)), Names{"c"});
}

TEST(Range, FiltersCutRowsButNotTheCount) {
  Store store(600);
  for (const char* name : {"a", "b", "c", "d"}) put(store, name, "");
  const RangeQuery query{
      .range = kAll, .at = store.revision(), .limit = 1, .min_mod = 3, .max_mod = 4};
  const RangeResult result = read(store, query);
  EXPECT_EQ(keys(result), Names{"b"});
  EXPECT_TRUE(result.more);
  EXPECT_EQ(result.count, 4);
}

TEST(Range, KeysOnlyNeedsNoRecordUnlessItSortsByValue) {
  Store store(200);
  store.put({.key = "a", .value = "2", .lease = 7});
  store.commit();
  put(store, "b", "1");
  for (int i = 0; i < 10; ++i) put(store, "z", std::string(100, 'z'));
  const ChunkId first = store.chunks().at(store.chunks().order().front()).id;
  const Bytes bytes = store.chunks().at(store.chunks().order().front()).bytes;
  store.make_cold(first);
  RangeQuery query{.range = {"a", "c"}, .at = store.revision(), .keys_only = true};
  const RangeResult from_index = read(store, query);
  EXPECT_EQ(keys(from_index), (Names{"a", "b"}));
  EXPECT_EQ(from_index.rows[0].lease, 0);
  query.target = RangeTarget::kValue;
  RangeRead work(query);
  Meter meter({});
  const Advance step = work.advance(store, meter);
  ASSERT_TRUE(std::holds_alternative<Need>(step));
  EXPECT_EQ(std::get<Need>(step), Need{{first}});
  store.provide(first, Bytes(std::string_view("something else")));
  EXPECT_EQ(work.advance(store, meter), Advance(Need{{first}}));
  store.provide(first, bytes);
  EXPECT_EQ(work.advance(store, meter), Advance(Done{}));
  const RangeResult sorted = work.take();
  EXPECT_EQ(keys(sorted), (Names{"b", "a"}));
  EXPECT_EQ(sorted.rows[1].lease, 7);
  EXPECT_TRUE(sorted.rows[1].value.empty());
}

TEST(Range, EndAtOrBeforeTheKeyIsEmpty) {
  Store store(600);
  for (const char* name : {"a", "b", "c"}) put(store, name, "");
  EXPECT_EQ(read(store, {.range = {"b", "b"}, .at = store.revision()}).count, 0);
  EXPECT_EQ(read(store, {.range = {"c", "a"}, .at = store.revision()}).count, 0);
  EXPECT_EQ(read(store, {.range = {"b", std::string(1, '\0')}, .at = store.revision()}).count, 2);
}

TEST(Chunks, AreSealedByTheRecordStreamAlone) {
  Store one(500);
  Store two(500);
  for (int i = 0; i < 200; ++i) {
    const std::string value(static_cast<std::size_t>(i * 7 % 300), 'v');
    put(one, "k" + std::to_string(i % 9), value);
    put(two, "k" + std::to_string(i % 9), value);
    if (i % 10 == 0) EXPECT_FALSE(one.capture().empty());
  }
  const std::vector<StoredChunk> a = one.capture();
  const std::vector<StoredChunk> b = two.capture();
  ASSERT_EQ(a.size(), b.size());
  EXPECT_GT(a.size(), 20U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].id, b[i].id);
    EXPECT_EQ(a[i].hash, b[i].hash);
  }
}

TEST(Chunks, RecordLargerThanAChunkGetsItsOwn) {
  Store store(200);
  put(store, "a", "small");
  put(store, "b", std::string(5000, 'b'));
  put(store, "c", "small");
  EXPECT_EQ(store.chunks().order().size(), 3U);
  EXPECT_EQ(read(store, {.range = {"b", ""}, .at = 4}).rows.at(0).value.size(), 5000U);
}

TEST(Chunks, RewrittenOnesMatchBetweenMembersThatSweepAlike) {
  std::vector<std::vector<StoredChunk>> images;
  for (const std::uint64_t units : {1U, 7U, 10'000U}) {
    Store store(500);
    Sweeper sweeper;
    for (int i = 0; i < 300; ++i) put(store, "k" + std::to_string(i % 11), std::to_string(i));
    store.compact(250);
    sweep(sweeper, store, units);
    images.push_back(store.capture());
  }
  EXPECT_LT(images[0].size(), 30U);
  for (const std::vector<StoredChunk>& image : images) {
    ASSERT_EQ(image.size(), images[0].size());
    for (std::size_t i = 0; i < image.size(); ++i) {
      EXPECT_EQ(image[i].id, images[0][i].id);
      EXPECT_EQ(image[i].hash, images[0][i].hash);
    }
  }
}

TEST(Chunks, ValuesOutliveTheirChunk) {
  Store store(200);
  Sweeper sweeper;
  put(store, "a", "first");
  const RangeResult kept = read(store, {.range = {"a", ""}, .at = 2});
  for (int i = 0; i < 50; ++i) put(store, "a", std::string(50, 'x'));
  store.compact(store.revision());
  sweep(sweeper, store);
  EXPECT_EQ(kept.rows.at(0).value.view(), "first");
  EXPECT_LE(store.chunks().order().size(), 2U);
}

TEST(Sweep, KeepsTheTombstoneAtTheCompactRevision) {
  Store store(600);
  Sweeper sweeper;
  put(store, "a", "1");
  erase_range(store, {"a", ""});
  store.commit();
  const std::uint64_t tombstone = kRecordHeaderBytes + 1;
  store.compact(3);
  EXPECT_EQ(store.totals().bytes, tombstone);
  sweep(sweeper, store);
  EXPECT_EQ(store.index().size(), 1U);
  put(store, "b", "");
  store.compact(4);
  EXPECT_EQ(store.totals().bytes, tombstone);  // What is left is b's record, of the same size.
  sweep(sweeper, store);
  EXPECT_EQ(store.index().find("a"), nullptr);
}

TEST(Sweep, WaitsForPins) {
  Store store(600);
  Sweeper sweeper;
  for (int i = 0; i < 10; ++i) put(store, "a", std::to_string(i));
  {
    const Pin pin(store.pins(), 5);
    store.compact(store.revision());
    sweep(sweeper, store);
    EXPECT_EQ(sweeper.swept(), 5);
    EXPECT_EQ(read(store, {.range = {"a", ""}, .at = 5}).rows.at(0).value.view(), "3");
  }
  sweep(sweeper, store);
  EXPECT_EQ(sweeper.swept(), store.revision());
  EXPECT_EQ(store.index().find("a")->versions.size(), 1U);
}

}  // namespace
}  // namespace detcd::mvcc
