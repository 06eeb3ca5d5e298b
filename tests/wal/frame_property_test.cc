#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/wal/logs.h"
#include "wal/frame.h"

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
