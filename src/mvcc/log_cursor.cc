#include "mvcc/log_cursor.h"

#include <string_view>

#include "base/check.h"

namespace detcd::mvcc {

LogCursor LogCursor::at_end(const Store& store) {
  check(!store.wrote(), "the end of the log is known between transactions");
  LogCursor cursor(store.revision() + 1);
  const std::vector<std::uint32_t>& order = store.chunks().order();
  if (!order.empty()) {
    const Chunk& last = store.chunks().at(order.back());
    cursor.chunk_ = last.id;
    cursor.offset_ = last.size;
  }
  return cursor;
}

LogCursor::Step LogCursor::seek(const Store& store, Revision last, Meter& meter) {
  const ChunkTable& chunks = store.chunks();
  for (;;) {
    if (next_.main > last) return Step::kEnd;
    const std::size_t position = chunks.position(next_);
    if (position == chunks.order().size()) return Step::kEnd;
    const std::uint32_t slot = chunks.order()[position];
    const Chunk& chunk = chunks.at(slot);
    if (chunk.id != chunk_) {
      chunk_ = chunk.id;
      offset_ = kChunkHeaderBytes;
    }
    if (chunk.cold) return Step::kCold;
    const std::string_view text = chunk.text();
    while (offset_ < text.size()) {
      record_ = read_frame(text.substr(offset_));
      const auto length = static_cast<std::uint32_t>(frame_size(record_));
      if (record_.place.main > last) return Step::kEnd;
      if (record_.place >= next_) {
        next_ = record_.place;
        location_ = {slot, offset_, length};
        return Step::kRecord;
      }
      if (!meter.spend()) return Step::kMore;
      offset_ += length;
    }
    // A rewritten chunk stands for more places than it still has records of.
    if (chunk.span.last.main >= last) return Step::kEnd;
    next_ = {.main = chunk.span.last.main, .sub = chunk.span.last.sub + 1};
    if (!meter.spend()) return Step::kMore;
  }
}

void LogCursor::pop() {
  offset_ += location_.length;
  ++next_.sub;
}

}  // namespace detcd::mvcc
