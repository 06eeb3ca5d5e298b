#include "mvcc/store.h"

#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace detcd::mvcc {
namespace {

Totals totals_of(const Version& version) {
  return {version.location.length, mix64(version.hash)};
}

}  // namespace

void Store::put(const Put& put) {
  Record record{.place = {write_revision(), next_sub_++},
                .create_revision = write_revision(),
                .version = 1,
                .lease = put.lease,
                .key = put.key,
                .value = put.value};
  KeyEntry* const entry = index_.find(put.key);
  if (entry != nullptr && !entry->versions.newest().tombstone()) {
    record.create_revision = entry->versions.newest().create_revision;
    record.version = entry->versions.newest().version + 1;
  }
  const ChunkTable::Appended appended = chunks_.append(record);
  const Version version{.main = record.place.main,
                        .create_revision = record.create_revision,
                        .version = record.version,
                        .hash = appended.hash,
                        .sub = record.place.sub,
                        .location = appended.location};
  written_ += totals_of(version);
  if (entry == nullptr) {
    index_.insert(put.key, version);
    return;
  }
  const Version& former = entry->versions.newest();
  if (!former.tombstone()) superseded_.push(record.place, *entry, totals_of(former));
  entry->versions.push(version);
}

void Store::erase(KeyEntry& entry) {
  const Record record{
      .place = {write_revision(), next_sub_++}, .tombstone = true, .key = entry.key};
  const ChunkTable::Appended appended = chunks_.append(record);
  const Version version{.main = record.place.main,
                        .hash = appended.hash,
                        .sub = record.place.sub,
                        .location = appended.location};
  check(!entry.versions.newest().tombstone(), "only a live key is deleted");
  written_ += totals_of(version);
  superseded_.push(record.place, entry, totals_of(entry.versions.newest()));
  tombstones_.push(record.place, entry, totals_of(version));
  entry.versions.push(version);
}

void Store::end_revision() {
  if (next_sub_ == 0) return;
  next_sub_ = 0;
  ++ended_;
}

void Store::commit() {
  end_revision();
  if (ended_ == 0) return;
  present_ += written_;
  written_ = {};
  revision_ += std::exchange(ended_, 0);
}

const Version* Store::live(std::string_view key, Revision at) const {
  const KeyEntry* const entry = index_.find(key);
  if (entry == nullptr) return nullptr;
  const Version* const version = entry->versions.find(at);
  return version == nullptr || version->tombstone() ? nullptr : version;
}

std::optional<Record> Store::peek(const Version& version) const {
  const Chunk& chunk = chunks_.at(version.location.slot);
  if (chunk.cold) return std::nullopt;
  return read_frame(chunk.text().substr(version.location.offset, version.location.length));
}

std::optional<KeyValue> Store::read(const Version& version) const {
  const std::optional<Bytes> frame = chunks_.frame(version.location);
  if (!frame) return std::nullopt;
  const Record record = read_frame(frame->view());
  return KeyValue{.key = frame->slice(kRecordHeaderBytes, record.key.size()),
                  .value = frame->slice(kRecordHeaderBytes + record.key.size()),
                  .create_revision = record.create_revision,
                  .mod_revision = record.place.main,
                  .version = record.version,
                  .lease = record.lease};
}

void Store::compact(Revision revision) {
  check(revision > compact_revision_ && revision <= revision_,
        "a compaction moves the watermark forward, never beyond the present");
  move_watermark(revision);
}

void Store::move_watermark(Revision revision) {
  compact_revision_ = revision;
  released_ = superseded_.through(revision) + tombstones_.through(revision - 1);
}

std::vector<StoredChunk> Store::capture() const {
  check(!wrote(), "an image is taken between transactions");
  std::vector<StoredChunk> images;
  images.reserve(chunks_.order().size());
  for (const std::uint32_t slot : chunks_.order()) {
    const Chunk& chunk = chunks_.at(slot);
    StoredChunk image{.id = chunk.id, .hash = chunk.hash, .sealed = chunk.sealed};
    if (!chunk.cold) image.bytes = chunk.all();
    if (!chunk.sealed) image.hash = hash64(image.bytes.view());
    images.push_back(std::move(image));
  }
  return images;
}

void Store::enter(const Record& record, const ChunkTable::Appended& where) {
  const Version version{.main = record.place.main,
                        .create_revision = record.create_revision,
                        .version = record.version,
                        .hash = where.hash,
                        .sub = record.place.sub,
                        .location = where.location};
  present_ += totals_of(version);
  KeyEntry* entry = index_.find(record.key);
  if (entry == nullptr) {
    entry = &index_.insert(record.key, version);
  } else {
    const Version& former = entry->versions.newest();
    if (!former.tombstone()) superseded_.push(record.place, *entry, totals_of(former));
    entry->versions.push(version);
  }
  if (record.tombstone) tombstones_.push(record.place, *entry, totals_of(version));
}

Result<void> Store::restore_chunk(const StoredChunk& chunk, Place& last) {
  const Result<std::uint32_t> slot =
      chunks_.add_image(chunk.id, chunk.hash, chunk.sealed, chunk.bytes);
  if (!slot) return slot.error();
  const std::string_view bytes = chunks_.at(*slot).text();
  std::optional<Place> first;
  for (std::size_t offset = kChunkHeaderBytes; offset < bytes.size();) {
    const std::optional<Verified> frame = verify_frame(bytes.substr(offset));
    if (!frame || frame->record.place <= last) {
      return Error{Errc::kDamaged, "chunk " + std::to_string(chunk.id.value()) + " at offset " +
                                       std::to_string(offset) + " holds no record that fits there"};
    }
    last = frame->record.place;
    if (!first) first = last;
    enter(frame->record,
          {{*slot, static_cast<std::uint32_t>(offset), frame->length}, frame->checksum});
    offset += frame->length;
  }
  if (!first)
    return Error{Errc::kDamaged, "chunk " + std::to_string(chunk.id.value()) + " is empty"};
  chunks_.set_span(*slot, *first, last);
  return {};
}

Result<void> Store::restore(const std::vector<StoredChunk>& chunks, const StoreMarks& marks) {
  check(revision_ == 1 && chunks_.order().empty(), "a store is restored before it is used");
  if (marks.revision < 1 || marks.compact_revision > marks.revision ||
      marks.compact_revision < -1) {
    return Error{Errc::kDamaged, "the image's revisions contradict each other"};
  }
  Place last;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (!chunks[i].sealed && i + 1 != chunks.size()) {
      return Error{Errc::kDamaged, "a chunk other than the image's last one isn't sealed"};
    }
    Result<void> entered = restore_chunk(chunks[i], last);
    if (!entered) return entered;
  }
  if (last.main > marks.revision) {
    return Error{Errc::kDamaged, "the image holds records after its revision"};
  }
  revision_ = marks.revision;
  move_watermark(marks.compact_revision);
  chunks_.resume(marks.next_chunk);
  return {};
}

}  // namespace detcd::mvcc
