#include "mvcc/scrub.h"

#include "base/hash.h"
#include "mvcc/record.h"

namespace detcd::mvcc {
namespace {

// Hashing reads about ten bytes in a nanosecond.
constexpr std::uint64_t kBytesPerUnit = 1024;

}  // namespace

Advance Scrub::advance(const Store& store, Meter& meter) {
  if (damaged_) return Done{};
  const ChunkTable& chunks = store.chunks();
  for (std::size_t i = chunks.position(next_); i < chunks.order().size(); ++i) {
    const Chunk& chunk = chunks.at(chunks.order()[i]);
    if (chunk.cold) {
      if (!meter.spend()) return More{};
    } else if (chunk.sealed) {
      if (!meter.spend(1 + chunk.size / kBytesPerUnit)) return More{};
      if (hash64(chunk.bytes.view()) != chunk.hash) damaged_ = chunk.id;
    } else if (!read_open(chunk, meter)) {
      return More{};
    }
    if (damaged_) return Done{};
    next_ = {chunk.span.last.main, chunk.span.last.sub + 1};
  }
  next_ = {};
  return Done{};
}

// Frame by frame: it has no hash of its own yet.
bool Scrub::read_open(const Chunk& chunk, Meter& meter) {
  if (open_ != chunk.id) {
    open_ = chunk.id;
    offset_ = kChunkHeaderBytes;
  }
  const std::string_view text = chunk.text();
  while (offset_ < text.size()) {
    if (!meter.spend()) return false;
    const std::optional<Verified> frame = verify_frame(text.substr(offset_));
    if (!frame) {
      damaged_ = chunk.id;
      return true;
    }
    meter.charge(frame->length / kBytesPerUnit);
    offset_ += frame->length;
  }
  open_.reset();
  return true;
}

}  // namespace detcd::mvcc
