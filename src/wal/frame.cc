#include "wal/frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "raft/codec.h"

namespace detcd::wal {
namespace {

constexpr std::size_t kHeadPayloadBytes = 48;
constexpr std::size_t kHeadBytes = kFrameHeaderBytes + kHeadPayloadBytes;
constexpr std::size_t kPayloadMax = (1ULL << 32) - 1;

void put(std::string& out, std::size_t offset, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) out[offset + i] = static_cast<char>(value >> (8 * i));
}

// The crc that a frame at the beginning of `bytes` must have.
std::uint32_t frame_crc(std::string_view bytes, std::size_t length, std::uint32_t seed) {
  return crc32c(bytes.substr(4, kFrameHeaderBytes - 4 + length), seed);
}

std::uint32_t seed_of(const Place& place) {
  Writer words;
  words.u64(place.identity.cluster_id);
  words.u64(place.identity.member_id);
  words.u64(place.segment);
  words.u64(place.offset);
  return crc32c(words.view());
}

Place moved(const Place& place, std::uint64_t bytes) {
  return {place.identity, place.segment, place.offset + bytes};
}

struct FrameHeader {
  std::uint32_t crc = 0;
  std::uint32_t length = 0;
  std::uint64_t number = 0;
  FrameType type = FrameType::kEntry;
};

// The frame at the beginning of `bytes`, when it lies inside and its checksum holds.
std::optional<FrameHeader> parse_frame(std::string_view bytes, std::uint32_t seed) {
  Reader in(bytes.substr(0, kFrameHeaderBytes));
  FrameHeader frame;
  frame.crc = in.u32();
  frame.length = in.u32();
  const std::uint64_t word = in.u64();
  if (!in.ok() || frame.length > bytes.size() - kFrameHeaderBytes) return std::nullopt;
  frame.number = word >> 8;
  frame.type = static_cast<FrameType>(word & 0xff);
  if (frame_crc(bytes, frame.length, seed) != frame.crc) return std::nullopt;
  return frame;
}

// The crcs of the sectors of the first `tail` bytes, as a tail lists them.
std::size_t pieces_of(std::size_t tail) {
  return (tail + kSectorBytes - 1) / kSectorBytes;
}

std::uint32_t piece_crc(std::string_view batch, std::size_t piece, std::size_t tail) {
  const std::size_t begin = piece * kSectorBytes;
  return crc32c(batch.substr(begin, std::min(kSectorBytes, tail - begin)));
}

// Judges a batch sector by sector: `torn` needs a sector that lacks what was written, and none that
// holds something else.
class SectorJudge {
 public:
  explicit SectorJudge(BatchCheck& check) : check_(check) {}
  void bad(std::size_t offset, bool zeros, std::string_view what) {
    if (!any_) {
      check_.bad_offset = offset;
      check_.what = what;
    }
    any_ = true;
    missing_ = missing_ || zeros;
    foreign_ = foreign_ || !zeros;
  }
  [[nodiscard]] bool any() const { return any_; }
  [[nodiscard]] bool torn() const { return missing_ && !foreign_; }

