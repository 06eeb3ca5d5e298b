#include "apply/reads.h"

#include <algorithm>
#include <utility>

namespace detcd::apply {

PinnedRead::PinnedRead(const mvcc::Store& store, Revision floor) : store_(&store) {
  if (store.pins().size() >= kPinsMax) {
    error_ = ApiError::kTooManyRequests;
    return;
  }
  pin_.emplace(store.pins(), floor);
}

const mvcc::Store* PinnedRead::store() {
  if (error_) return nullptr;
  if (!pin_->orphaned()) return store_;
  error_ = ApiError::kStopped;
  return nullptr;
}

PinnedRange::PinnedRange(const mvcc::Store& store, const RangeRequest& request)
    : PinnedRead(store, request.revision <= 0 ? store.revision() : request.revision),
      header_(store.revision()),
      read_(to_query(request, store.revision())) {
  if (request.revision > store.revision()) {
    refuse(ApiError::kFutureRev);
  } else if (request.revision > 0 && request.revision < store.compact_revision()) {
    refuse(ApiError::kCompacted);
  }
}

mvcc::Advance PinnedRange::advance(mvcc::Budget budget) {
  const mvcc::Store* const from = store();
  if (from == nullptr) return mvcc::Done{};
  mvcc::Meter meter(budget);
  return read_.advance(*from, meter);
}

Answer PinnedRange::take() {
  if (error()) return *error();
  return Response{to_response(read_.take(), header_)};
}

// Its Ranges may read any revision down to the watermark.
PinnedTxn::PinnedTxn(const mvcc::Store& store, TxnRequest request)
    : PinnedRead(store, store.compact_revision()),
      work_(std::move(request),
            {.base = store.revision(), .compacted = store.compact_revision(), .writes = false}) {}

mvcc::Advance PinnedTxn::advance(mvcc::Budget budget) {
  const mvcc::Store* const from = store();
  if (from == nullptr) return mvcc::Done{};
  mvcc::Meter meter(budget);
  return work_.advance(*from, nullptr, meter);
}

Answer PinnedTxn::take() {
  if (error()) return *error();
  return work_.take();
}

PinnedHash::PinnedHash(const mvcc::Store& store, Revision revision,
                       const std::optional<mvcc::CompactionHash>& compaction)
    : PinnedRead(store, compaction ? compaction->former : store.compact_revision()),
      answer_{.compact_revision = store.compact_revision(),
              .hash_revision = revision == 0 ? store.revision() : revision} {
  if (compaction) {
    answer_ = {.hash = compaction->hash.value_or(0),
               .compact_revision = compaction->former,
               .hash_revision = compaction->revision};
    if (!compaction->hash) {
      read_.emplace(compaction->revision, compaction->former, mvcc::HashRead::Of::kCompaction);
    }
  } else if (revision > store.revision()) {
    refuse(ApiError::kFutureRev);
  } else if (revision > 0 && revision < store.compact_revision()) {
    refuse(ApiError::kCompacted);
  } else {
    read_.emplace(answer_.hash_revision, answer_.compact_revision);
  }
}

mvcc::Advance PinnedHash::advance(mvcc::Budget budget) {
  const mvcc::Store* const from = store();
  if (from == nullptr) return mvcc::Done{};
  if (!read_) return mvcc::Done{};
  mvcc::Meter meter(budget);
  return read_->advance(*from, meter);
}

std::variant<HashKvAnswer, ApiError> PinnedHash::take() {
  if (error()) return *error();
  if (read_) answer_.hash = read_->hash();
  return answer_;
}

}  // namespace detcd::apply
