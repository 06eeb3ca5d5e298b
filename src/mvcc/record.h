// One change as it lies in a chunk: a fixed header, the key and the value, under a checksum of
// their own. The checksum is also the record's part of the state hash, so that what the members
// compare is what the disk keeps.
//
//   checksum u64 | length u32 | key length u32 | main i64 | sub u32 | flags u32 |
//   create i64 | version i64 | lease i64 | key | value             (little endian)
//
// `checksum` is XXH3-64 of all that follows it; `length` counts the whole frame. A tombstone has
// flag 1, no value, and zeros for create, version and lease.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "mvcc/types.h"

namespace detcd::mvcc {

inline constexpr std::size_t kRecordHeaderBytes = 56;
// What a length field can say, and far more than a request may hold.
inline constexpr std::uint64_t kRecordBytesMax = 1ULL << 31;

// A record's fields; key and value are views into the caller's strings or into the chunk.
struct Record {
  Place place;
  bool tombstone = false;
  Revision create_revision = 0;
  std::int64_t version = 0;
  std::int64_t lease = 0;
  std::string_view key;
  std::string_view value;
};

[[nodiscard]] inline std::size_t frame_size(const Record& record) {
  return kRecordHeaderBytes + record.key.size() + record.value.size();
}

// Writes the frame to `out`, which has room for frame_size(record), and returns its checksum.
std::uint64_t write_frame(const Record& record, char* out);

// The record at the front of a frame that was verified when it came in. Only the header is read.
[[nodiscard]] Record read_frame(std::string_view frame);

struct Verified {
  Record record;
  std::uint64_t checksum = 0;
  std::uint32_t length = 0;
};
// The record at the front of untrusted bytes; none when it is cut short, contradicts itself or
// fails its checksum.
[[nodiscard]] std::optional<Verified> verify_frame(std::string_view bytes);

}  // namespace detcd::mvcc
