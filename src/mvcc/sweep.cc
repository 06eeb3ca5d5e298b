#include "mvcc/sweep.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace detcd::mvcc {
namespace {

constexpr std::uint64_t kEntryUnits = 5;   // Coming to a key's versions, which are rarely in cache.
constexpr std::uint64_t kDropUnits = 1;    // Dropping a version.
constexpr std::uint64_t kEraseUnits = 20;  // Taking a key out of the index.
constexpr std::uint64_t kCopyUnits = 15;   // Looking a record up and copying it.
constexpr std::uint64_t kBytesPerUnit = 1024;
constexpr std::uint64_t kChunksPerUnit = 8;  // When all chunks' counts are looked at.
// Chunks of one rewrite: when it ends their buffers are freed at once.
constexpr std::size_t kRunMax = 8;
constexpr std::uint64_t kFreeUnits = 500;  // Freeing a chunk's buffer.
constexpr Revision kNoFloor = std::numeric_limits<Revision>::max();

// What a rewrite would free, when dead tombstones before `floor` may go.
std::uint64_t reclaimable(const Chunk& chunk, Revision floor) {
  const bool tombstones_stay = chunk.dead_tombstone_max >= floor;
  return chunk.dead_bytes - (tombstones_stay ? chunk.dead_tombstone_bytes : 0);
}

std::uint64_t kept_bytes(const Chunk& chunk, Revision floor) {
  return chunk.size - kChunkHeaderBytes - reclaimable(chunk, floor);
}

bool mostly_garbage(const Chunk& chunk, Revision floor) {
  return reclaimable(chunk, floor) * 2 >= chunk.size - kChunkHeaderBytes;
}

bool holds_dead_puts(const Chunk& chunk) {
  return chunk.dead_bytes > chunk.dead_tombstone_bytes;
}

}  // namespace

Advance Sweeper::advance(Store& store, Meter& meter) {
  while (!meter.empty()) {
    switch (phase_) {
      case Phase::kIdle:
        begin_turn(store, meter);
        if (phase_ == Phase::kIdle) return Done{};
        break;
      case Phase::kTrim:
        if (!trim(store, meter)) return More{};
        break;
      case Phase::kRewrite: {
        Advance step = rewrite(store, meter);
        if (!std::holds_alternative<Done>(step)) return step;
        break;
      }
    }
  }
  return More{};
}

void Sweeper::begin_turn(Store& store, Meter& meter) {
  if (!rewrites_done_) {
    const std::optional<Rewrite> chosen = choose(store, meter);
    if (chosen) {
      begin_rewrite(store, *chosen);
      return;
    }
    rewrites_done_ = true;
  }
  target_ = std::min(store.compact_revision(), store.pins().lowest().value_or(kNoFloor));
  if (target_ > swept_) phase_ = Phase::kTrim;
}

// ---- Trimming the index
// ---------------------------------------------------------------------------

void Sweeper::bury(Store& store, const Version& version) {
  Chunk& chunk = store.chunks_.at(version.location.slot);
  chunk.dead_bytes += version.location.length;
  if (!version.tombstone()) return;
  chunk.dead_tombstone_bytes += version.location.length;
  chunk.dead_tombstone_max = std::max(chunk.dead_tombstone_max, version.main);
}

// The rule of compaction (ETCD.md §2.6), the same that the store's totals follow: a put goes when a
// version after it is at or before the target, a tombstone when it is itself before the target.
bool Sweeper::trim_entry(Store& store, KeyEntry& entry, Meter& meter) const {
  VersionList& versions = entry.versions;
  while (const Version* const oldest = versions.oldest()) {
    const bool gone =
        oldest->tombstone() ? oldest->main < target_ : versions.second().main <= target_;
    if (!gone) return true;
    if (!meter.spend(kDropUnits)) return false;
    bury(store, *oldest);
    versions.pop_oldest();
  }
  return true;
}

bool Sweeper::trim(Store& store, Meter& meter) {
  while (const ReleaseQueue::Item* const item = store.superseded_.front()) {
    if (item->place.main > target_) break;
    if (meter.empty() || !trim_entry(store, *item->entry, meter)) return false;
    meter.charge(kEntryUnits);
    store.superseded_.pop();
  }
  // Only now may keys go: no item of the other queue up to the target points at them any more.
  while (const ReleaseQueue::Item* const item = store.tombstones_.front()) {
    if (item->place.main >= target_) break;
    KeyEntry& entry = *item->entry;
    if (meter.empty() || !trim_entry(store, entry, meter)) return false;
    meter.charge(kEntryUnits);
    const Version newest = entry.versions.newest();
    if (newest.place() == item->place) {
      check(entry.versions.oldest() == nullptr, "a key whose tombstone is dead has nothing else");
      meter.charge(kEraseUnits);
      bury(store, newest);
      store.index_.erase(entry.key);
    }
    store.tombstones_.pop();
  }
  swept_ = target_;
  mark_clean(store, meter);
  rewrites_done_ = false;
  phase_ = Phase::kIdle;
  return true;
}

void Sweeper::mark_clean(Store& store, Meter& meter) const {
  for (const std::uint32_t slot : store.chunks_.order()) {
    Chunk& chunk = store.chunks_.at(slot);
    if (!holds_dead_puts(chunk)) chunk.clean_to = swept_;
  }
  meter.charge(store.chunks_.order().size() / kChunksPerUnit);
}

// ---- Rewriting chunks
// -----------------------------------------------------------------------------

