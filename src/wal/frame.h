// Frames and batches as bytes (FORMAT.md): how a batch is laid out, and whether bytes read back are
// the batch that was written. Pure functions over byte strings; who reads and writes files relies
// on nothing else to tell good bytes from bad ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "raft/types.h"
#include "wal/wal.h"

namespace detcd::wal {

inline constexpr std::size_t kSectorBytes = 512;
inline constexpr std::size_t kFrameHeaderBytes = 16;

enum class FrameType : std::uint8_t {
  kBatchHead = 1,
  kBatchTail = 2,
  kEntry = 3,
  kHardState = 4,
  kTruncate = 5,
  kInstall = 6,
  kTrim = 7,
  kLoss = 8,
  kWhole = 9,
};

enum class BatchKind : std::uint32_t { kSaves = 0, kIdleWitness = 1, kCleanStop = 2 };

// Where in the log something stands; it enters the seed of heads and tails.
struct Place {
  Identity identity;
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
};

// Says which batch came before: where it ended and the crc of its tail. Zeros: none did.
struct Witness {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
  std::uint32_t crc = 0;
  friend bool operator==(const Witness&, const Witness&) = default;
};

// The end of what was read or written: the last batch, and the number of the next frame.
struct Chain {
  Witness last;
  std::uint64_t next_frame = 1;
  friend bool operator==(const Chain&, const Chain&) = default;
};

struct BatchHead {
  std::uint64_t frame = 0;  // The head's own number.
  std::uint64_t bytes = 0;  // Of the batch, whole sectors.
  std::uint64_t tail = 0;   // Offset of the tail in the batch.
  std::uint32_t records = 0;
  BatchKind kind = BatchKind::kSaves;
  Witness witness;
  std::uint32_t crc = 0;
};

// Lays out one batch. Records are encoded straight into the buffer that is written.
class BatchWriter {
 public:
  // `reserve_bytes` is a guess of the records' size that saves growing.
  explicit BatchWriter(BatchKind kind, std::size_t reserve_bytes = 0);

  // The records of one save, in the order in which they apply.
  void add(const raft::Save& save);
  void add(const raft::HardState& state);
  void add_install(const raft::SnapshotMeta& meta);
  void add_trim(const raft::SnapshotMeta& meta);
  void add_loss(Recovered::Health health);
  void add_whole();

  [[nodiscard]] BatchKind kind() const { return kind_; }
  [[nodiscard]] std::uint32_t records() const { return static_cast<std::uint32_t>(frames_.size()); }
  // Of the sealed batch.
  [[nodiscard]] std::size_t bytes() const;
  // The finished batch for `place`, following `chain`, which moves behind it.
  [[nodiscard]] std::string seal(const Place& place, Chain& chain) &&;

 private:
  struct Frame {
    std::size_t offset;
    std::size_t length;
    FrameType type;
  };
  void begin(FrameType type);
  void end();
  [[nodiscard]] std::size_t tail_bytes() const;

  BatchKind kind_;
  Writer out_;
  std::vector<Frame> frames_;
};

// The head at the beginning of `sector`; nothing when there is none that was written for `place`.
[[nodiscard]] std::optional<BatchHead> parse_head(std::string_view sector, const Place& place);

struct Record {
  FrameType type = FrameType::kEntry;
  std::size_t offset = 0;  // Of the payload in the batch.
  std::size_t length = 0;
};

struct BatchCheck {
  bool whole = false;
  std::vector<Record> records;  // Filled when whole.
  std::uint32_t crc = 0;        // The tail's.
  // When not whole: the first bad sector, why, and whether a torn write explains it.
  std::size_t bad_offset = 0;
  std::string_view what;
  bool torn = false;
};

// Whether `batch` is the whole batch that `head`, its own head, announces.
[[nodiscard]] BatchCheck check_batch(std::string_view batch, const Place& place,
                                     const BatchHead& head);

[[nodiscard]] bool all_zeros(std::string_view bytes);
[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace detcd::wal
