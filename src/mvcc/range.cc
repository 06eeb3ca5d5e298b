#include "mvcc/range.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace detcd::mvcc {
namespace {

// Runs that are sorted at once, before merging begins.
constexpr std::size_t kRun = 64;
constexpr std::size_t kNoMax = std::numeric_limits<std::size_t>::max();
// A row costs a look into its chunk and two shares of the buffer, beyond the visit of its key.
constexpr std::uint64_t kRowUnits = 4;
constexpr std::uint64_t kMoveUnits = 3;  // Comparing or moving rows that lie anywhere.
constexpr std::uint64_t kRowsFreedPerUnit = 16;

bool filtered(const RangeQuery& query) {
  return query.min_mod != 0 || query.max_mod != 0 || query.min_create != 0 || query.max_create != 0;
}

// The order in which the store walks: nothing needs to be sorted after an unlimited walk.
bool default_order(const RangeQuery& query) {
  return query.order == RangeOrder::kNone ||
         (query.order == RangeOrder::kAscend && query.target == RangeTarget::kKey);
}

std::int64_t number(const KeyValue& row, RangeTarget target) {
  switch (target) {
    case RangeTarget::kVersion:
      return row.version;
    case RangeTarget::kCreate:
      return row.create_revision;
    case RangeTarget::kMod:
      return row.mod_revision;
    case RangeTarget::kKey:
    case RangeTarget::kValue:
      break;
  }
  return 0;
}

}  // namespace

void Rows::push(KeyValue row) {
  if (blocks_.empty() || blocks_.back().size() == kBlock) {
    blocks_.emplace_back();
    if (blocks_.size() > 1) blocks_.back().reserve(kBlock);
  }
  blocks_.back().push_back(std::move(row));
}

std::size_t Rows::size() const {
  return blocks_.empty() ? 0 : (blocks_.size() - 1) * kBlock + blocks_.back().size();
}

std::vector<KeyValue> Rows::take_single() {
  return blocks_.empty() ? std::vector<KeyValue>() : std::move(blocks_.front());
}

bool Rows::release(Meter& meter) {
  while (!blocks_.empty()) {
    if (!meter.spend(1 + blocks_.back().size() / kRowsFreedPerUnit)) return false;
    blocks_.pop_back();
  }
  return true;
}

bool SortWork::before(std::uint32_t a, std::uint32_t b) const {
  const KeyValue& x = rows_->at(descending_ ? b : a);
  const KeyValue& y = rows_->at(descending_ ? a : b);
  if (target_ == RangeTarget::kKey) return x.key.view() < y.key.view();
  if (target_ == RangeTarget::kValue) return x.value.view() < y.value.view();
  return number(x, target_) < number(y, target_);
}

bool SortWork::start(Meter& meter) {
  const std::size_t size = rows_->size();
  from_.reserve(size);
  to_.reserve(size);
  while (from_.size() < size) {
    if (!meter.spend(kRun)) return false;
    const std::size_t low = from_.size();
    const std::size_t high = std::min(size, low + kRun);
    for (std::size_t i = low; i < high; ++i) from_.push_back(static_cast<std::uint32_t>(i));
    // With its place to break ties, a plain sort is a stable one.
    std::sort(from_.begin() + static_cast<std::ptrdiff_t>(low), from_.end(),
              [this](std::uint32_t x, std::uint32_t y) {
                return before(x, y) || (!before(y, x) && x < y);
              });
  }
  width_ = kRun;
  begin_merge(0);
  return true;
}

void SortWork::begin_merge(std::size_t low) {
  low_ = low;
  middle_ = std::min(low + width_, from_.size());
  high_ = std::min(low + 2 * width_, from_.size());
  left_ = low_;
  right_ = middle_;
}

bool SortWork::advance(Meter& meter) {
  if (width_ == 0 && !start(meter)) return false;
  while (width_ < from_.size()) {
    while (left_ < middle_ || right_ < high_) {
      if (!meter.spend(kMoveUnits)) return false;
      const bool take_right =
          left_ == middle_ || (right_ < high_ && before(from_[right_], from_[left_]));
      to_.push_back(from_[take_right ? right_++ : left_++]);
    }
    if (high_ < from_.size()) {
      begin_merge(high_);
      continue;
    }
    from_.swap(to_);
    to_.clear();
    width_ *= 2;
    begin_merge(0);
  }
  return true;
}

