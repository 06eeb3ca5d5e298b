#include "wal/frame.h"

#include <gtest/gtest.h>

#include "raft/codec.h"
#include "tests/wal/logs.h"

namespace detcd::wal {
namespace {

constexpr Place kPlace{.identity = {7, 9}, .segment = 3, .offset = 1024};

std::string batch_of(const raft::Save& save, const Place& place, Chain& chain) {
  BatchWriter writer(BatchKind::kSaves);
  writer.add(save);
  return std::move(writer).seal(place, chain);
}

BatchCheck check_at(std::string_view batch, const Place& place) {
  const auto head = parse_head(batch.substr(0, kSectorBytes), place);
  EXPECT_TRUE(head.has_value());
  return check_batch(batch, place, *head);
}

TEST(Batch, ReadsBackAsItWasWritten) {
  Chain chain;
  raft::Save save = save_of(5, 3, 400);
  save.hard_state = raft::HardState{.term = raft::Term(2)};
  const std::string batch = batch_of(save, kPlace, chain);
  EXPECT_EQ(batch.size() % kSectorBytes, 0u);
  const BatchCheck checked = check_at(batch, kPlace);
  ASSERT_TRUE(checked.whole);
  ASSERT_EQ(checked.records.size(), 4u);
  EXPECT_EQ(checked.records[3].type, FrameType::kHardState);
  Reader in(std::string_view(batch).substr(checked.records[1].offset, checked.records[1].length));
  const Result<raft::Entry> entry = raft::decode_entry(in);
  ASSERT_TRUE(entry);
  EXPECT_EQ(*entry, save.entries[1]);
}

TEST(Batch, MovesTheChainBehindItself) {
  Chain chain;
  const std::string first = batch_of(save_of(1, 1, 10), kPlace, chain);
  EXPECT_EQ(chain.last.offset, kPlace.offset + first.size());
  EXPECT_EQ(chain.next_frame, 4u);  // Head, entry, tail.
  const Chain before = chain;
  const Place next{kPlace.identity, kPlace.segment, chain.last.offset};
  const std::string second = batch_of(save_of(2, 1, 10), next, chain);
  const auto head = parse_head(second, next);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->witness, before.last);
  EXPECT_EQ(head->frame, before.next_frame);
}

TEST(Batch, IsNoBatchInAnotherPlace) {
  Chain chain;
  const std::string batch = batch_of(save_of(1, 1, 10), kPlace, chain);
  EXPECT_FALSE(parse_head(batch, {kPlace.identity, kPlace.segment, 2048}));
  EXPECT_FALSE(parse_head(batch, {kPlace.identity, kPlace.segment + 1, 1024}));
  EXPECT_FALSE(parse_head(batch, {Identity{7, 8}, kPlace.segment, 1024}));
}

TEST(Batch, WithoutRecordsIsOneSector) {
  Chain chain;
  const std::string batch = BatchWriter(BatchKind::kIdleWitness).seal(kPlace, chain);
  EXPECT_EQ(batch.size(), kSectorBytes);
  EXPECT_TRUE(check_at(batch, kPlace).whole);
}

TEST(Batch, ASectorOfZerosIsATornWrite) {
  Chain chain;
  std::string batch = batch_of(save_of(1, 4, 700), kPlace, chain);
  batch.replace(2 * kSectorBytes, kSectorBytes, std::string(kSectorBytes, '\0'));
  const BatchCheck checked = check_at(batch, kPlace);
  EXPECT_FALSE(checked.whole);
  EXPECT_TRUE(checked.torn);
  EXPECT_EQ(checked.bad_offset, 2 * kSectorBytes);
}

TEST(Batch, AnAlteredSectorIsNoTornWriteEvenBesideZeros) {
  Chain chain;
  std::string batch = batch_of(save_of(1, 4, 700), kPlace, chain);
  batch.replace(2 * kSectorBytes, kSectorBytes, std::string(kSectorBytes, '\0'));
  batch[kSectorBytes + 3] ^= 1;
  EXPECT_FALSE(check_at(batch, kPlace).torn);
}

TEST(Batch, ZerosThatWereWrittenAreNotTakenForATornWrite) {
  Chain chain;
  raft::Save save = save_of(1, 1, 0);
  save.entries[0].data = Bytes(std::string(4096, '\0'));
  std::string batch = batch_of(save, kPlace, chain);
  ASSERT_TRUE(check_at(batch, kPlace).whole);
  batch[kSectorBytes + 9] = 'x';
  const BatchCheck checked = check_at(batch, kPlace);
  EXPECT_FALSE(checked.whole);
  EXPECT_FALSE(checked.torn);
}

// Sizes that put the tail's beginning and end at and around every border of sectors.
TEST(Batch, HoldsForEverySizeOfItsRecords) {
  for (std::size_t bytes = 0; bytes < 1200; ++bytes) {
    Chain chain;
    const std::string batch = batch_of(save_of(1, 1, bytes), kPlace, chain);
    ASSERT_TRUE(check_at(batch, kPlace).whole) << bytes;
  }
}

}  // namespace
}  // namespace detcd::wal
