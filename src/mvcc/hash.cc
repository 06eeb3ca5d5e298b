#include "mvcc/hash.h"

#include <algorithm>

#include "base/codec.h"
#include "base/crc32c.h"

namespace detcd::mvcc {
namespace {

// Protobuf tags of mvccpb.KeyValue: field number << 3 | wire type.
constexpr std::uint8_t kKeyTag = 1 << 3 | 2;
constexpr std::uint8_t kCreateTag = 2 << 3;
constexpr std::uint8_t kModTag = 3 << 3;
constexpr std::uint8_t kVersionTag = 4 << 3;
constexpr std::uint8_t kValueTag = 5 << 3 | 2;
constexpr std::uint8_t kLeaseTag = 6 << 3;

constexpr std::uint64_t kRecordUnits = 4;   // Encoding and hashing a small record.
constexpr std::uint64_t kLookupUnits = 15;  // Finding its key in the index.
constexpr std::size_t kBytesPerUnit = 1024;

void put_bytes(Writer& out, std::uint8_t tag, std::string_view value) {
  if (value.empty()) return;
  out.u8(tag);
  out.bytes(value);
}

void put_number(Writer& out, std::uint8_t tag, std::int64_t value) {
  if (value == 0) return;
  out.u8(tag);
  out.varint(static_cast<std::uint64_t>(value));
}

void put_big_endian(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

}  // namespace

std::string backend_key(const Record& record) {
  std::string key;
  put_big_endian(key, static_cast<std::uint64_t>(record.place.main));
  key.push_back('_');
  put_big_endian(key, record.place.sub);
  if (record.tombstone) key.push_back('t');
  return key;
}

std::string backend_value(const Record& record) {
  Writer out;
  put_bytes(out, kKeyTag, record.key);
  if (!record.tombstone) {
    put_number(out, kCreateTag, record.create_revision);
    put_number(out, kModTag, record.place.main);
    put_number(out, kVersionTag, record.version);
    put_bytes(out, kValueTag, record.value);
    put_number(out, kLeaseTag, record.lease);
  }
  return out.take();
}

namespace {

std::size_t varint_bytes(std::uint64_t value) {
  std::size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}
std::size_t text_bytes(std::string_view value) {
  return value.empty() ? 0 : 1 + varint_bytes(value.size()) + value.size();
}
std::size_t number_bytes(std::int64_t value) {
  return value == 0 ? 0 : 1 + varint_bytes(static_cast<std::uint64_t>(value));
}

}  // namespace

std::size_t backend_value_bytes(const Record& record) {
  if (record.tombstone) return text_bytes(record.key);
  return text_bytes(record.key) + number_bytes(record.create_revision) +
         number_bytes(record.place.main) + number_bytes(record.version) + text_bytes(record.value) +
         number_bytes(record.lease);
}

// A revision at which no key is live left its own tombstones, which a compaction at it keeps: it
// always keeps something.
HashRead::HashRead(Revision at, Revision compact, Of of)
    : at_(at),
      compact_(compact),
      live_(KeyRange{std::string(1, '\0'), std::string(1, '\0')}, at),
      live_known_(of == Of::kCompaction),
      any_live_(of == Of::kCompaction),
      hash_(crc32c("key")) {}

// What etcd's compaction keeps at the hashed revision decides which records at or before the
// compact revision count; when it would keep none, none is skipped.
bool HashRead::included(const Store& store, const Record& record) const {
  if (record.place.main > compact_) return true;
  // The tombstone at the compact revision is left out, and older ones are gone.
  if (record.tombstone) return false;
  const Version* const kept = store.live(record.key, any_live_ ? at_ : compact_);
  return kept != nullptr && kept->place() == record.place;
}

Advance HashRead::find_live(const Store& store, Meter& meter) {
  any_live_ = live_.peek(store.index(), meter).has_value();
  const bool known = any_live_ || live_.finished();
  live_.pop();
  live_.pause();
  if (!known) return More{};
  live_known_ = true;
  return Done{};
}

bool HashRead::hash_chunk(const Store& store, const Chunk& chunk, Meter& meter) {
  const std::string_view bytes = chunk.text();
  if (chunk_ != chunk.id || chunk_hash_ != chunk.hash) {
    chunk_ = chunk.id;
    chunk_hash_ = chunk.hash;
    offset_ = kChunkHeaderBytes;
  }
  while (offset_ < bytes.size()) {
    if (!meter.spend()) return false;
    const Record record = read_frame(bytes.substr(offset_));
    if (record.place.main > at_) {
      finished_ = true;
      return false;
    }
    const std::size_t length = frame_size(record);
    offset_ += length;
    if (record.place < next_) continue;
    next_ = {record.place.main, record.place.sub + 1};
    if (record.place.main <= compact_) meter.charge(kLookupUnits);
    if (!included(store, record)) continue;
    meter.charge(kRecordUnits + length / kBytesPerUnit);
    hash_ = crc32c(backend_key(record), hash_);
    hash_ = crc32c(backend_value(record), hash_);
  }
  return true;
}

Advance HashRead::hash_records(const Store& store, Meter& meter) {
  const std::vector<std::uint32_t>& order = store.chunks().order();
  for (std::size_t i = store.chunks().position(next_); i < order.size(); ++i) {
    const Chunk& chunk = store.chunks().at(order[i]);
    if (chunk.span.first.main > at_) break;
    if (chunk.cold) return Need{{chunk.id}};
    if (hash_chunk(store, chunk, meter)) {
      // So that the next advance begins behind this chunk, whatever its last records were.
      next_ = std::max(next_, Place{chunk.span.last.main, chunk.span.last.sub + 1});
      continue;
    }
    if (!finished_) return More{};
    break;
  }
  finished_ = true;
  return Done{};
}

Advance HashRead::advance(const Store& store, Meter& meter) {
  if (finished_) return Done{};
  if (!live_known_) {
    Advance step = find_live(store, meter);
    if (!std::holds_alternative<Done>(step)) return step;
  }
  return hash_records(store, meter);
}

}  // namespace detcd::mvcc
