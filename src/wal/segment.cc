#include "wal/segment.h"

#include <algorithm>
#include <utility>

#include "base/crc32c.h"

namespace detcd::wal {
namespace {

constexpr std::string_view kMagic = "detcdWAL";
constexpr std::uint16_t kMajor = 1;
constexpr std::uint16_t kMinor = 0;
constexpr std::size_t kCrcOffset = kSectorBytes - 4;
constexpr std::size_t kSequenceDigits = 16;
// Fills sectors that couldn't be read. Not zeros: they are bad, not former content.
constexpr char kUnreadable = '\x5a';

Error incompatible(std::string what) {
  return {Errc::kIncompatible, std::move(what)};
}

}  // namespace

std::string encode(const SegmentHeader& header) {
  Writer out;
  out.reserve(kSectorBytes);
  out.raw(kMagic);
  out.u16(kMajor);
  out.u16(kMinor);
  out.u32(0);
  out.u64(header.identity.cluster_id);
  out.u64(header.identity.member_id);
  out.u64(0);
  out.u64(header.sequence);
  out.u64(header.generation);
  out.u64(header.first_index.value());
  out.u64(header.before.next_frame);
  out.u64(header.before.last.segment);
  out.u64(header.before.last.offset);
  out.u32(header.before.last.crc);
  out.u64(header.bytes);
  std::string sector = out.take();
  sector.resize(kCrcOffset, '\0');
  const std::uint32_t crc = crc32c(sector);
  for (int i = 0; i < 4; ++i) sector.push_back(static_cast<char>(crc >> (8 * i)));
  return sector;
}

Result<SegmentHeader> decode_header(std::string_view sector, const Identity& identity) {
  if (sector.size() < kSectorBytes || !sector.starts_with(kMagic)) {
    return Error{Errc::kDamaged, "the segment's header isn't there"};
  }
  if (Reader(sector.substr(kCrcOffset)).u32() != crc32c(sector.substr(0, kCrcOffset))) {
    return Error{Errc::kDamaged, "the checksum of the segment's header doesn't hold"};
  }
  Reader in(sector.substr(kMagic.size()));
  const std::uint16_t major = in.u16();
  const std::uint16_t minor = in.u16();
  const std::uint32_t features = in.u32();
  if (major != kMajor) {
    return incompatible("the log has format " + std::to_string(major) + "." +
                        std::to_string(minor) + ", this version reads 1.x");
  }
  if (features != 0) return incompatible("the log needs features that this version doesn't have");
  SegmentHeader header;
  header.identity.cluster_id = in.u64();
  header.identity.member_id = in.u64();
  if (in.u64() != 0) return incompatible("the log is encrypted");
  if (header.identity != identity) {
    return incompatible("the log belongs to member " + std::to_string(header.identity.member_id) +
                        " of cluster " + std::to_string(header.identity.cluster_id));
  }
  header.sequence = in.u64();
  header.generation = in.u64();
  header.first_index = raft::Index(in.u64());
  header.before.next_frame = in.u64();
  header.before.last.segment = in.u64();
  header.before.last.offset = in.u64();
  header.before.last.crc = in.u32();
  header.bytes = in.u64();
  return header;
}

std::string file_name(std::uint64_t sequence, std::string_view kind) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name(kSequenceDigits, '0');
  for (std::size_t i = kSequenceDigits; i-- > 0; sequence >>= 4) name[i] = kDigits[sequence & 15];
  name.push_back('.');
  name.append(kind);
  return name;
}

std::optional<FileName> parse_file_name(std::string_view name) {
  if (name.size() < kSequenceDigits + 2 || name[kSequenceDigits] != '.') return std::nullopt;
  FileName parsed;
  for (const char c : name.substr(0, kSequenceDigits)) {
    const bool decimal = c >= '0' && c <= '9';
    if (!decimal && (c < 'a' || c > 'f')) return std::nullopt;
    parsed.sequence =
        parsed.sequence << 4 | static_cast<std::uint64_t>(decimal ? c - '0' : c - 'a' + 10);
  }
  parsed.kind = name.substr(kSequenceDigits + 1);
  return parsed;
}