// Three reasons to rewrite: half of a chunk is garbage; two neighbours are small; or tombstones
// that must wait for the chunks before them have become an eighth of everything, and then the first
// chunk that holds dead puts is the one they wait for.
std::optional<Sweeper::Rewrite> Sweeper::choose(const Store& store, Meter& meter) const {
  const std::vector<std::uint32_t>& order = store.chunks().order();
  meter.charge(order.size() / kChunksPerUnit);
  const std::uint64_t small = store.chunks().capacity() / 4;
  std::uint64_t total = 0;
  std::uint64_t waiting = 0;
  std::optional<std::size_t> first_dirty;
  Revision floor = kNoFloor;
  Revision dirty_floor = kNoFloor;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Chunk& chunk = store.chunks().at(order[i]);
    if (!chunk.sealed) break;
    if (mostly_garbage(chunk, floor) && chunk.dead_bytes > 0) return extend(store, i, floor);
    if (i + 1 < order.size() && chunk.size < small) {
      const Chunk& next = store.chunks().at(order[i + 1]);
      if (next.sealed && next.size < small) return extend(store, i, floor);
    }
    if (!first_dirty && holds_dead_puts(chunk)) {
      first_dirty = i;
      dirty_floor = floor;
    }
    total += chunk.size;
    if (chunk.dead_tombstone_max >= floor) waiting += chunk.dead_tombstone_bytes;
    floor = std::min(floor, chunk.clean_to);
  }
  if (first_dirty && waiting * 8 > total) return extend(store, *first_dirty, dirty_floor);
  return std::nullopt;
}

Sweeper::Rewrite Sweeper::extend(const Store& store, std::size_t position, Revision floor) const {
  const std::vector<std::uint32_t>& order = store.chunks().order();
  const std::uint64_t room = store.chunks().capacity() - kChunkHeaderBytes;
  Rewrite run{.position = position, .count = 1, .tombstone_floor = floor};
  std::uint64_t kept = kept_bytes(store.chunks().at(order[position]), floor);
  for (std::size_t i = position + 1; i < order.size(); ++i) {
    const Chunk& chunk = store.chunks().at(order[i]);
    const std::uint64_t more = kept_bytes(chunk, floor);
    if (!chunk.sealed || kept + more > room || run.count == kRunMax) break;
    if (!mostly_garbage(chunk, floor) && chunk.size >= store.chunks().capacity() / 4) break;
    kept += more;
    ++run.count;
  }
  return run;
}

void Sweeper::begin_rewrite(Store& store, Rewrite rewrite) {
  const std::vector<std::uint32_t>& order = store.chunks_.order();
  std::uint64_t capacity = 0;
  for (std::size_t i = 0; i < rewrite.count; ++i) {
    const Chunk& chunk = store.chunks_.at(order[rewrite.position + i]);
    // Of tombstones some may go and some stay: room for all of them.
    capacity += chunk.size - kChunkHeaderBytes - (chunk.dead_bytes - chunk.dead_tombstone_bytes);
  }
  const Span span{store.chunks_.at(order[rewrite.position]).span.first,
                  store.chunks_.at(order[rewrite.position + rewrite.count - 1]).span.last};
  rewrite.slot = store.chunks_.begin_rewrite(span, swept_, capacity);
  rewrite_ = rewrite;
  phase_ = Phase::kRewrite;
}

Advance Sweeper::rewrite(Store& store, Meter& meter) {
  for (; rewrite_.current < rewrite_.count; ++rewrite_.current) {
    const std::uint32_t slot = store.chunks_.order()[rewrite_.position + rewrite_.current];
    const Chunk& chunk = store.chunks_.at(slot);
    if (chunk.cold) return Need{{chunk.id}};
    const std::string_view bytes = chunk.text();
    while (rewrite_.offset < bytes.size()) {
      if (!meter.spend(kCopyUnits)) return More{};
      const std::size_t length = frame_size(read_frame(bytes.substr(rewrite_.offset)));
      meter.charge(length / kBytesPerUnit);
      copy_record(store, bytes.substr(rewrite_.offset, length));
      rewrite_.offset += length;
    }
    rewrite_.offset = kChunkHeaderBytes;
  }
  meter.charge(rewrite_.count * kFreeUnits);
  end_rewrite(store);
  return Done{};
}

void Sweeper::copy_record(Store& store, std::string_view frame) {
  const Record record = read_frame(frame);
  KeyEntry* const entry = store.index_.find(record.key);
  Version* const version = entry == nullptr ? nullptr : entry->versions.find_exact(record.place);
  if (version != nullptr) {
    // Readers find the copy from now on; the old bytes stay until the whole run is replaced.
    version->location = store.chunks_.copy_frame(rewrite_.slot, frame);
    return;
  }
  if (!record.tombstone || record.place.main < rewrite_.tombstone_floor) return;
  const Location copy = store.chunks_.copy_frame(rewrite_.slot, frame);
  Chunk& made = store.chunks_.at(rewrite_.slot);
  made.dead_bytes += copy.length;
  made.dead_tombstone_bytes += copy.length;
  made.dead_tombstone_max = std::max(made.dead_tombstone_max, record.place.main);
}

void Sweeper::end_rewrite(Store& store) {
  store.chunks_.at(rewrite_.slot).clean_to = swept_;
  store.chunks_.replace(rewrite_.position, rewrite_.count, rewrite_.slot);
  phase_ = Phase::kIdle;
}

}  // namespace detcd::mvcc
