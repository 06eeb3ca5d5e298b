#include "wal/frame.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "raft/codec.h"

namespace detcd::wal {
namespace {

constexpr Place kPlace{.identity = {7, 9}, .segment = 3, .offset = 1024};

raft::Save save_of(std::uint64_t first, std::size_t entries, std::size_t bytes) {
  raft::Save save;
  for (std::size_t i = 0; i < entries; ++i) {
    save.entries.push_back({.term = raft::Term(2), .index = raft::Index(first + i),
                            .data = Bytes(std::string(bytes, static_cast<char>('a' + i % 26)))});
  }
  save.hard_state = raft::HardState{.term = raft::Term(2), .commit = raft::Index(first)};
  return save;
}

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
  const std::string batch = batch_of(save_of(5, 3, 400), kPlace, chain);
  EXPECT_EQ(batch.size() % kSectorBytes, 0u);
  const BatchCheck checked = check_at(batch, kPlace);
  ASSERT_TRUE(checked.whole);
  ASSERT_EQ(checked.records.size(), 4u);
  EXPECT_EQ(checked.records[3].type, FrameType::kHardState);
  Reader in(std::string_view(batch).substr(checked.records[1].offset, checked.records[1].length));
  const Result<raft::Entry> entry = raft::decode_entry(in);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->index, raft::Index(6));
  EXPECT_EQ(entry->data.view(), std::string(400, 'b'));
}

TEST(Batch, MovesTheChainBehindItself) {
  Chain chain;
  const std::string first = batch_of(save_of(1, 1, 10), kPlace, chain);
  EXPECT_EQ(chain.last.offset, kPlace.offset + first.size());
  EXPECT_EQ(chain.next_frame, 5u);  // Head, entry, hard state, tail.
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

RC_GTEST_PROP(BatchProperty, AnyFlippedBitIsSeenAndNeverCalledTorn,
              (std::uint16_t where, std::uint8_t bit)) {
  raft::Save save = save_of(1, 2, 0);
  const auto text = *rc::gen::container<std::string>(700, rc::gen::arbitrary<char>());
  for (raft::Entry& entry : save.entries) entry.data = Bytes(text);
  Chain chain;
  std::string batch = batch_of(save, kPlace, chain);
  batch[where % batch.size()] ^= static_cast<char>(1 << bit % 8);
  const auto head = parse_head(std::string_view(batch).substr(0, kSectorBytes), kPlace);
  if (!head) return;
  const BatchCheck checked = check_batch(batch, kPlace, *head);
  RC_ASSERT(!checked.whole);
  RC_ASSERT(!checked.torn);
}

RC_GTEST_PROP(BatchProperty, AnySectorsThatDidNotArriveAreTorn, (std::uint32_t lost)) {
  raft::Save save = save_of(1, 5, 0);
  const auto text = *rc::gen::container<std::string>(500, rc::gen::inRange<char>(1, 127));
  for (raft::Entry& entry : save.entries) entry.data = Bytes(text);
  Chain chain;
  std::string batch = batch_of(save, kPlace, chain);
  bool any = false;
  for (std::size_t sector = 1; sector < batch.size() / kSectorBytes; ++sector) {
    if ((lost >> sector % 32 & 1) == 0) continue;
    any = true;
    batch.replace(sector * kSectorBytes, kSectorBytes, std::string(kSectorBytes, '\0'));
  }
  const BatchCheck checked = check_at(batch, kPlace);
  RC_ASSERT(checked.whole != any);
  RC_ASSERT(checked.torn == any);
}

}  // namespace
}  // namespace detcd::wal