runtime::Task<Result<std::unique_ptr<SegmentReader>>> SegmentReader::open(runtime::World world,
                                                                          std::string path) {
  Result<std::unique_ptr<runtime::File>> file =
      co_await world.disk.open(path, runtime::OpenMode::kRead);
  if (!file) co_return file.error();
  const Result<std::uint64_t> size = co_await (*file)->size();
  if (!size) co_return size.error();
  co_return std::make_unique<SegmentReader>(std::move(*file), *size);
}

runtime::Task<Result<Bytes>> SegmentReader::read(std::uint64_t offset, std::size_t length) {
  check(offset + length <= size(), "a segment is read inside its size");
  if (offset >= piece_offset_ && offset + length <= piece_offset_ + piece_.size()) {
    co_return piece_.slice(offset - piece_offset_, length);
  }
  if (length <= kReadBytesMax) {
    const std::size_t ahead = std::min<std::uint64_t>(kReadBytesMax, size() - offset);
    Result<std::string> piece = co_await read_piece(offset, ahead);
    if (!piece) co_return piece.error();
    piece_ = Bytes::adopt(std::move(*piece));
    piece_offset_ = offset;
    co_return piece_.slice(0, length);
  }
  std::string all;
  all.reserve(length);
  while (all.size() < length) {
    const std::size_t step = std::min(kReadBytesMax, length - all.size());
    const Result<std::string> piece = co_await read_piece(offset + all.size(), step);
    if (!piece) co_return piece.error();
    all.append(*piece);
  }
  co_return Bytes::adopt(std::move(all));
}

runtime::Task<Result<std::string>> SegmentReader::read_piece(std::uint64_t offset,
                                                             std::size_t length) {
  Result<std::string> whole = co_await file_->read(offset, length);
  if (whole && whole->size() == length) co_return std::move(whole);
  if (!whole && whole.error().code != Errc::kIo) co_return whole.error();
  // The device refused some sector: the others can still be had one by one.
  std::string piece(length, kUnreadable);
  for (std::size_t at = 0; at < length; at += kSectorBytes) {
    const Result<std::string> sector = co_await file_->read(offset + at, kSectorBytes);
    if (sector && sector->size() == kSectorBytes) piece.replace(at, kSectorBytes, *sector);
  }
  co_return std::move(piece);
}

runtime::Task<Result<std::unique_ptr<runtime::File>>> make_segment(runtime::World world,
                                                                   NewSegment segment) {
  Result<std::unique_ptr<runtime::File>> file =
      co_await world.disk.open(segment.path, runtime::OpenMode::kCreate);
  if (!file) co_return file.error();
  const Result<std::uint64_t> size = co_await (*file)->size();
  if (!size) co_return size.error();
  // Former content of a recycled file is overwritten: holes or stale frames would not do.
  for (std::uint64_t offset = 0; offset < std::min(*size, segment.bytes); offset += kReadBytesMax) {
    const std::uint64_t step = std::min<std::uint64_t>(kReadBytesMax, *size - offset);
    std::string zeros(step, '\0');
    const Result<void> zeroed = co_await (*file)->write(offset, std::move(zeros));
    if (!zeroed) co_return zeroed.error();
  }
  if (*size > segment.bytes) {
    const Result<void> cut = co_await (*file)->truncate(segment.bytes);
    if (!cut) co_return cut.error();
  }
  const Result<void> filled = co_await (*file)->allocate(segment.bytes);
  if (!filled) co_return filled.error();
  if (!segment.content.empty()) {
    const Result<void> written = co_await (*file)->write(0, std::move(segment.content));
    if (!written) co_return written.error();
  }
  const Result<void> synced = co_await (*file)->sync();
  if (!synced) co_return synced.error();
  co_return std::move(file);
}

runtime::Task<Result<void>> rename_durably(runtime::World world, Renaming renaming) {
  const Result<void> renamed = co_await world.disk.rename(renaming.directory + "/" + renaming.from,
                                                          renaming.directory + "/" + renaming.to);
  if (!renamed) co_return renamed.error();
  co_return co_await world.disk.sync_directory(renaming.directory);
}

}  // namespace detcd::wal
