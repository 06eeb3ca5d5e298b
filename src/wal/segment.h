// Segments as files (FORMAT.md): their names, their header, reading them piecewise with unreadable
// sectors as bad content, and making zero-filled ones. A segment has the name of a log's part only
// when it holds nothing but zeros or what was written for it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/world.h"
#include "wal/frame.h"

namespace detcd::wal {

inline constexpr std::size_t kReadBytesMax = kMiB;

struct SegmentHeader {
  Identity identity;
  std::uint64_t sequence = 0;
  std::uint64_t generation = 0;
  raft::Index first_index{1};
  Chain before;             // The chain at the segment's beginning.
  std::uint64_t bytes = 0;  // The file is at least as long; a shorter one was cut.
};

// One sector.
[[nodiscard]] std::string encode(const SegmentHeader& header);
// kDamaged when it isn't a header, kIncompatible when it is one of another version or of another
// log.
[[nodiscard]] Result<SegmentHeader> decode_header(std::string_view sector,
                                                  const Identity& identity);

// A file of the log's directory: "<sequence>.<kind>", `kind` being one of the constants.
inline constexpr std::string_view kSegmentKind = "wal";
inline constexpr std::string_view kSpareKind = "spare";
inline constexpr std::string_view kTemporaryKind = "tmp";
inline constexpr std::string_view kRepairKind = "repair";
inline constexpr std::string_view kDamagedKind = "damaged";
[[nodiscard]] std::string file_name(std::uint64_t sequence, std::string_view kind);
struct FileName {
  std::uint64_t sequence = 0;
  std::string kind;
};
[[nodiscard]] std::optional<FileName> parse_file_name(std::string_view name);

// A segment's bytes, read in pieces of at most kReadBytesMax. What is given out shares the piece.
class SegmentReader {
 public:
  static runtime::Task<Result<std::unique_ptr<SegmentReader>>> open(runtime::World world,
                                                                    std::string path);
  SegmentReader(std::unique_ptr<runtime::File> file, std::uint64_t size)
      : file_(std::move(file)), size_(size) {}

  // Whole sectors only: a file's last, partial sector isn't there.
  [[nodiscard]] std::uint64_t size() const { return size_ / kSectorBytes * kSectorBytes; }
  // [offset, offset + length), which must lie inside. Sectors the device can't read are filled with
  // a pattern that is no valid content.
  runtime::Task<Result<Bytes>> read(std::uint64_t offset, std::size_t length);

 private:
  runtime::Task<Result<std::string>> read_piece(std::uint64_t offset, std::size_t length);
  std::unique_ptr<runtime::File> file_;
  std::uint64_t size_;
  Bytes piece_;
  std::uint64_t piece_offset_ = 0;
};

// What to make a new segment file of.
struct NewSegment {
  std::string path;  // Where it is made; an old file there is recycled or replaced.
  std::uint64_t bytes = 0;
  std::string content;  // Written at its beginning.
};
// Makes a file of zeros (with `content` at its beginning) and syncs it; its name isn't durable yet.
runtime::Task<Result<std::unique_ptr<runtime::File>>> make_segment(runtime::World world,
                                                                   NewSegment segment);

// Renames inside `directory` and makes that durable.
struct Renaming {
  std::string directory;
  std::string from;
  std::string to;
};
runtime::Task<Result<void>> rename_durably(runtime::World world, Renaming renaming);

}  // namespace detcd::wal
