#include "wal/writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace detcd::wal {
namespace {

constexpr runtime::Site kCutEarly{"rare: a segment of the log is cut early"};

// What a record costs beyond its data: its frame, the entry's numbers, padding.
constexpr std::size_t kRecordOverheadBytes = 64;

std::size_t estimated_bytes(const std::vector<raft::Save>& saves) {
  std::size_t bytes = 0;
  for (const raft::Save& save : saves) {
    bytes += 2 * kRecordOverheadBytes;
    for (const raft::Entry& entry : save.entries) bytes += entry.data.size() + kRecordOverheadBytes;
  }
  return bytes;
}

// The indices that a batch of saves leads to.
struct Extent {
  raft::Index next;
  raft::Index highest;
};

Extent extent_of(const std::vector<raft::Save>& saves, raft::Index next) {
  Extent extent{.next = next};
  for (const raft::Save& save : saves) {
    if (save.snapshot) {
      extent.next = save.snapshot->index.next();
      extent.highest = std::max(extent.highest, save.snapshot->index);
    }
    if (save.truncate_from) {
      check(*save.truncate_from <= extent.next, "a truncation begins inside the log");
      extent.next = *save.truncate_from;
    }
    for (const raft::Entry& entry : save.entries) {
      check(entry.index == extent.next, "a saved entry follows the one before it");
      extent.next = entry.index.next();
      extent.highest = std::max(extent.highest, entry.index);
    }
  }
  return extent;
}

}  // namespace

LogWriter::LogWriter(runtime::World world, Start start)
    : world_(world),
      directory_(std::move(start.directory)),
      identity_(start.identity),
      options_(start.options),
      file_(std::move(start.file)),
      segments_(std::move(start.scan.segments)),
      end_(start.scan.end),
      chain_(start.scan.chain),
      next_index_(start.scan.next_index),
      loss_(start.scan.remembered_loss),
      unwitnessed_(!start.scan.last_is_witness),
      last_batch_(world.clock.boot()),
      cut_early_(world.random, kCutEarly, identity_.member_id),
      spares_(std::move(start.spares)),
      turn_(world.scheduler),
      segment_work_(world.scheduler),
      prepared_signal_(world.scheduler),
      batch_written_(world.scheduler),
      tasks_(world.scheduler) {
  if (start.prepared != nullptr) {
    prepared_.emplace(Prepared{*start.scan.prepared, std::move(start.prepared)});
  }
  numbers_.segments = segments_.size();
  tasks_.spawn(keep_segments());
  tasks_.spawn(witness_when_idle());
}

std::string LogWriter::path(std::string_view name) const {
  return directory_ + "/" + std::string(name);
}

Error LogWriter::refusal() const {
  if (failed_) return *failed_;
  return {Errc::kClosed, "the log in " + directory_ + " is closed"};
}

// A batch that takes along what waited for one.
BatchWriter LogWriter::begin_batch(BatchKind kind, std::size_t reserve_bytes) {
  BatchWriter batch(kind, reserve_bytes);
  if (waiting_) batch.add(*waiting_);
  waiting_.reset();
  return batch;
}

runtime::Task<Result<void>> LogWriter::save(std::vector<raft::Save> saves) {
  const runtime::Mutex::Guard turn = co_await turn_.lock();
  if (failed_ || closed_) co_return refusal();
  const Extent extent = extent_of(saves, next_index_);
  for (const raft::Save& save : saves) {
    if (save.hard_state) waiting_ = save.hard_state;
  }
  if (std::ranges::all_of(saves, &raft::Save::lazy)) {
    if (waiting_ && !unwitnessed_) {
      unwitnessed_ = true;
      last_batch_ = world_.clock.boot();
      batch_written_.wake_all();
    }
    co_return Result<void>();
  }
  // put-path 7/8: one batch for all saves that came together, framed straight into what is written.
  // Their hard states are one: only the newest counts, and it is written first.
  BatchWriter batch = begin_batch(BatchKind::kSaves, estimated_bytes(saves));
  for (raft::Save& save : saves) {
    save.hard_state.reset();
    batch.add(save);
  }
  const Result<void> written = co_await write(std::move(batch));
  if (!written) co_return written.error();
  next_index_ = extent.next;
  segments_.back().highest = std::max(segments_.back().highest, extent.highest);
  co_return Result<void>();
}

