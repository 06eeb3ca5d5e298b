#include "mvcc/record.h"

#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::mvcc {
namespace {

static_assert(std::endian::native == std::endian::little, "frames are written as the host's words");

constexpr std::uint32_t kTombstoneFlag = 1;

struct Header {
  std::uint64_t checksum = 0;
  std::uint32_t length = 0;
  std::uint32_t key_length = 0;
  std::int64_t main = 0;
  std::uint32_t sub = 0;
  std::uint32_t flags = 0;
  std::int64_t create = 0;
  std::int64_t version = 0;
  std::int64_t lease = 0;
};
static_assert(sizeof(Header) == kRecordHeaderBytes);

Header header_of(std::string_view frame) {
  Header header;
  std::memcpy(&header, frame.data(), sizeof(header));
  return header;
}

Record record_of(const Header& header, std::string_view frame) {
  return Record{.place = {header.main, header.sub},
                .tombstone = (header.flags & kTombstoneFlag) != 0,
                .create_revision = header.create,
                .version = header.version,
                .lease = header.lease,
                .key = frame.substr(kRecordHeaderBytes, header.key_length),
                .value = frame.substr(kRecordHeaderBytes + header.key_length,
                                      header.length - kRecordHeaderBytes - header.key_length)};
}

}  // namespace

std::uint64_t write_frame(const Record& record, char* out) {
  const std::size_t length = frame_size(record);
  check(length <= kRecordBytesMax, "a record's length fits its field");
  Header header{.length = static_cast<std::uint32_t>(length),
                .key_length = static_cast<std::uint32_t>(record.key.size()),
                .main = record.place.main,
                .sub = record.place.sub,
                .flags = record.tombstone ? kTombstoneFlag : 0,
                .create = record.create_revision,
                .version = record.version,
                .lease = record.lease};
  std::memcpy(out, &header, sizeof(header));
  char* const body = out + sizeof(header);
  if (!record.key.empty()) std::memcpy(body, record.key.data(), record.key.size());
  if (!record.value.empty()) {
    std::memcpy(body + record.key.size(), record.value.data(), record.value.size());
  }
  const std::string_view frame(out, length);
  header.checksum = hash64(frame.substr(sizeof(header.checksum)));
  std::memcpy(out, &header.checksum, sizeof(header.checksum));
  return header.checksum;
}

Record read_frame(std::string_view frame) {
  return record_of(header_of(frame), frame);
}

std::optional<Verified> verify_frame(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  const Header header = header_of(bytes);
  if (header.length < kRecordHeaderBytes || header.length > bytes.size() ||
      header.key_length > header.length - kRecordHeaderBytes) {
    return std::nullopt;
  }
  const std::string_view frame = bytes.substr(0, header.length);
  if (hash64(frame.substr(sizeof(header.checksum))) != header.checksum) return std::nullopt;
  const Record record = record_of(header, frame);
  const bool plain = record.create_revision == 0 && record.version == 0 && record.lease == 0 &&
                     record.value.empty();
  if (record.place.main <= 0 || record.key.empty() || (record.tombstone && !plain) ||
      (!record.tombstone && record.version <= 0)) {
    return std::nullopt;
  }
  return Verified{record, header.checksum, header.length};
}

}  // namespace detcd::mvcc
