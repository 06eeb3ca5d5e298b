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

}  // namespace
}  // namespace detcd::apply
