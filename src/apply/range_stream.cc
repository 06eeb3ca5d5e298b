#include "apply/range_stream.h"

#include <algorithm>
#include <utility>

#include "apply/ops.h"

namespace detcd::apply {
namespace {

// As in mvcc/range.cc: a look into a chunk, and shares of its buffer.
constexpr std::uint64_t kRowUnits = 4;

}  // namespace

std::optional<StreamRefusal> refuse_stream(const RangeRequest& request) {
  const auto order = static_cast<SortOrder>(request.sort_order);
  const bool by_key = static_cast<SortTarget>(request.sort_target) == SortTarget::kKey;
  if (order != SortOrder::kNone && !(order == SortOrder::kAscend && by_key)) {
    return StreamRefusal::kSortOrder;
  }
  const bool filtered = request.min_mod_revision != 0 || request.max_mod_revision != 0 ||
                        request.min_create_revision != 0 || request.max_create_revision != 0;
  if (filtered) return StreamRefusal::kRevisionFilter;
  return std::nullopt;
}

RangeStream::RangeStream(const RangeRequest& request, const mvcc::Store& store,
                         std::size_t piece_bytes)
    : header_(store.revision()),
      at_(request.revision <= 0 ? store.revision() : request.revision),
      limit_(request.limit),
      piece_bytes_(piece_bytes),
      keys_only_(request.keys_only),
      index_only_(request.keys_only &&
                  static_cast<SortTarget>(request.sort_target) != SortTarget::kValue),
      count_only_(request.count_only),
      scan_({request.key, request.range_end}, at_) {
  error_ = check_revision(at_, store.revision(), store.compact_revision());
}

bool RangeStream::full() const {
  return piece_.rows.kvs.size() >= rows_max_ || piece_.bytes >= piece_bytes_;
}

std::optional<KeyValue> RangeStream::row(const mvcc::Store& store,
                                         const mvcc::KeyScan::Row& found) const {
  const mvcc::Version& version = *found.version;
  if (!index_only_) {
    std::optional<KeyValue> read = store.read(version);
    if (read && keys_only_) read->value = Bytes();
    return read;
  }
  // etcd 3.7 answers keys_only from its index, which knows no lease.
  return KeyValue{.key = Bytes(std::string_view(found.entry->key)),
                  .create_revision = version.create_revision,
                  .mod_revision = version.main,
                  .version = version.version};
}

mvcc::Advance RangeStream::advance(const mvcc::Store& store, mvcc::Budget budget) {
  if (!error_ && at_ < store.compact_revision()) error_ = ApiError::kCompacted;
  if (error_) return mvcc::Done{};
  mvcc::Meter meter(budget);
  mvcc::Advance step = mvcc::More{};
  while (const std::optional<mvcc::KeyScan::Row> found = scan_.peek(store.index(), meter)) {
    // Behind the limit keys are only counted, and in one piece with the last rows.
    if (!count_only_ && !limit_reached()) {
      if (full()) {
        step = mvcc::Done{};
        break;
      }
      std::optional<KeyValue> kept = row(store, *found);
      if (!kept) {
        step = store.need(*found->version);
        break;
      }
      meter.charge(kRowUnits);
      piece_.bytes += kept->key.size() + kept->value.size();
      piece_.rows.kvs.push_back(std::move(*kept));
      ++rows_;
    }
    ++count_;
    scan_.pop();
  }
  if (scan_.finished()) {
    piece_.last = true;
    step = mvcc::Done{};
  }
  scan_.pause();
  return step;
}

std::variant<RangePiece, ApiError> RangeStream::take() {
  if (error_) return *error_;
  if (piece_.last) {
    piece_.rows.header_revision = header_;
    piece_.rows.count = count_;
    piece_.rows.more = !count_only_ && count_ > rows_;
  }
  if (piece_.bytes < piece_bytes_ / 2) rows_max_ *= 2;
  if (piece_.bytes > piece_bytes_ * 2) rows_max_ = std::max<std::uint64_t>(1, rows_max_ / 2);
  return std::exchange(piece_, {});
}

}  // namespace detcd::apply
