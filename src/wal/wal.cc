#include "wal/wal.h"

#include <algorithm>
#include <utility>

#include "wal/reader.h"
#include "wal/repair.h"
#include "wal/segment.h"
#include "wal/writer.h"

namespace detcd::wal {
namespace {

std::string path_of(const std::string& directory, const std::string& name) {
  return directory + "/" + name;
}

std::uint64_t whole_sectors(std::uint64_t bytes) {
  // Room for a header and a batch, however small the option is.
  constexpr std::uint64_t kSegmentBytesMin = 4 * kSectorBytes;
  return std::max(bytes / kSectorBytes * kSectorBytes, kSegmentBytesMin);
}

// Removes what a crash left half made, and spares beyond those that are kept.
runtime::Task<Result<std::vector<Spare>>> tidy(runtime::World world, std::string directory,
                                               std::size_t spares_max) {
  Result<Listing> listing = co_await list_log(world, directory);
  if (!listing) co_return listing.error();
  std::vector<Spare> spares;
  std::vector<std::string> leftovers = std::move(listing->temporaries);
  for (std::string& name : listing->spares) {
    // A spare's generation is known only to the process that dropped it; the file counts anew.
    if (spares.size() < spares_max) {
      spares.push_back({std::move(name), 1});
    } else {
      leftovers.push_back(std::move(name));
    }
  }
  for (const std::string& name : leftovers) {
    const Result<void> removed = co_await world.disk.remove(path_of(directory, name));
    if (!removed) co_return removed.error();
  }
  co_return std::move(spares);
}

// Makes what was read durable, whatever the last process got to: it is going to be relied on.
runtime::Task<Result<std::unique_ptr<Wal>>> start(runtime::World world, LogWriter::Start begin) {
  const std::string last = file_name(begin.scan.segments.back().sequence, kSegmentKind);
  Result<std::unique_ptr<runtime::File>> file =
      co_await world.disk.open(path_of(begin.directory, last), runtime::OpenMode::kReadWrite);
  if (!file) co_return file.error();
  const Result<void> synced = co_await (*file)->sync();
  if (!synced) co_return synced.error();
  begin.file = std::move(*file);
  if (begin.scan.prepared) {
    const std::string next = file_name(begin.scan.prepared->sequence, kSegmentKind);
    Result<std::unique_ptr<runtime::File>> prepared =
        co_await world.disk.open(path_of(begin.directory, next), runtime::OpenMode::kReadWrite);
    if (!prepared) co_return prepared.error();
    const Result<void> zeros = co_await (*prepared)->sync();
    if (!zeros) co_return zeros.error();
    begin.prepared = std::move(*prepared);
  }
  const Result<void> names = co_await world.disk.sync_directory(begin.directory);
  if (!names) co_return names.error();
  std::unique_ptr<Wal> wal = std::make_unique<LogWriter>(world, std::move(begin));
  co_return std::move(wal);
}

// The log as it is or, when its owner accepts the loss, after what doesn't hold was cut.
runtime::Task<Result<Scan>> scan_as_asked(runtime::World world, LogPlace log, bool accept_loss) {
  Result<Scan> found = co_await scan_log(world, log.directory, log.identity);
  if (!found || !found->cut || !accept_loss) co_return std::move(found);
  const Result<void> repaired = co_await repair_log(world, log, *found);
  if (!repaired) co_return repaired.error();
  Result<Scan> scan = co_await scan_log(world, log.directory, log.identity);
  if (!scan) co_return std::move(scan);
  if (scan->cut)
    co_return Error{Errc::kDamaged, "the repaired log in " + log.directory + " doesn't hold"};
  scan->recovered.damage = std::move(found->recovered.damage);
  co_return std::move(scan);
}

// A crash may have come between making a repair and putting it in its place.
runtime::Task<Result<void>> finish_repairs(runtime::World world, std::string directory) {
  const Result<Listing> listing = co_await list_log(world, directory);
  if (!listing) co_return listing.error();
  for (const std::string& repair : listing->repairs) {
    const Result<void> finished = co_await finish_repair(world, directory, repair);
    if (!finished) co_return finished.error();
  }
  co_return Result<void>();
}

}  // namespace

runtime::Task<Result<std::unique_ptr<Wal>>> Wal::create(runtime::World world, std::string directory,
                                                        Identity identity, Options options) {
  options.segment_bytes = whole_sectors(options.segment_bytes);
  const Result<Listing> listing = co_await list_log(world, directory);
  if (!listing) co_return listing.error();
  if (!listing->segments.empty() || !listing->repairs.empty()) {
    co_return Error{Errc::kExists, "there is a log in " + directory};
  }
  Result<std::vector<Spare>> spares = co_await tidy(world, directory, options.recycled_max);
  if (!spares) co_return spares.error();
  const std::string temporary = file_name(1, kTemporaryKind);
  NewSegment first{.path = path_of(directory, temporary), .bytes = options.segment_bytes};
  SegmentHeader header{.identity = identity, .sequence = 1};
  header.bytes = options.segment_bytes;
  first.content = encode(header);
  const Result<std::unique_ptr<runtime::File>> made =
      co_await make_segment(world, std::move(first));
  if (!made) co_return made.error();
  Renaming renaming{.directory = directory, .from = temporary, .to = file_name(1, kSegmentKind)};
  const Result<void> renamed = co_await rename_durably(world, std::move(renaming));
  if (!renamed) co_return renamed.error();
  LogWriter::Start begin{.directory = directory, .identity = identity, .options = options};
  begin.spares = std::move(*spares);
  begin.scan.segments.push_back({.sequence = 1, .bytes = options.segment_bytes});
  begin.scan.end = kSectorBytes;
  begin.scan.last_is_witness = true;
  co_return co_await start(world, std::move(begin));
}

runtime::Task<Result<Wal::Opened>> Wal::open(runtime::World world, std::string directory,
                                             Identity identity, Options options, bool accept_loss) {
  options.segment_bytes = whole_sectors(options.segment_bytes);
  const LogPlace log{
      .directory = directory, .identity = identity, .segment_bytes = options.segment_bytes};
  if (accept_loss) {
    const Result<void> finished = co_await finish_repairs(world, directory);
    if (!finished) co_return finished.error();
  }
  Result<Scan> scan = co_await scan_as_asked(world, log, accept_loss);
  if (!scan) co_return scan.error();
  Opened opened;
  if (accept_loss || scan->recovered.health == Recovered::Health::kWhole) {
    // Only a later batch says that the sync of one returned: the last one's may have failed, also
    // if it is a witness, and a second sync of the same file would prove nothing.
    if (scan->end > kSectorBytes) {
      const Result<void> rewritten = co_await rewrite_last_segment(world, log, *scan);
      if (!rewritten) co_return rewritten.error();
    }
    Result<std::vector<Spare>> spares = co_await tidy(world, directory, options.recycled_max);
    if (!spares) co_return spares.error();
    opened.recovered = std::move(scan->recovered);
    LogWriter::Start begin{.directory = directory, .identity = identity, .options = options};
    begin.spares = std::move(*spares);
    begin.scan = std::move(*scan);
    Result<std::unique_ptr<Wal>> wal = co_await start(world, std::move(begin));
    if (!wal) co_return wal.error();
    opened.wal = std::move(*wal);
  } else {
    opened.recovered = std::move(scan->recovered);
  }
  co_return std::move(opened);
}

runtime::Task<Result<Recovered>> Wal::read(runtime::World world, std::string directory,
                                           Identity identity) {
  Result<Scan> scan = co_await scan_log(world, directory, identity);
  if (!scan) co_return scan.error();
  co_return std::move(scan->recovered);
}

runtime::Task<Result<Wal::Opened>> Wal::begin_anew(runtime::World world, std::string directory,
                                                   Identity identity, Options options) {
  const LogPlace log{.directory = directory,
                     .identity = identity,
                     .segment_bytes = whole_sectors(options.segment_bytes)};
  const Result<void> finished = co_await finish_repairs(world, directory);
  if (!finished) co_return finished.error();
  Result<Scan> scan = co_await scan_log(world, directory, identity);
  if (!scan) co_return scan.error();
  const Result<Listing> listing = co_await list_log(world, directory);
  if (!listing) co_return listing.error();
  scan->recovered.entries.clear();
  scan->recovered.snapshot.reset();
  scan->recovered.hard_state.commit = {};
  scan->recovered.health = Recovered::Health::kDamaged;
  const std::uint64_t first = parse_file_name(listing->segments.front().name)->sequence;
  scan->cut = Scan::Cut{.sequence = first, .beginning_lost = true};
  const Result<void> replaced = co_await repair_log(world, log, *scan);
  if (!replaced) co_return replaced.error();
  co_return co_await open(world, std::move(directory), identity, options, true);
}

}  // namespace detcd::wal
