#include "wal/reader.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "wal/replay.h"
#include "wal/segment.h"

namespace detcd::wal {
namespace {

// Where reading a segment ended and how what stands there is to be judged.
struct Stop {
  bool bad = false;        // False: at zeros, or at the end of the file.
  bool witnessed = false;  // What doesn't hold contradicts something that does.
  bool torn = false;       // A torn write explains it, as far as this batch goes.
  std::uint64_t offset = 0;
  std::uint64_t resume = 0;  // From where later witnesses are searched.
  std::string what;
};

// What the rest of a segment holds.
struct Rest {
  bool witness = false;
  bool content = false;
};

std::uint64_t sequence_of(const std::string& name) {
  return parse_file_name(name)->sequence;
}

class LogReader {
 public:
  LogReader(runtime::World world, std::string directory, Identity identity)
      : world_(world), directory_(std::move(directory)), identity_(identity) {}

  runtime::Task<Result<Scan>> run();

 private:
  runtime::Task<Result<void>> open_file(std::size_t file);
  runtime::Task<Result<void>> read_segments();
  runtime::Task<Result<bool>> next_segment_goes_on();
  runtime::Task<Result<Stop>> read_segment();
  runtime::Task<Result<Stop>> read_header();
  runtime::Task<Result<Stop>> without_header(std::string what, bool zeros);
  runtime::Task<Result<Stop>> read_batches(std::uint64_t offset);
  runtime::Task<Result<Stop>> read_batch(std::uint64_t offset, BatchHead head);
  runtime::Task<Result<Rest>> search(std::uint64_t from);
  runtime::Task<Result<void>> judge(Stop stop, Rest rest);
  void report(const Stop& stop, Recovered::Health health);
  void report_gap();
  [[nodiscard]] Place place(std::uint64_t offset) const { return {identity_, sequence_, offset}; }
  [[nodiscard]] Stop contradiction(std::uint64_t offset, std::string what) const {
    return {.bad = true,
            .witnessed = true,
            .offset = offset,
            .resume = offset,
            .what = std::move(what)};
  }

