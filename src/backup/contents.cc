#include "backup/contents.h"

#include <algorithm>

#include "mvcc/hash.h"

namespace detcd::backup {
namespace {

constexpr std::uint64_t kRecordUnits = 4;   // Encoding a small record.
constexpr std::uint64_t kLookupUnits = 15;  // Finding its key in the index.
constexpr std::size_t kBytesPerUnit = 1024;

}  // namespace

Contents contents_of(const apply::Applier& applier, const Origin& origin) {
  return {.buckets = buckets_of(applier, origin),
          .leases = leases_of(applier),
          .time_ms = applier.applied().time_ms,
          .revision = applier.revision(),
          .compact_revision = applier.compact_revision()};
}

std::size_t Pass::items() const {
  return bucket() == kLeaseBucket ? contents_->leases.size() : at_bucket().items.size();
}
std::string Pass::key() const {
  if (record_) return mvcc::backend_key(*record_);
  return lease_ ? lease_->first : at_bucket().items[item_ - 1].first;
}
std::string Pass::value() const {
  if (record_) return mvcc::backend_value(*record_);
  return lease_ ? lease_->second : at_bucket().items[item_ - 1].second;
}
std::size_t Pass::value_bytes() const {
  if (record_) return mvcc::backend_value_bytes(*record_);
  return lease_ ? lease_->second.size() : at_bucket().items[item_ - 1].second.size();
}

// What a compaction has left in etcd's file, too.
bool Pass::included(const mvcc::Store& store, const mvcc::Record& record) const {
  if (record.place.main > contents_->compact_revision) return true;
  if (record.tombstone) return false;
  const mvcc::Version* const kept = store.live(record.key, contents_->compact_revision);
  return kept != nullptr && kept->place() == record.place;
}

// None at the end of the chunk.
std::optional<Pass::Step> Pass::scan_chunk(const mvcc::Store& store, const mvcc::Chunk& chunk,
                                           mvcc::Meter& meter) {
  // Only id and hash together say that the bytes are still the same.
  if (chunk_ != chunk.id || chunk_hash_ != chunk.hash) {
    chunk_ = chunk.id;
    chunk_hash_ = chunk.hash;
    offset_ = mvcc::kChunkHeaderBytes;
  }
  const std::string_view bytes = chunk.text();
  while (offset_ < bytes.size()) {
    if (!meter.spend()) return Step::kMore;
    const mvcc::Record record = mvcc::read_frame(bytes.substr(offset_));
    if (record.place.main > contents_->revision) return Step::kBucketEnd;
    const std::size_t length = mvcc::frame_size(record);
    offset_ += length;
    if (record.place < next_) continue;
    next_ = {record.place.main, record.place.sub + 1};
    if (record.place.main <= contents_->compact_revision) meter.charge(kLookupUnits);
    if (!included(store, record)) continue;
    meter.charge(kRecordUnits + length / kBytesPerUnit);
    record_ = record;
    return Step::kItem;
  }
  next_ = std::max(next_, mvcc::Place{chunk.span.last.main, chunk.span.last.sub + 1});
  return std::nullopt;
}

Pass::Step Pass::next_record(const mvcc::Store& store, mvcc::Meter& meter) {
  for (;;) {
    const std::size_t position = store.chunks().position(next_);
    if (position == store.chunks().order().size()) return Step::kBucketEnd;
    const mvcc::Chunk& chunk = store.chunks().at(store.chunks().order()[position]);
    if (chunk.span.first.main > contents_->revision) return Step::kBucketEnd;
    if (chunk.cold) {
      chunk_ = chunk.id;
      chunk_hash_ = 0;
      return Step::kCold;
    }
    const std::optional<Step> step = scan_chunk(store, chunk, meter);
    if (step) return *step;
    if (!meter.spend()) return Step::kMore;
  }
}

Pass::Step Pass::next(const mvcc::Store& store, mvcc::Meter& meter) {
  record_.reset();
  lease_.reset();
  if (bucket_ == contents_->buckets.size()) return Step::kEnd;
  if (!inside_) {
    inside_ = true;
    item_ = 0;
    return Step::kBucket;
  }
  if (bucket() == kKeyBucket) {
    const Step step = next_record(store, meter);
    if (step != Step::kBucketEnd) return step;
  } else if (item_ < items()) {
    if (!meter.spend()) return Step::kMore;
    if (bucket() == kLeaseBucket) lease_ = lease_item(contents_->leases[item_], contents_->time_ms);
    ++item_;
    return Step::kItem;
  }
  inside_ = false;
  ++bucket_;
  return Step::kBucketEnd;
}

}  // namespace detcd::backup