 private:
  BatchCheck& check_;
  bool any_ = false;
  bool missing_ = false;
  bool foreign_ = false;
};

std::string_view sector_at(std::string_view batch, std::size_t offset) {
  return batch.substr(offset / kSectorBytes * kSectorBytes, kSectorBytes);
}

// The tail and the padding behind it: nothing when they hold something else than was written.
std::optional<FrameHeader> parse_tail(std::string_view batch, const Place& place,
                                      const BatchHead& head) {
  const std::size_t pieces = pieces_of(head.tail);
  const std::optional<FrameHeader> tail =
      parse_frame(batch.substr(head.tail), seed_of(moved(place, head.tail)));
  if (!tail || tail->type != FrameType::kBatchTail || tail->length != 4 * pieces ||
      tail->number != head.frame + head.records + 1 ||
      !all_zeros(batch.substr(head.tail + kFrameHeaderBytes + tail->length))) {
    return std::nullopt;
  }
  return tail;
}

// Without its tail only the sectors that the tail lies in can be told: when one of them is zeros,
// the write was never completed.
void judge_tail(std::string_view batch, const BatchHead& head, SectorJudge& judge) {
  const std::size_t first = head.tail / kSectorBytes * kSectorBytes;
  for (std::size_t offset = first; offset < batch.size(); offset += kSectorBytes) {
    if (!all_zeros(sector_at(batch, offset))) continue;
    judge.bad(offset, true, "the batch's last sectors were never written");
    return;
  }
  judge.bad(first, false, "the checksum of a batch's tail doesn't hold");
}

bool parse_records(std::string_view batch, const BatchHead& head, BatchCheck& check) {
  std::uint32_t seed = head.crc;
  std::uint64_t number = head.frame;
  std::size_t offset = kHeadBytes;
  while (offset < head.tail) {
    check.bad_offset = offset;
    const std::optional<FrameHeader> frame =
        parse_frame(batch.substr(offset, head.tail - offset), seed);
    if (!frame || frame->number != ++number) return false;
    check.records.push_back({frame->type, offset + kFrameHeaderBytes, frame->length});
    seed = frame->crc;
    offset += round_up(kFrameHeaderBytes + frame->length, 8);
  }
  return offset == head.tail && check.records.size() == head.records;
}

}  // namespace

