#include "wal/repair.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "wal/segment.h"

namespace detcd::wal {
namespace {

// A segment that takes another one's place.
struct Replacement {
  std::uint64_t sequence = 0;
  std::uint64_t end = 0;  // As much of the present segment is copied.
  std::string header;     // Instead of a header that can't be copied; may be empty.
  std::string batch;      // Follows what is copied; may be empty.
  std::string_view kind;  // What it is called when it is complete.
};

runtime::Task<Result<void>> copy(runtime::World world, std::string from, runtime::File& to,
                                 std::uint64_t end) {
  if (end == 0) co_return Result<void>();
  // Not by a SegmentReader: what it can't read it replaces, which is for judging and not for
  // keeping.
  const Result<std::unique_ptr<runtime::File>> file =
      co_await world.disk.open(from, runtime::OpenMode::kRead);
  if (!file) co_return file.error();
  for (std::uint64_t offset = 0; offset < end;) {
    const std::size_t step = std::min<std::uint64_t>(kReadBytesMax, end - offset);
    Result<std::string> piece = co_await (*file)->read(offset, step);
    if (!piece) co_return piece.error();
    if (piece->size() != step) co_return Error{Errc::kIo, from + ": the file became shorter"};
    const Result<void> written = co_await to.write(offset, std::move(*piece));
    if (!written) co_return written.error();
    offset += step;
  }
  co_return Result<void>();
}

runtime::Task<Result<void>> write_replacement(runtime::World world, LogPlace log,
                                              Replacement replacement) {
  const std::string temporary = file_name(replacement.sequence, kTemporaryKind);
  const std::uint64_t begin = std::max<std::uint64_t>(replacement.end, kSectorBytes);
  const std::string copied_from =
      log.directory + "/" + file_name(replacement.sequence, kSegmentKind);
  if (replacement.end > 0) {
    // The header that is copied says how long the file is at least. The original may be shorter:
    // that may be the very damage.
    const Result<std::unique_ptr<SegmentReader>> original =
        co_await SegmentReader::open(world, copied_from);
    if (!original) co_return original.error();
    const Result<Bytes> sector = co_await (*original)->read(0, kSectorBytes);
    if (!sector) co_return sector.error();
    const Result<SegmentHeader> header = decode_header(sector->view(), log.identity);
    if (!header) co_return header.error();
    log.segment_bytes = std::max({log.segment_bytes, (*original)->size(), header->bytes});
  }
  NewSegment segment{.path = log.directory + "/" + temporary};
  segment.bytes = std::max(log.segment_bytes, begin + replacement.batch.size());
  segment.content = std::move(replacement.header);
  const Result<std::unique_ptr<runtime::File>> file =
      co_await make_segment(world, std::move(segment));
  if (!file) co_return file.error();
  const Result<void> copied = co_await copy(world, copied_from, **file, replacement.end);
  if (!copied) co_return copied.error();
  if (!replacement.batch.empty()) {
    const Result<void> written = co_await (*file)->write(begin, std::move(replacement.batch));
    if (!written) co_return written.error();
  }
  const Result<void> synced = co_await (*file)->sync();
  if (!synced) co_return synced.error();
  Renaming renaming{.directory = log.directory,
                    .from = temporary,
                    .to = file_name(replacement.sequence, replacement.kind)};
  co_return co_await rename_durably(world, std::move(renaming));
}

// A name for a damaged segment that no earlier one has.
runtime::Task<Result<std::string>> damaged_name(runtime::World world, std::string directory,
                                                std::uint64_t sequence) {
  const Result<std::vector<runtime::DirectoryEntry>> entries = co_await world.disk.list(directory);
  if (!entries) co_return entries.error();
  const std::string first = file_name(sequence, kDamagedKind);
  std::string name = first;
  for (int number = 2;
       std::ranges::find(*entries, name, &runtime::DirectoryEntry::name) != entries->end();
       ++number) {
    name = first + "-" + std::to_string(number);
  }
  co_return std::move(name);
}

// Sets aside the segments from `first` on. The last goes first: what remains is without a gap.
runtime::Task<Result<void>> set_aside(runtime::World world, std::string directory,
                                      std::uint64_t first) {
  const Result<Listing> listing = co_await list_log(world, directory);
  if (!listing) co_return listing.error();
  for (auto entry = listing->segments.rbegin(); entry != listing->segments.rend(); ++entry) {
    const std::uint64_t sequence = parse_file_name(entry->name)->sequence;
    if (sequence < first) break;
    const Result<std::string> name = co_await damaged_name(world, directory, sequence);
    if (!name) co_return name.error();
    Renaming renaming{.directory = directory, .from = entry->name, .to = *name};
    const Result<void> renamed = co_await rename_durably(world, std::move(renaming));
    if (!renamed) co_return renamed.error();
  }
  co_return Result<void>();
}

}  // namespace

runtime::Task<Result<void>> repair_log(runtime::World world, LogPlace log, const Scan& scan) {
  check(scan.cut.has_value(), "a log is repaired where it stops holding");
  const Scan::Cut cut = *scan.cut;
  Chain chain = cut.beginning_lost ? Chain{} : scan.chain;
  Replacement replacement{.sequence = cut.sequence, .end = cut.end, .kind = kRepairKind};
  if (cut.end == 0) {
    replacement.header = encode(SegmentHeader{.identity = log.identity,
                                              .sequence = cut.sequence,
                                              .first_index = cut.first_index,
                                              .before = chain,
                                              .bytes = log.segment_bytes});
  }
  BatchWriter batch(BatchKind::kSaves);
  if (cut.beginning_lost) {
    if (scan.recovered.snapshot) batch.add_install(*scan.recovered.snapshot);
    batch.add(scan.recovered.hard_state);
  }
  batch.add_loss(scan.recovered.health);
  const Place place{log.identity, cut.sequence, std::max<std::uint64_t>(cut.end, kSectorBytes)};
  replacement.batch = std::move(batch).seal(place, chain);
  const Result<void> replaced = co_await write_replacement(world, log, std::move(replacement));
  if (!replaced) co_return replaced.error();

  const bool torn = scan.recovered.health == Recovered::Health::kTorn;
  // Behind a torn segment there is at most a prepared one, which serves again.
  if (!torn) {
    const Result<void> aside = co_await set_aside(world, log.directory, cut.sequence);
    if (!aside) co_return aside.error();
  }
  Renaming renaming{.directory = log.directory,
                    .from = file_name(cut.sequence, kRepairKind),
                    .to = file_name(cut.sequence, kSegmentKind)};
  co_return co_await rename_durably(world, std::move(renaming));
}

runtime::Task<Result<void>> finish_repair(runtime::World world, std::string directory,
                                          std::string name) {
  const std::uint64_t sequence = parse_file_name(name)->sequence;
  const Result<void> aside = co_await set_aside(world, directory, sequence);
  if (!aside) co_return aside.error();
  Renaming renaming{.directory = directory, .from = name, .to = file_name(sequence, kSegmentKind)};
  co_return co_await rename_durably(world, std::move(renaming));
}

runtime::Task<Result<void>> rewrite_last_segment(runtime::World world, LogPlace log,
                                                 const Scan& scan) {
  const Segment& last = scan.segments.back();
  log.segment_bytes = last.bytes;
  Replacement copy_of_last{.sequence = last.sequence, .end = scan.end, .kind = kSegmentKind};
  co_return co_await write_replacement(world, log, std::move(copy_of_last));
}

}  // namespace detcd::wal