runtime::Task<Result<void>> LogWriter::trim(raft::SnapshotMeta mark, raft::HardState hard_state) {
  const runtime::Mutex::Guard turn = co_await turn_.lock();
  if (failed_ || closed_) co_return refusal();
  waiting_ = hard_state;
  // All that the dropped segments said and that still holds is said again.
  BatchWriter batch = begin_batch(BatchKind::kSaves);
  batch.add_trim(mark);
  if (loss_ != Recovered::Health::kWhole) batch.add_loss(loss_);
  const Result<void> written = co_await write(std::move(batch));
  if (!written) co_return written.error();
  if (mark.index >= next_index_) {
    next_index_ = mark.index.next();
    segments_.back().highest = std::max(segments_.back().highest, mark.index);
  }
  drop_up_to(mark.index);
  co_return Result<void>();
}

runtime::Task<Result<void>> LogWriter::declare_loss() {
  const runtime::Mutex::Guard turn = co_await turn_.lock();
  if (failed_ || closed_) co_return refusal();
  BatchWriter batch = begin_batch(BatchKind::kSaves);
  batch.add_loss(Recovered::Health::kDamaged);
  const Result<void> written = co_await write(std::move(batch));
  if (!written) co_return written.error();
  loss_ = Recovered::Health::kDamaged;
  co_return Result<void>();
}

runtime::Task<Result<void>> LogWriter::declare_whole() {
  const runtime::Mutex::Guard turn = co_await turn_.lock();
  if (failed_ || closed_) co_return refusal();
  if (loss_ == Recovered::Health::kWhole) co_return Result<void>();
  BatchWriter batch = begin_batch(BatchKind::kSaves);
  batch.add_whole();
  const Result<void> written = co_await write(std::move(batch));
  if (!written) co_return written.error();
  loss_ = Recovered::Health::kWhole;
  co_return Result<void>();
}

runtime::Task<Result<void>> LogWriter::close() {
  const runtime::Mutex::Guard turn = co_await turn_.lock();
  if (failed_ || closed_) co_return refusal();
  closed_ = true;
  const Result<void> written = co_await write(begin_batch(BatchKind::kCleanStop));
  // Only now: a batch that begins a segment needs the task that prepares it.
  tasks_.cancel();
  co_return written;
}

// Under turn_.
runtime::Task<Result<void>> LogWriter::write(BatchWriter batch) {
  failed_ = Error{Errc::kIo, "a write of the log in " + directory_ + " was abandoned"};
  Result<void> written = co_await write_and_sync(std::move(batch));
  if (!written) {
    // What is in the file and what isn't can't be known any more.
    failed_ = Error{Errc::kIo, "the log in " + directory_ + " failed: " + written.error().message};
    co_return std::move(written);
  }
  failed_.reset();
  co_return Result<void>();
}

runtime::Task<Result<void>> LogWriter::write_and_sync(BatchWriter batch) {
  const std::size_t bytes = batch.bytes();
  const bool witness = batch.kind() != BatchKind::kSaves;
  const bool is_full = end_ + bytes > segments_.back().bytes;
  if (is_full || (end_ > kSectorBytes && cut_early_.taken())) {
    const Result<void> begun = co_await begin_segment(bytes);
    if (!begun) co_return begun.error();
  }
  const std::uint64_t offset = std::exchange(end_, end_ + bytes);
  const Place place{identity_, segments_.back().sequence, offset};
  std::string sealed = std::move(batch).seal(place, chain_);
  const Result<void> synced = co_await file_->write_and_sync(offset, std::move(sealed));
  if (!synced) co_return synced.error();
  ++numbers_.syncs;
  numbers_.bytes += bytes;
  unwitnessed_ = !witness;
  last_batch_ = world_.clock.boot();
  if (unwitnessed_) batch_written_.wake_all();
  co_return Result<void>();
}

// The header goes with the segment's first batch, under the same sync.
runtime::Task<Result<void>> LogWriter::begin_segment(std::size_t batch_bytes) {
  if (prepare_error_) segment_work_.wake_all();
  prepare_error_.reset();
  while (!prepared_ && !prepare_error_) {
    const bool woken = co_await prepared_signal_.wait();
    static_cast<void>(woken);
  }
  if (!prepared_) co_return *prepare_error_;
  Prepared next = std::move(*prepared_);
  prepared_.reset();
  segments_.push_back(next.segment);
  segment_work_.wake_all();
  if (next.segment.bytes < kSectorBytes + batch_bytes) {
    next.segment.bytes = kSectorBytes + batch_bytes;
    segments_.back().bytes = next.segment.bytes;
    const Result<void> larger = co_await next.file->allocate(next.segment.bytes);
    if (!larger) co_return larger.error();
    // Its length and its zeros first, as of every segment: a power loss that took them together
    // with a part of the batch would leave what no torn write explains.
    const Result<void> synced = co_await next.file->sync();
    if (!synced) co_return synced.error();
  }
  SegmentHeader header{.identity = identity_,
                       .sequence = next.segment.sequence,
                       .generation = next.segment.generation,
                       .first_index = next_index_,
                       .before = chain_,
                       .bytes = next.segment.bytes};
  std::string sector = encode(header);
  const Result<void> written = co_await next.file->write(0, std::move(sector));
  if (!written) co_return written.error();
  file_ = std::move(next.file);
  end_ = kSectorBytes;
  numbers_.segments = segments_.size();
  co_return Result<void>();
}

