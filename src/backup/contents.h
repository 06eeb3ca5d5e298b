// What etcd's backend holds of an applied state, by bucket (ETCD.md §10.5): what a snapshot's file
// is made of, and what the Hash call hashes. The small buckets are values, captured between two
// entries; the keys are read from the store while it goes on, as they were at that moment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apply/applier.h"
#include "backup/buckets.h"
#include "lease/lessor.h"
#include "mvcc/meter.h"
#include "mvcc/record.h"
#include "mvcc/store.h"

namespace detcd::backup {

struct Contents {
  std::vector<Bucket> buckets;
  std::vector<lease::Lease> leases;
  std::optional<std::uint64_t> time_ms;  // For what is left of the leases; none leaves it out.
  mvcc::Revision revision = 0;
  mvcc::Revision compact_revision = 0;
};
[[nodiscard]] Contents contents_of(const apply::Applier& applier, const Origin& origin);

// One pass over all items, in the order of a file. The store may go on meanwhile, as long as a pin
// keeps what the compaction at `compact_revision` kept.
class Pass {
 public:
  explicit Pass(const Contents& contents) : contents_(&contents) {}
  enum class Step : std::uint8_t {
    kBucket,  // bucket() begins.
    kItem,    // One of its items.
    kBucketEnd,
    kEnd,
    kMore,  // The meter is empty.
    kCold,  // need() is to be provided.
  };
  Step next(const mvcc::Store& store, mvcc::Meter& meter);

  [[nodiscard]] const std::string& bucket() const { return at_bucket().name; }
  // After kItem, until the store changes.
  [[nodiscard]] std::string key() const;
  [[nodiscard]] std::string value() const;
  [[nodiscard]] std::size_t value_bytes() const;
  [[nodiscard]] mvcc::Need need() const { return {{chunk_}}; }

 private:
  [[nodiscard]] const Bucket& at_bucket() const { return contents_->buckets[bucket_]; }
  [[nodiscard]] std::size_t items() const;
  Step next_record(const mvcc::Store& store, mvcc::Meter& meter);
  std::optional<Step> scan_chunk(const mvcc::Store& store, const mvcc::Chunk& chunk,
                                 mvcc::Meter& meter);
  [[nodiscard]] bool included(const mvcc::Store& store, const mvcc::Record& record) const;

  const Contents* contents_;
  std::size_t bucket_ = 0;
  bool inside_ = false;
  std::size_t item_ = 0;  // The next one of any bucket but that of the keys.
  std::optional<Item> lease_;
  std::optional<mvcc::Record> record_;
  // As mvcc::HashRead goes through the records.
  mvcc::Place next_{0, 0};
  mvcc::ChunkId chunk_;
  std::uint64_t chunk_hash_ = 0;
  std::size_t offset_ = 0;
};

}  // namespace detcd::backup
