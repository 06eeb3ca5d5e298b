// A range in pieces: what all pieces together say, how long each is, and what ends it.
#include "apply/range_stream.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/apply/support.h"

namespace detcd::apply {
namespace {

constexpr std::size_t kPieceBytes = 1'000;

struct Read {
  std::vector<RangePiece> pieces;
  std::optional<ApiError> error;
  [[nodiscard]] RangeResponse whole() const {
    RangeResponse merged = pieces.back().rows;
    merged.kvs.clear();
    for (const RangePiece& piece : pieces) {
      merged.kvs.insert(merged.kvs.end(), piece.rows.kvs.begin(), piece.rows.kvs.end());
    }
    return merged;
  }
};

class RangeStreamTest : public testing::Test {
 protected:
  // One piece; false after the last one or an error.
  bool next(RangeStream& stream, Read& read, std::uint64_t units = 10'000) {
    while (!std::holds_alternative<mvcc::Done>(
        stream.advance(driver.applier().store(), {.units = units}))) {
    }
    std::variant<RangePiece, ApiError> made = stream.take();
    if (const auto* error = std::get_if<ApiError>(&made)) {
      read.error = *error;
      return false;
    }
    read.pieces.push_back(std::get<RangePiece>(std::move(made)));
    return !read.pieces.back().last;
  }
  Read read(const RangeRequest& request, std::uint64_t units = 10'000) {
    RangeStream stream(request, driver.applier().store(), kPieceBytes);
    Read all;
    while (next(stream, all, units)) {
    }
    return all;
  }
  void fill(int keys, std::size_t value_bytes) {
    for (int i = 0; i < keys; ++i) {
      driver.put("k" + std::to_string(1'000 + i), std::string(value_bytes, 'v'));
    }
  }
  static RangeRequest all_keys() { return {.key = "k", .range_end = "l"}; }

  Driver driver;
};

TEST_F(RangeStreamTest, ThePiecesTogetherAreWhatRangeAnswers) {
  fill(300, 20);
  driver.erase({.key = "k1007"});
  std::vector<RangeRequest> requests(9, all_keys());
  requests[1].limit = 25;
  requests[2].limit = 299;
  requests[3].limit = 10;
  requests[4].count_only = true;
  requests[5].keys_only = true;
  requests[6].revision = 100;
  requests[7] = {.key = "k1005"};
  requests[8] = {.key = "x", .range_end = "z"};
  for (const RangeRequest& request : requests) {
    for (const std::uint64_t units : {1U, 37U, 10'000U}) {
      const Read streamed = read(request, units);
      EXPECT_EQ(streamed.whole(), driver.range(request)) << request.limit << ' ' << units;
      for (std::size_t i = 0; i + 1 < streamed.pieces.size(); ++i) {
        EXPECT_EQ(streamed.pieces[i].rows.count, 0);
        EXPECT_EQ(streamed.pieces[i].rows.header_revision, 0);
        EXPECT_FALSE(streamed.pieces[i].rows.kvs.empty());
      }
    }
  }
}

// ETCD.md §2.2: at most ten keys first, then twice as many, until a piece is half the size wanted.
TEST_F(RangeStreamTest, PiecesGrowTowardsTheSizeWanted) {
  fill(500, 15);
  const Read streamed = read(all_keys());
  std::vector<std::size_t> rows;
  for (const RangePiece& piece : streamed.pieces) rows.push_back(piece.rows.kvs.size());
  ASSERT_GE(rows.size(), 6U);
  EXPECT_EQ(std::vector<std::size_t>(rows.begin(), rows.begin() + 4),
            (std::vector<std::size_t>{10, 20, 40, 40}));
}

TEST_F(RangeStreamTest, NoPieceIsMoreThanARowLongerThanWanted) {
  fill(60, 400);
  for (const RangePiece& piece : read(all_keys()).pieces) {
    EXPECT_LE(piece.bytes, kPieceBytes + 405);
    EXPECT_LE(piece.rows.kvs.size(), 3U);
  }
}

TEST_F(RangeStreamTest, WhatIsWrittenMeanwhileIsNotSeen) {
  fill(40, 10);
  const RangeResponse before = driver.range(all_keys());
  RangeStream stream(all_keys(), driver.applier().store(), kPieceBytes);
  Read all;
  while (next(stream, all)) {
    driver.put("k1039", "changed");
    driver.put("k2", "new");
    driver.erase({.key = "k1025"});
  }
  EXPECT_EQ(all.whole(), before);
}

TEST_F(RangeStreamTest, ACompactionPastItsRevisionEndsIt) {
  fill(40, 10);
  RangeStream stream(all_keys(), driver.applier().store(), kPieceBytes);
  Read all;
  ASSERT_TRUE(next(stream, all));
  const Revision at = driver.applier().revision();
  driver.compact(at);
  driver.sweep();
  ASSERT_TRUE(next(stream, all)) << "the revision itself can still be read";
  driver.put("k1000", "w");
  driver.compact(at + 1);
  EXPECT_FALSE(next(stream, all));
  EXPECT_EQ(all.error, ApiError::kCompacted);
}

TEST_F(RangeStreamTest, RevisionsOutOfBoundsAreRefused) {
  fill(3, 10);
  driver.compact(3);
  RangeRequest request = all_keys();
  request.revision = 9;
  EXPECT_EQ(read(request).error, ApiError::kFutureRev);
  request.revision = 2;
  EXPECT_EQ(read(request).error, ApiError::kCompacted);
}

TEST(RangeStreamRefusal, OnlyTheOrderOfKeysIsStreamed) {
  using enum StreamRefusal;
  const auto refused = [](SortOrder order, SortTarget target) {
    return refuse_stream({.key = "k",
                          .sort_order = static_cast<std::int32_t>(order),
                          .sort_target = static_cast<std::int32_t>(target)});
  };
  EXPECT_FALSE(refused(SortOrder::kNone, SortTarget::kKey));
  EXPECT_FALSE(refused(SortOrder::kAscend, SortTarget::kKey));
  EXPECT_FALSE(refused(SortOrder::kNone, SortTarget::kMod));
  EXPECT_EQ(refused(SortOrder::kDescend, SortTarget::kKey), kSortOrder);
  EXPECT_EQ(refused(SortOrder::kAscend, SortTarget::kMod), kSortOrder);
  EXPECT_EQ(refuse_stream({.key = "k", .min_mod_revision = 1}), kRevisionFilter);
  EXPECT_EQ(refuse_stream({.key = "k", .max_create_revision = 1}), kRevisionFilter);
}

}  // namespace
}  // namespace detcd::apply