bool all_zeros(std::string_view bytes) {
  // Comparing the bytes with themselves, shifted by one, runs at memory speed.
  if (bytes.empty()) return true;
  return bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

BatchWriter::BatchWriter(BatchKind kind, std::size_t reserve_bytes) : kind_(kind) {
  out_.reserve(kHeadBytes + reserve_bytes + kSectorBytes + reserve_bytes / 64);
  out_.raw(std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", kFrameHeaderBytes));
  for (std::size_t i = 0; i < kHeadPayloadBytes / 8; ++i) out_.u64(0);
}

void BatchWriter::begin(FrameType type) {
  frames_.push_back({out_.size(), 0, type});
  out_.u64(0);
  out_.u64(0);
}

void BatchWriter::end() {
  Frame& frame = frames_.back();
  frame.length = out_.size() - frame.offset - kFrameHeaderBytes;
  check(frame.length <= kPayloadMax, "a record is smaller than 4 GiB");
  while (out_.size() % 8 != 0) out_.u8(0);
}

void BatchWriter::add(const raft::Save& save) {
  if (save.snapshot) add_install(*save.snapshot);
  if (save.truncate_from) {
    begin(FrameType::kTruncate);
    out_.u64(save.truncate_from->value());
    end();
  }
  for (const raft::Entry& entry : save.entries) {
    begin(FrameType::kEntry);
    raft::encode(out_, entry);
    end();
  }
  if (save.hard_state) add(*save.hard_state);
}

void BatchWriter::add(const raft::HardState& state) {
  begin(FrameType::kHardState);
  raft::encode(out_, state);
  end();
}

void BatchWriter::add_install(const raft::SnapshotMeta& meta) {
  begin(FrameType::kInstall);
  raft::encode(out_, meta);
  end();
}

void BatchWriter::add_trim(const raft::SnapshotMeta& meta) {
  begin(FrameType::kTrim);
  raft::encode(out_, meta);
  end();
}

void BatchWriter::add_loss(Recovered::Health health) {
  begin(FrameType::kLoss);
  out_.u8(static_cast<std::uint8_t>(health));
  end();
}

void BatchWriter::add_whole() {
  begin(FrameType::kWhole);
  end();
}

std::size_t BatchWriter::tail_bytes() const {
  return kFrameHeaderBytes + 4 * pieces_of(out_.size());
}

std::size_t BatchWriter::bytes() const {
  return round_up(out_.size() + tail_bytes(), kSectorBytes);
}

std::string BatchWriter::seal(const Place& place, Chain& chain) && {
  const std::size_t total = bytes();
  const std::size_t tail = out_.size();
  const std::size_t tail_length = tail_bytes() - kFrameHeaderBytes;
  std::string batch = out_.take();
  batch.resize(total, '\0');
  const auto frame = [&](std::size_t offset, std::size_t length, FrameType type,
                         std::uint32_t seed) {
    put(batch, offset + 4, length, 4);
    put(batch, offset + 8, chain.next_frame++ << 8 | static_cast<std::uint8_t>(type), 8);
    const std::uint32_t crc = frame_crc(std::string_view(batch).substr(offset), length, seed);
    put(batch, offset, crc, 4);
    return crc;
  };

  std::size_t word = kFrameHeaderBytes;
  const auto add = [&](std::uint64_t value, int width) {
    put(batch, word, value, width);
    word += static_cast<std::size_t>(width);
  };
  add(total, 8);
  add(tail, 8);
  add(records(), 4);
  add(static_cast<std::uint32_t>(kind_), 4);
  add(chain.last.segment, 8);
  add(chain.last.offset, 8);
  add(chain.last.crc, 4);

  std::uint32_t crc = frame(0, kHeadPayloadBytes, FrameType::kBatchHead, seed_of(place));
  for (const Frame& record : frames_) crc = frame(record.offset, record.length, record.type, crc);
  for (std::size_t piece = 0; piece < pieces_of(tail); ++piece) {
    put(batch, tail + kFrameHeaderBytes + 4 * piece, piece_crc(batch, piece, tail), 4);
  }
  const std::uint32_t last =
      frame(tail, tail_length, FrameType::kBatchTail, seed_of(moved(place, tail)));
  chain.last = {place.segment, place.offset + total, last};
  return batch;
}

std::optional<BatchHead> parse_head(std::string_view sector, const Place& place) {
  // Asked at every sector of a log's rest: the cheap test first.
  if (sector.size() < kHeadBytes || sector[4] != static_cast<char>(kHeadPayloadBytes) ||
      sector[8] != static_cast<char>(FrameType::kBatchHead)) {
    return std::nullopt;
  }
  const std::optional<FrameHeader> frame =
      parse_frame(sector.substr(0, kHeadBytes), seed_of(place));
  if (!frame) return std::nullopt;
  Reader in(sector.substr(kFrameHeaderBytes, kHeadPayloadBytes));
  BatchHead head{.frame = frame->number, .crc = frame->crc};
  head.bytes = in.u64();
  head.tail = in.u64();
  head.records = in.u32();
  head.kind = static_cast<BatchKind>(in.u32());
  head.witness.segment = in.u64();
  head.witness.offset = in.u64();
  head.witness.crc = in.u32();
  // A checksum by chance must not lead outside of the batch either.
  if (head.tail < kHeadBytes || head.tail >= head.bytes || head.bytes % kSectorBytes != 0 ||
      head.bytes < head.tail + kFrameHeaderBytes + 4 * pieces_of(head.tail)) {
    return std::nullopt;
  }
  return head;
}

BatchCheck check_batch(std::string_view batch, const Place& place, const BatchHead& head) {
  check(batch.size() == head.bytes, "a batch is checked with all its bytes");
  BatchCheck result;
  SectorJudge judge(result);
  const std::optional<FrameHeader> tail = parse_tail(batch, place, head);
  if (tail) {
    Reader crcs(batch.substr(head.tail + kFrameHeaderBytes, tail->length));
    for (std::size_t piece = 0; piece < pieces_of(head.tail); ++piece) {
      if (crcs.u32() == piece_crc(batch, piece, head.tail)) continue;
      const std::size_t offset = piece * kSectorBytes;
      judge.bad(offset, all_zeros(sector_at(batch, offset)),
                "the checksum of a sector doesn't hold");
    }
  } else {
    judge_tail(batch, head, judge);
  }
  if (judge.any()) {
    result.torn = judge.torn();
    return result;
  }
  result.crc = tail->crc;
  result.whole = parse_records(batch, head, result);
  if (!result.whole) result.what = "the records of a batch don't fill it";
  return result;
}

}  // namespace detcd::wal