RangeRead::RangeRead(RangeQuery query) : query_(std::move(query)), scan_(query_.range, query_.at) {
  index_only_ = query_.count_only || (query_.keys_only && query_.target != RangeTarget::kValue);
  // With the default order a limit cuts the walk itself, even when the few rows that are left are
  // then sorted by another target than the key.
  const bool cut_early = query_.limit > 0 && default_order(query_) && !filtered(query_);
  rows_max_ = kNoMax;
  if (cut_early) rows_max_ = static_cast<std::size_t>(query_.limit) + 1;
  if (query_.count_only) rows_max_ = 0;
}

bool RangeRead::passes(const Version& version) const {
  return (query_.min_mod == 0 || version.main >= query_.min_mod) &&
         (query_.max_mod == 0 || version.main <= query_.max_mod) &&
         (query_.min_create == 0 || version.create_revision >= query_.min_create) &&
         (query_.max_create == 0 || version.create_revision <= query_.max_create);
}

std::optional<KeyValue> RangeRead::row(const Store& store, const KeyScan::Row& found) const {
  const Version& version = *found.version;
  if (!index_only_) {
    return store.read(version);
  }
  // etcd 3.7 answers keys_only from its index, which knows no lease.
  return KeyValue{.key = Bytes(std::string_view(found.entry->key)),
                  .create_revision = version.create_revision,
                  .mod_revision = version.main,
                  .version = version.version};
}

Advance RangeRead::collect(const Store& store, Meter& meter) {
  while (const std::optional<KeyScan::Row> found = scan_.peek(store.index(), meter)) {
    const bool wanted = rows_.size() < rows_max_ && passes(*found->version);
    if (wanted) {
      std::optional<KeyValue> kept = row(store, *found);
      if (!kept) return store.need(*found->version);
      meter.charge(kRowUnits);
      rows_.push(std::move(*kept));
    }
    ++result_.count;
    scan_.pop();
  }
  if (!scan_.finished()) return More{};
  return Done{};
}

void RangeRead::end_collecting() {
  kept_ = rows_.size();
  if (query_.limit > 0 && kept_ > static_cast<std::uint64_t>(query_.limit)) {
    kept_ = static_cast<std::size_t>(query_.limit);
    result_.more = true;
  }
  const bool sorted = query_.target == RangeTarget::kKey && query_.order != RangeOrder::kDescend;
  phase_ = Phase::kCut;
  if (sorted || rows_.size() <= 1) return;
  sort_.emplace(rows_, query_.target, query_.order == RangeOrder::kDescend);
  phase_ = Phase::kSort;
}

bool RangeRead::cut(Meter& meter) {
  if (!sort_ && rows_.single()) {
    if (!meter.spend()) return false;
    result_.rows = rows_.take_single();
    result_.rows.resize(kept_);
    if (query_.keys_only) {
      for (KeyValue& row : result_.rows) row.value = Bytes();
    }
    return true;
  }
  if (result_.rows.empty()) result_.rows.reserve(kept_);
  while (result_.rows.size() < kept_) {
    if (!meter.spend(kMoveUnits)) return false;
    const std::size_t next = result_.rows.size();
    result_.rows.push_back(std::move(rows_.at(sort_ ? sort_->place(next) : next)));
    if (query_.keys_only) result_.rows.back().value = Bytes();
  }
  return true;
}

Advance RangeRead::advance(const Store& store, Meter& meter) {
  if (phase_ == Phase::kCollect) {
    Advance step = collect(store, meter);
    scan_.pause();
    if (!std::holds_alternative<Done>(step)) return step;
    end_collecting();
  }
  if (phase_ == Phase::kSort) {
    if (!sort_->advance(meter)) return More{};
    phase_ = Phase::kCut;
  }
  if (phase_ == Phase::kCut) {
    if (!cut(meter)) return More{};
    phase_ = Phase::kFree;
  }
  if (phase_ == Phase::kFree) {
    if (!rows_.release(meter)) return More{};
    phase_ = Phase::kDone;
  }
  return Done{};
}

}  // namespace detcd::mvcc
