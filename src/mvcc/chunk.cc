#include "mvcc/chunk.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::mvcc {
namespace {

static_assert(std::endian::native == std::endian::little,
              "headers are written as the host's words");

constexpr std::uint32_t kMagic = 0x6b686364;  // "dchk"
constexpr std::uint16_t kFormat = 1;
// Set in the ids of rewritten chunks, which are hashes; clear in originals', which are numbers.
constexpr std::uint64_t kRewrittenBit = 1ULL << 63;

// The header's words, without the padding a struct of them would have.
struct Header {
  std::uint32_t magic = kMagic;
  std::uint16_t format = kFormat;
  std::uint16_t rewritten = 0;
  Revision compact = 0;
  Span span;
};

void put_place(const Place& place, char* out) {
  std::memcpy(out, &place.main, 8);
  std::memcpy(out + 8, &place.sub, 4);
}

Place get_place(const char* in) {
  Place place;
  std::memcpy(&place.main, in, 8);
  std::memcpy(&place.sub, in + 8, 4);
  return place;
}

void write_header(const Header& header, char* out) {
  std::memcpy(out, &header.magic, 4);
  std::memcpy(out + 4, &header.format, 2);
  std::memcpy(out + 6, &header.rewritten, 2);
  std::memcpy(out + 8, &header.compact, 8);
  put_place(header.span.first, out + 16);
  put_place(header.span.last, out + 28);
}

std::optional<Header> read_header(std::string_view bytes) {
  if (bytes.size() < kChunkHeaderBytes) return std::nullopt;
  Header header;
  std::memcpy(&header.magic, bytes.data(), 4);
  std::memcpy(&header.format, bytes.data() + 4, 2);
  std::memcpy(&header.rewritten, bytes.data() + 6, 2);
  std::memcpy(&header.compact, bytes.data() + 8, 8);
  header.span = {get_place(bytes.data() + 16), get_place(bytes.data() + 28)};
  if (header.magic != kMagic || header.format != kFormat || header.rewritten > 1)
    return std::nullopt;
  return header;
}

}  // namespace

ChunkTable::ChunkTable(std::uint32_t capacity) : capacity_(capacity) {
  check(capacity > kChunkHeaderBytes, "a chunk has room for its header");
}

