#include "mvcc/compaction_hashes.h"

namespace detcd::mvcc {

std::unique_ptr<CompactionHashes::Missing> CompactionHashes::begin(const Store& store,
                                                                   const CompactionHash& known) {
  return std::unique_ptr<Missing>(
      new Missing{HashRead(known.revision, known.former, HashRead::Of::kCompaction),
                  Pin(store.pins(), known.former)});
}

void CompactionHashes::add(const Store& store, Revision former) {
  if (kept_.size() == kKept) kept_.pop_front();
  const CompactionHash known{.revision = store.compact_revision(), .former = former, .hash = {}};
  kept_.push_back({known, begin(store, known)});
}

Advance CompactionHashes::advance(const Store& store, Meter& meter) {
  for (Kept& kept : kept_) {
    if (kept.missing == nullptr) continue;
    if (meter.empty()) return More{};
    Advance step = kept.missing->read.advance(store, meter);
    if (!std::holds_alternative<Done>(step)) return step;
    kept.known.hash = kept.missing->read.hash();
    kept.missing.reset();
  }
  return Done{};
}

std::optional<CompactionHash> CompactionHashes::find(Revision revision) const {
  for (const Kept& kept : kept_) {
    if (kept.known.revision == revision) return kept.known;
  }
  return std::nullopt;
}

void CompactionHashes::encode(Writer& out) const {
  out.varint(kept_.size());
  for (const Kept& kept : kept_) {
    out.u64(static_cast<std::uint64_t>(kept.known.revision));
    out.u64(static_cast<std::uint64_t>(kept.known.former));
    out.boolean(kept.known.hash.has_value());
    if (kept.known.hash) out.u64(*kept.known.hash);
  }
}

Result<void> CompactionHashes::decode(Reader& in, const StoreMarks& marks) {
  const std::uint64_t count = in.varint();
  Revision last = -1;
  bool sound = count <= kKept;
  for (std::uint64_t i = 0; sound && in.ok() && i < count; ++i) {
    CompactionHash known;
    known.revision = static_cast<Revision>(in.u64());
    known.former = static_cast<Revision>(in.u64());
    if (in.boolean()) {
      const std::uint64_t hash = in.u64();
      sound = hash <= UINT32_MAX;
      known.hash = static_cast<std::uint32_t>(hash);
    }
    sound = sound && known.former >= last && known.former < known.revision;
    last = known.revision;
    kept_.push_back({known, nullptr});
  }
  sound = sound && in.ok() && (kept_.empty() || last == marks.compact_revision);
  if (!sound) return Error{Errc::kDamaged, "the image's hashes of compactions don't decode"};
  return {};
}

void CompactionHashes::resume(const Store& store) {
  for (Kept& kept : kept_) {
    if (!kept.known.hash) kept.missing = begin(store, kept.known);
  }
}

}  // namespace detcd::mvcc
