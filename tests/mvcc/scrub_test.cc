// What has changed in memory is found, wherever it lies, and nothing else is.
#include "mvcc/scrub.h"

#include <string>

#include <gtest/gtest.h>

#include "mvcc/sweep.h"
#include "tests/mvcc/support.h"

namespace detcd::mvcc {
namespace {

constexpr std::uint32_t kChunkBytes = 400;

class ScrubTest : public testing::Test {
 protected:
  ScrubTest() : store(kChunkBytes) {
    for (int i = 0; i < 40; ++i) put(store, "key" + std::to_string(i % 7), std::string(30, 'v'));
  }
  void pass(std::uint64_t units = 10'000) {
    finish([&](Meter& meter) { return scrub.advance(store, meter); }, units);
  }
  // Memory doesn't know that the bytes are immutable.
  void flip(std::size_t chunk, std::size_t at) {
    const std::string_view bytes = store.chunks().at(store.chunks().order()[chunk]).text();
    const_cast<char*>(bytes.data())[at] ^= 4;  // NOLINT: see above.
  }
  Store store;
  Scrub scrub;
};

TEST_F(ScrubTest, WhatIsAsItWasWrittenIsFine) {
  for (const std::uint64_t units : {1U, 5U, 10'000U}) pass(units);
  EXPECT_FALSE(scrub.damaged());
  Sweeper sweeper;
  store.compact(30);
  sweep(sweeper, store);
  store.make_cold(store.chunks().at(store.chunks().order()[0]).id);
  pass();
  put(store, "more", "v");
  pass();
  EXPECT_FALSE(scrub.damaged());
}

TEST_F(ScrubTest, EachBitOfASealedChunkIsLookedAt) {
  const Chunk& chunk = store.chunks().at(store.chunks().order()[2]);
  ASSERT_TRUE(chunk.sealed);
  for (std::size_t at = 0; at < chunk.size; ++at) {
    flip(2, at);
    scrub.begin_again();
    pass(100);
    EXPECT_EQ(scrub.damaged(), chunk.id) << at;
    flip(2, at);
  }
  scrub.begin_again();
  pass();
  EXPECT_FALSE(scrub.damaged());
}

TEST_F(ScrubTest, RecordsOfTheOpenChunkAreLookedAt) {
  const std::size_t last = store.chunks().order().size() - 1;
  const Chunk& chunk = store.chunks().at(store.chunks().order()[last]);
  ASSERT_FALSE(chunk.sealed);
  for (std::size_t at = kChunkHeaderBytes; at < chunk.size; ++at) {
    flip(last, at);
    scrub.begin_again();
    pass(3);
    EXPECT_EQ(scrub.damaged(), chunk.id) << at;
    flip(last, at);
  }
}

// A pass that is on its way while the open chunk grows and is sealed.
TEST_F(ScrubTest, TheStoreMayGrowMeanwhile) {
  for (int i = 0; i < 200; ++i) {
    Meter meter({.units = 2});
    const Advance step = scrub.advance(store, meter);
    static_cast<void>(step);
    put(store, "grows", std::string(static_cast<std::size_t>(i), 'w'));
    ASSERT_FALSE(scrub.damaged()) << i;
  }
}

}  // namespace
}  // namespace detcd::mvcc