std::uint32_t ChunkTable::take_slot() {
  if (free_slots_.empty()) {
    slots_.push_back(std::make_unique<Chunk>());
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = std::make_unique<Chunk>();
  return slot;
}

void ChunkTable::seal(Chunk& chunk) {
  chunk.bytes = chunk.open->written();
  chunk.open.reset();
  chunk.hash = hash64(chunk.bytes.view());
  chunk.sealed = true;
}

ChunkTable::Appended ChunkTable::append(const Record& record) {
  const std::size_t length = frame_size(record);
  Chunk* last = order_.empty() ? nullptr : slots_[order_.back()].get();
  if (last == nullptr || last->sealed || last->open->room() < length) {
    if (last != nullptr && !last->sealed) seal(*last);
    const std::uint32_t slot = take_slot();
    order_.push_back(slot);
    last = slots_[slot].get();
    last->id = ChunkId(next_number_++);
    // A frame that is larger than a chunk gets one of its own.
    last->open.emplace(std::max<std::size_t>(capacity_, kChunkHeaderBytes + length));
    last->span.first = record.place;
    write_header({.span = {record.place, {}}}, last->open->extend(kChunkHeaderBytes));
  }
  const auto offset = static_cast<std::uint32_t>(last->open->size());
  const std::uint64_t hash = write_frame(record, last->open->extend(length));
  last->size = static_cast<std::uint32_t>(last->open->size());
  last->span.last = record.place;
  return {{order_.back(), offset, static_cast<std::uint32_t>(length)}, hash};
}

std::optional<Bytes> ChunkTable::frame(const Location& location) const {
  const Chunk& chunk = *slots_[location.slot];
  if (chunk.cold) return std::nullopt;
  return chunk.all().slice(location.offset, location.length);
}

std::size_t ChunkTable::position(Place place) const {
  const auto found = std::partition_point(order_.begin(), order_.end(), [&](std::uint32_t slot) {
    return slots_[slot]->span.last < place;
  });
  return static_cast<std::size_t>(found - order_.begin());
}

Chunk* ChunkTable::find(ChunkId id) {
  const auto found = std::find_if(order_.begin(), order_.end(),
                                  [&](std::uint32_t slot) { return slots_[slot]->id == id; });
  return found == order_.end() ? nullptr : slots_[*found].get();
}

void ChunkTable::make_cold(ChunkId id) {
  Chunk* const chunk = find(id);
  if (chunk == nullptr || !chunk->sealed) return;
  chunk->bytes = Bytes();
  chunk->cold = true;
}

void ChunkTable::provide(ChunkId id, const Bytes& bytes) {
  Chunk* const chunk = find(id);
  if (chunk == nullptr || !chunk->cold || hash64(bytes.view()) != chunk->hash) return;
  chunk->bytes = bytes;
  chunk->cold = false;
}

std::uint32_t ChunkTable::begin_rewrite(const Span& span, Revision compact, std::size_t capacity) {
  const std::uint32_t slot = take_slot();
  Chunk& chunk = *slots_[slot];
  chunk.rewritten = true;
  chunk.span = span;
  chunk.open.emplace(kChunkHeaderBytes + capacity);
  char* const header = chunk.open->extend(kChunkHeaderBytes);
  write_header({.rewritten = 1, .compact = compact, .span = span}, header);
  chunk.id = ChunkId(kRewrittenBit | hash64({header, kChunkHeaderBytes}));
  chunk.size = kChunkHeaderBytes;
  return slot;
}

Location ChunkTable::copy_frame(std::uint32_t slot, std::string_view frame) {
  Chunk& chunk = *slots_[slot];
  const auto offset = static_cast<std::uint32_t>(chunk.open->size());
  std::memcpy(chunk.open->extend(frame.size()), frame.data(), frame.size());
  chunk.size = static_cast<std::uint32_t>(chunk.open->size());
  return {slot, offset, static_cast<std::uint32_t>(frame.size())};
}

void ChunkTable::replace(std::size_t position, std::size_t count, std::uint32_t rewritten) {
  const auto first = order_.begin() + static_cast<std::ptrdiff_t>(position);
  const auto last = first + static_cast<std::ptrdiff_t>(count);
  for (auto slot = first; slot != last; ++slot) {
    slots_[*slot].reset();
    free_slots_.push_back(*slot);
  }
  if (slots_[rewritten]->size == kChunkHeaderBytes) {
    slots_[rewritten].reset();
    free_slots_.push_back(rewritten);
    order_.erase(first, last);
    return;
  }
  seal(*slots_[rewritten]);
  *first = rewritten;
  order_.erase(first + 1, last);
}

Result<std::uint32_t> ChunkTable::add_image(ChunkId id, std::uint64_t hash, bool sealed,
                                            const Bytes& bytes) {
  const std::optional<Header> header = read_header(bytes.view());
  const bool rewritten = (id.value() & kRewrittenBit) != 0;
  if (!header || (header->rewritten == 1) != rewritten || (rewritten && !sealed) ||
      hash64(bytes.view()) != hash || bytes.size() > UINT32_MAX) {
    return Error{Errc::kDamaged,
                 "chunk " + std::to_string(id.value()) + " isn't what its hash says"};
  }
  const std::uint32_t slot = take_slot();
  order_.push_back(slot);
  Chunk& chunk = *slots_[slot];
  chunk.id = id;
  chunk.size = static_cast<std::uint32_t>(bytes.size());
  chunk.rewritten = rewritten;
  chunk.sealed = sealed;
  if (rewritten) chunk.span = header->span;
  if (sealed) {
    chunk.hash = hash;
    chunk.bytes = bytes;
  } else {
    chunk.open.emplace(std::max<std::size_t>(capacity_, bytes.size()));
    std::memcpy(chunk.open->extend(bytes.size()), bytes.view().data(), bytes.size());
  }
  return slot;
}

void ChunkTable::set_span(std::uint32_t slot, Place first, Place last) {
  Chunk& chunk = *slots_[slot];
  if (chunk.rewritten) return;
  chunk.span = {first, last};
}

}  // namespace detcd::mvcc