  runtime::World world_;
  std::string directory_;
  Identity identity_;
  std::vector<runtime::DirectoryEntry> files_;
  std::size_t at_ = 0;  // Index in files_ of the segment being read.
  std::uint64_t sequence_ = 0;
  std::unique_ptr<SegmentReader> reader_;
  std::optional<Replay> replay_;
  Scan scan_;
  std::uint64_t made_bytes_ = 0;  // Of the segment that is read, as its header says.
  // Reading ended for good.
  bool ended_ = false;
};

runtime::Task<Result<void>> LogReader::open_file(std::size_t file) {
  Result<std::unique_ptr<SegmentReader>> reader =
      co_await SegmentReader::open(world_, directory_ + "/" + files_[file].name);
  if (!reader) co_return reader.error();
  reader_ = std::move(*reader);
  co_return Result<void>();
}

runtime::Task<Result<Scan>> LogReader::run() {
  Result<Listing> listing = co_await list_log(world_, directory_);
  if (!listing) co_return listing.error();
  files_ = std::move(listing->segments);
  if (!listing->repairs.empty()) {
    // An accepted loss: what the log is going to be counts, and the loss is recorded in it.
    const std::uint64_t repaired = sequence_of(listing->repairs.front());
    std::erase_if(files_, [&](const auto& file) { return sequence_of(file.name) >= repaired; });
    files_.push_back({.name = listing->repairs.front()});
  }
  if (files_.empty()) co_return Error{Errc::kNotFound, "no log in " + directory_};
  const Result<void> read = co_await read_segments();
  if (!read) co_return read.error();
  if (!replay_) replay_.emplace(raft::Index(1));

  Recovered& recovered = scan_.recovered;
  const bool beginning_lost = !replay_->beginning_covered();
  const Recovered::Health health = recovered.health;
  std::optional<Damage> damage = std::move(recovered.damage);
  const bool clean_stop = recovered.clean_stop;
  scan_.next_index = replay_->next();
  scan_.remembered_loss = replay_->remembered_loss();
  recovered = replay_->take();
  recovered.clean_stop = clean_stop;
  if (health == Recovered::Health::kWhole && recovered.health != health) {
    damage = Damage{.file = files_.front().name,
                    .index = scan_.next_index,
                    .what = "a loss found at an earlier start isn't made good yet"};
  }
  recovered.health = std::max(recovered.health, health);
  recovered.damage = std::move(damage);
  if (beginning_lost) {
    const raft::Index first =
        recovered.snapshot ? recovered.snapshot->index.next() : raft::Index(1);
    recovered.health = Recovered::Health::kDamaged;
    recovered.damage = Damage{.file = files_.front().name,
                              .index = first,
                              .what = "the log's beginning is missing before this segment"};
    scan_.next_index = first;
    scan_.cut = Scan::Cut{
        .sequence = sequence_of(files_.front().name), .first_index = first, .beginning_lost = true};
  }
  co_return std::move(scan_);
}

runtime::Task<Result<void>> LogReader::read_segments() {
  for (at_ = 0; at_ < files_.size() && !ended_; ++at_) {
    const std::uint64_t before = std::exchange(sequence_, sequence_of(files_[at_].name));
    if (at_ > 0 && sequence_ != before + 1) {
      report_gap();
      break;
    }
    const Result<void> opened = co_await open_file(at_);
    if (!opened) co_return opened.error();
    Result<Stop> stop = co_await read_segment();
    if (!stop) co_return stop.error();
    if (ended_) break;
    Rest rest;
    if (!stop->witnessed) {
      const Result<Rest> found = co_await search(stop->resume);
      if (!found) co_return found.error();
      rest = *found;
    }
    bool sound = !stop->bad && !rest.content;
    if (!sound && !stop->witnessed && !rest.witness) {
      // What decayed behind the segment's last batch was never used, when the next one says so.
      const Result<bool> goes_on = co_await next_segment_goes_on();
      if (!goes_on) co_return goes_on.error();
      sound = *goes_on;
    }
    if (!sound) {
      const Result<void> judged = co_await judge(std::move(*stop), rest);
      co_return judged;
    }
  }
  co_return Result<void>();
}

// Whether the next segment follows on what was read up to now.
runtime::Task<Result<bool>> LogReader::next_segment_goes_on() {
  if (at_ + 1 == files_.size()) co_return false;
  const Result<void> opened = co_await open_file(at_ + 1);
  if (!opened) co_return opened.error();
  if (reader_->size() < kSectorBytes) co_return false;
  const Result<Bytes> sector = co_await reader_->read(0, kSectorBytes);
  if (!sector) co_return sector.error();
  const Result<SegmentHeader> header = decode_header(sector->view(), identity_);
  co_return header.ok() && header->before == scan_.chain;
}

runtime::Task<Result<Stop>> LogReader::read_segment() {
  const Result<Stop> header = co_await read_header();
  if (!header || header->bad || ended_ || header->resume == 0) co_return header;
  Result<Stop> stop = co_await read_batches(kSectorBytes);
  if (!stop) co_return stop;
  if (const std::optional<raft::Index> highest = replay_->take_highest()) {
    scan_.segments.back().highest = *highest;
  }
  // Its length was synced before its header: whatever else holds, somebody cut it.
  if (reader_->size() < made_bytes_) {
    co_return contradiction(scan_.end, "the file has " + std::to_string(reader_->size()) +
                                           " bytes of the " + std::to_string(made_bytes_) +
                                           " it was made with");
  }
  co_return stop;
}

// Answers a stop that isn't bad with `resume` behind the header when the segment goes on.
runtime::Task<Result<Stop>> LogReader::read_header() {
  if (reader_->size() < kSectorBytes) {
    co_return co_await without_header("the segment has no header", reader_->size() == 0);
  }
  const Result<Bytes> sector = co_await reader_->read(0, kSectorBytes);
  if (!sector) co_return sector.error();
  const Result<SegmentHeader> header = decode_header(sector->view(), identity_);
  if (!header && header.error().code == Errc::kIncompatible) {
    co_return Error{Errc::kIncompatible,
                    directory_ + "/" + files_[at_].name + ": " + header.error().message};
  }
  if (!header) {
    co_return co_await without_header(header.error().message, all_zeros(sector->view()));
  }
  if (header->sequence != sequence_) {
    co_return contradiction(0, "the segment's header is that of another segment");
  }
  if (at_ == 0) {
    scan_.chain = header->before;
    replay_.emplace(header->first_index);
  } else if (header->before != scan_.chain) {
    report_gap();
    co_return Stop{};
  }
  made_bytes_ = header->bytes;
  scan_.segments.push_back({sequence_, reader_->size(), header->generation, raft::Index(0)});
  scan_.end = kSectorBytes;
  co_return Stop{.resume = kSectorBytes};
}

// A segment whose first sector is no header: prepared, or its first batch (the header is written
// with it) is bad.
runtime::Task<Result<Stop>> LogReader::without_header(std::string what, bool zeros) {
  Stop stop{.bad = true, .resume = std::min<std::uint64_t>(reader_->size(), kSectorBytes)};
  stop.what = std::move(what);
  stop.torn = zeros;
  const Result<Rest> rest = co_await search(stop.resume);
  if (!rest) co_return rest.error();
  if (zeros && !rest->content && at_ > 0) {
    // Only the log's last file is without a header in a log that is whole.
    if (!scan_.prepared) scan_.prepared = Segment{.sequence = sequence_, .bytes = reader_->size()};
    co_return Stop{};
  }
  // Every log's first segment has had its header from the beginning.
  stop.witnessed = at_ == 0;
  if (reader_->size() >= 2 * kSectorBytes) {
    const Result<Bytes> sector = co_await reader_->read(kSectorBytes, kSectorBytes);
    if (!sector) co_return sector.error();
    const std::optional<BatchHead> head = parse_head(sector->view(), place(kSectorBytes));
    stop.resume += kSectorBytes;
    if (!head && !all_zeros(sector->view())) stop.torn = false;
    if (head && head->bytes <= reader_->size() - kSectorBytes) {
      const Result<Bytes> batch = co_await reader_->read(kSectorBytes, head->bytes);
      if (!batch) co_return batch.error();
      const BatchCheck checked = check_batch(batch->view(), place(kSectorBytes), *head);
      stop.torn = stop.torn && (checked.whole || checked.torn);
      stop.resume = kSectorBytes + head->bytes;
    }
  }
  co_return stop;
}

runtime::Task<Result<Stop>> LogReader::read_batches(std::uint64_t offset) {
  while (offset + kSectorBytes <= reader_->size()) {
    const Result<Bytes> sector = co_await reader_->read(offset, kSectorBytes);
    if (!sector) co_return sector.error();
    const std::optional<BatchHead> head = parse_head(sector->view(), place(offset));
    if (!head) {
      // A batch has no head of zeros: when others of its sectors are there, its write was torn.
      const bool zeros = all_zeros(sector->view());
      co_return Stop{.bad = !zeros,
                     .torn = zeros,
                     .offset = offset,
                     .resume = offset + kSectorBytes,
                     .what = zeros ? "the head of a batch was never written"
                                   : "the checksum of a batch's head doesn't hold"};
    }
    if (head->witness != scan_.chain.last || head->frame != scan_.chain.next_frame) {
      co_return contradiction(offset, "a batch follows one that isn't here");
    }
    const Result<Stop> batch = co_await read_batch(offset, *head);
    if (!batch || batch->bad) co_return batch;
    offset += head->bytes;
    scan_.end = offset;
  }
  co_return Stop{.offset = offset, .resume = reader_->size()};
}

runtime::Task<Result<Stop>> LogReader::read_batch(std::uint64_t offset, BatchHead head) {
  if (head.bytes > reader_->size() - offset) {
    co_return Stop{.bad = true,
                   .offset = offset,
                   .resume = offset + kSectorBytes,
                   .what = "the file ends inside a batch"};
  }
  const Result<Bytes> batch = co_await reader_->read(offset, head.bytes);
  if (!batch) co_return batch.error();
  const BatchCheck checked = check_batch(batch->view(), place(offset), head);
  if (!checked.whole) {
    co_return Stop{.bad = true,
                   .torn = checked.torn,
                   .offset = offset + checked.bad_offset,
                   .resume = offset + head.bytes,
                   .what = std::string(checked.what)};
  }
  const Result<void> applied = replay_->apply(*batch, checked.records);
  if (!applied && applied.error().code == Errc::kIncompatible) co_return applied.error();
  if (!applied) co_return contradiction(offset, applied.error().message);
  scan_.chain.last = {sequence_, offset + head.bytes, checked.crc};
  scan_.chain.next_frame = head.frame + head.records + 2;
  scan_.recovered.clean_stop = head.kind == BatchKind::kCleanStop;
  scan_.last_is_witness = head.kind != BatchKind::kSaves;
  co_return Stop{};
}

// Looks at every sector of the segment being read, from `from` on.
runtime::Task<Result<Rest>> LogReader::search(std::uint64_t from) {
  Rest rest;
  while (from < reader_->size() && !rest.witness) {
    const std::size_t step = std::min<std::uint64_t>(kReadBytesMax, reader_->size() - from);
    const Result<Bytes> piece = co_await reader_->read(from, step);
    if (!piece) co_return piece.error();
    if (!all_zeros(piece->view())) {
      rest.content = true;
      for (std::size_t at = 0; at < step && !rest.witness; at += kSectorBytes) {
        rest.witness =
            parse_head(piece->view().substr(at, kSectorBytes), place(from + at)).has_value();
      }
    }
    from += step;
  }
  co_return rest;
}

// Something doesn't hold in the segment at_: damage when anything behind it was written later.
runtime::Task<Result<void>> LogReader::judge(Stop stop, Rest rest) {
  const std::size_t bad = at_;
  const std::uint64_t bad_sequence = sequence_;
  bool witnessed = stop.witnessed || rest.witness;
  bool content_later = false;
  for (std::size_t later = bad + 1; later < files_.size() && !witnessed; ++later) {
    sequence_ = sequence_of(files_[later].name);
    const Result<void> opened = co_await open_file(later);
    if (!opened) co_return opened.error();
    const Result<Rest> found = co_await search(0);
    if (!found) co_return found.error();
    content_later = content_later || found->content;
    witnessed = found->witness;
    if (witnessed || !found->content || reader_->size() < kSectorBytes) continue;
    const Result<Bytes> sector = co_await reader_->read(0, kSectorBytes);
    if (!sector) co_return sector.error();
    witnessed = decode_header(sector->view(), identity_).ok();
  }
  at_ = bad;
  sequence_ = bad_sequence;
  const bool has_header = !scan_.segments.empty() && scan_.segments.back().sequence == sequence_;
  scan_.cut = Scan::Cut{.sequence = sequence_, .end = has_header ? scan_.end : 0};
  if (replay_) scan_.cut->first_index = replay_->next();
  const bool torn = stop.torn && !content_later;
  report(stop, witnessed ? Recovered::Health::kDamaged
               : torn    ? Recovered::Health::kTorn
                         : Recovered::Health::kUnknown);
  co_return Result<void>();
}

// The segment at_ goes on from something else than the end of what was read: the segment before it
// ended too early, or one between is missing.
void LogReader::report_gap() {
  const std::string following = files_[at_].name;
  at_ -= 1;
  ended_ = true;
  const bool any = !scan_.segments.empty();
  scan_.cut =
      Scan::Cut{.sequence = any ? scan_.segments.back().sequence : sequence_of(files_[0].name),
                .end = any ? scan_.end : 0,
                .first_index = replay_ ? replay_->next() : raft::Index(1)};
  report(
      contradiction(scan_.end, following + " doesn't go on from here: what lies between is lost"),
      Recovered::Health::kDamaged);
}

void LogReader::report(const Stop& stop, Recovered::Health health) {
  scan_.recovered.health = health;
  scan_.recovered.clean_stop = false;
  scan_.recovered.damage = Damage{.file = files_[at_].name,
                                  .offset = stop.offset,
                                  .index = replay_ ? replay_->next() : raft::Index(1),
                                  .what = stop.what};
}

}  // namespace

runtime::Task<Result<Listing>> list_log(runtime::World world, std::string directory) {
  const Result<std::vector<runtime::DirectoryEntry>> entries = co_await world.disk.list(directory);
  if (!entries) co_return entries.error();
  Listing listing;
  for (const runtime::DirectoryEntry& entry : *entries) {
    const std::optional<FileName> name = parse_file_name(entry.name);
    if (!name || entry.is_directory) continue;
    if (name->kind == kSegmentKind) listing.segments.push_back(entry);
    if (name->kind == kSpareKind) listing.spares.push_back(entry.name);
    if (name->kind == kTemporaryKind) listing.temporaries.push_back(entry.name);
    if (name->kind == kRepairKind) listing.repairs.push_back(entry.name);
  }
  co_return std::move(listing);
}

runtime::Task<Result<Scan>> scan_log(runtime::World world, std::string directory,
                                     Identity identity) {
  LogReader reader(world, std::move(directory), identity);
  co_return co_await reader.run();
}

}  // namespace detcd::wal
