// What the log costs before the disk: entries framed, checksummed and sealed into one batch.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>

#include "wal/frame.h"

namespace detcd::bench {
namespace {

constexpr std::size_t kCommandBytes = 300;

raft::Save save_of(std::int64_t entries) {
  raft::Save save;
  for (std::int64_t i = 0; i < entries; ++i) {
    raft::Entry entry;
    entry.term = raft::Term(1);
    entry.index = raft::Index(static_cast<std::uint64_t>(i) + 1);
    entry.data = Bytes::adopt(std::string(kCommandBytes, 'c'));
    save.entries.push_back(std::move(entry));
  }
  save.hard_state = raft::HardState{raft::Term(1), std::nullopt, raft::Index(1)};
  return save;
}

// Argument: entries in the batch.
void wal_seal_batch(benchmark::State& state) {
  const raft::Save save = save_of(state.range(0));
  const wal::Place place{{}, 1, wal::kSectorBytes};
  wal::Chain chain;
  std::size_t bytes = 0;
  for ([[maybe_unused]] const auto _ : state) {
    wal::BatchWriter batch(wal::BatchKind::kSaves, save.entries.size() * (kCommandBytes + 64));
    batch.add(save);
    const std::string sealed = std::move(batch).seal(place, chain);
    bytes += sealed.size();
    benchmark::DoNotOptimize(sealed.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(wal_seal_batch)->Arg(1)->Arg(16)->Arg(256);

}  // namespace
}  // namespace detcd::bench
