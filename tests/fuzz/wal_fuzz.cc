// A log of one segment whose bytes were changed at will, or whose records hold arbitrary bytes
// under right checksums: reading it never invents an entry and never fails without a reason.
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/support/machine.h"
#include "wal/frame.h"
#include "wal/replay.h"
#include "wal/segment.h"
#include "wal/wal.h"

namespace detcd::wal {
namespace {

constexpr Identity kIdentity{.cluster_id = 7, .member_id = 9};
constexpr std::size_t kSegmentBytes = 32 * kSectorBytes;
constexpr std::uint64_t kBatches = 6;

std::string data_of(std::uint64_t index) {
  return std::string(200 + 100 * index, static_cast<char>('a' + index));
}

// One entry in each of six batches.
std::string whole_segment() {
  std::string bytes =
      encode(SegmentHeader{.identity = kIdentity, .sequence = 1, .bytes = kSegmentBytes});
  Chain chain;
  for (std::uint64_t index = 1; index <= kBatches; ++index) {
    raft::Save save;
    save.entries.push_back({.term = raft::Term(1),
                            .index = raft::Index(index),
                            .time_ms = index,
                            .data = Bytes::adopt(data_of(index))});
    BatchWriter batch(BatchKind::kSaves);
    batch.add(save);
    bytes += std::move(batch).seal({kIdentity, 1, bytes.size()}, chain);
  }
  bytes.resize(kSegmentBytes);
  return bytes;
}

runtime::Task<Result<void>> put_segment(runtime::World world, std::string bytes) {
  const NewSegment segment{
      .path = std::string(test::Machine::kDirectory) + "/" + file_name(1, kSegmentKind),
      .bytes = bytes.size(),
      .content = bytes};
  Result<std::unique_ptr<runtime::File>> made = co_await make_segment(world, segment);
  if (!made) co_return made.error();
  co_return Result<void>();
}

void read_back(const std::string& bytes, bool ours) {
  test::Machine machine(1);
  const auto put = machine.run(put_segment(machine.world(), bytes));
  fuzz::require(put.has_value() && put->ok(), "the segment is written");
  const auto read = machine.run(Wal::read(machine.world(), test::Machine::kDirectory, kIdentity));
  fuzz::require(read.has_value(), "reading ends");
  if (!read->ok()) return fuzz::require(!read->error().message.empty(), "an error says why");
  const Recovered& log = **read;
  fuzz::require((log.health == Recovered::Health::kWhole) == !log.damage.has_value(),
                "what isn't whole says where");
  if (!ours) return;
  fuzz::require(log.entries.size() <= kBatches, "no entry is invented");
  for (std::size_t i = 0; i < log.entries.size(); ++i) {
    fuzz::require(log.entries[i].index == raft::Index(i + 1), "entries follow on one another");
    fuzz::require(log.entries[i].data.view() == data_of(i + 1), "an entry is what was written");
  }
}

void replay_anything(fuzz::Input& input) {
  Replay replay(raft::Index(1));
  for (int batch = 0; batch < 8 && !input.empty(); ++batch) {
    std::string bytes;
    std::vector<Record> records;
    for (std::uint8_t left = input.byte() % 4; left > 0; --left) {
      const auto type = static_cast<FrameType>(3 + input.byte() % 7);
      const std::string_view payload = input.take(input.byte());
      records.push_back({.type = type, .offset = bytes.size(), .length = payload.size()});
      bytes += payload;
    }
    const Result<void> applied = replay.apply(Bytes::adopt(std::move(bytes)), records);
    if (!applied.ok()) return fuzz::require(!applied.error().message.empty(), "it says why");
  }
  static_cast<void>(replay.take());
}

}  // namespace
}  // namespace detcd::wal

namespace detcd {
namespace {

void try_input(fuzz::Input input) {
  const std::uint8_t choice = input.byte() % 3;
  if (choice == 0) {
    wal::replay_anything(input);
    return;
  }
  std::string bytes = wal::whole_segment();
  if (choice == 1) {
    // Changes: where, and to what.
    while (!input.empty()) {
      const std::size_t high = input.byte();
      std::size_t at = (high << 8 | input.byte()) % bytes.size();
      for (const char c : input.take(1 + input.byte() % 16)) {
        bytes[at] = static_cast<char>(bytes[at] ^ c);
        at = (at + 1) % bytes.size();
      }
    }
  } else {
    const std::string_view raw = input.rest().substr(0, bytes.size() - wal::kSectorBytes);
    bytes.replace(wal::kSectorBytes, raw.size(), raw);
  }
  wal::read_back(bytes, choice == 1);
}

}  // namespace
}  // namespace detcd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  detcd::try_input({data, size});
  return 0;
}