void LogWriter::drop_up_to(raft::Index mark) {
  const auto kept = std::find_if(segments_.begin(), segments_.end() - 1,
                                 [&](const Segment& segment) { return segment.highest > mark; });
  dropped_.insert(dropped_.end(), segments_.begin(), kept);
  segments_.erase(segments_.begin(), kept);
  numbers_.segments = segments_.size();
  if (!dropped_.empty()) segment_work_.wake_all();
}

runtime::Task<void> LogWriter::keep_segments() {
  for (;;) {
    if (!prepared_ && !prepare_error_) {
      const Result<void> made = co_await prepare_segment();
      if (!made) prepare_error_ = made.error();
      prepared_signal_.wake_all();
    } else if (!dropped_.empty() && !dropping_failed_) {
      // One that can't go must stay the oldest: the log has no gaps. The next start drops it.
      const Result<void> gone = co_await drop_oldest();
      dropping_failed_ = !gone.ok();
    } else {
      const bool woken = co_await segment_work_.wait();
      static_cast<void>(woken);
    }
  }
}

runtime::Task<Result<void>> LogWriter::drop_oldest() {
  const Segment segment = dropped_.front();
  const std::string name = file_name(segment.sequence, kSegmentKind);
  if (spares_.size() >= options_.recycled_max) {
    const Result<void> removed = co_await world_.disk.remove(path(name));
    if (!removed) co_return removed.error();
    const Result<void> synced = co_await world_.disk.sync_directory(directory_);
    if (!synced) co_return synced.error();
  } else {
    const std::string spare = file_name(segment.sequence, kSpareKind);
    Renaming renaming{.directory = directory_, .from = name, .to = spare};
    const Result<void> renamed = co_await rename_durably(world_, std::move(renaming));
    if (!renamed) co_return renamed.error();
    spares_.push_back({spare, segment.generation + 1});
  }
  dropped_.pop_front();
  co_return Result<void>();
}

// Recycles a spare file where there is one: its blocks are allocated already.
runtime::Task<Result<void>> LogWriter::prepare_segment() {
  Prepared next;
  next.segment.sequence = segments_.back().sequence + 1;
  next.segment.bytes = options_.segment_bytes / kSectorBytes * kSectorBytes;
  std::string name = file_name(next.segment.sequence, kTemporaryKind);
  if (!spares_.empty()) {
    name = spares_.back().name;
    next.segment.generation = spares_.back().generation;
    spares_.pop_back();
  }
  NewSegment segment{.path = path(name), .bytes = next.segment.bytes};
  Result<std::unique_ptr<runtime::File>> file = co_await make_segment(world_, std::move(segment));
  if (!file) co_return file.error();
  next.file = std::move(*file);
  Renaming renaming{
      .directory = directory_, .from = name, .to = file_name(next.segment.sequence, kSegmentKind)};
  const Result<void> renamed = co_await rename_durably(world_, std::move(renaming));
  if (!renamed) co_return renamed.error();
  prepared_ = std::move(next);
  co_return Result<void>();
}

runtime::Task<void> LogWriter::witness_when_idle() {
  for (;;) {
    if (!unwitnessed_ || failed_) {
      const bool woken = co_await batch_written_.wait();
      static_cast<void>(woken);
      continue;
    }
    const TimePoint due = last_batch_ + options_.idle_witness_after;
    if (world_.clock.boot() < due) {
      co_await runtime::sleep_until(world_.scheduler, due);
      continue;
    }
    const runtime::Mutex::Guard turn = co_await turn_.lock();
    // Somebody may have had the turn meanwhile.
    const Duration idle = world_.clock.boot() - last_batch_;
    if (failed_ || closed_ || !unwitnessed_ || idle < options_.idle_witness_after) continue;
    const Result<void> written = co_await write(begin_batch(BatchKind::kIdleWitness));
    if (!written) co_return;
  }
}

}  // namespace detcd::wal
