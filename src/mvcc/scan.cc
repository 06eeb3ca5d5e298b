#include "mvcc/scan.h"

namespace detcd::mvcc {
namespace {

constexpr std::string_view kFromKey("\0", 1);
constexpr std::uint64_t kDescentUnits = 3;

}  // namespace

bool KeyScan::beyond(std::string_view key) const {
  return range_.end != kFromKey && key >= range_.end;
}

bool KeyScan::seek(const KeyIndex& index) {
  position_ = index.tree().lower_bound(next_);
  end_ = index.tree().end();
  placed_ = true;
  return position_ != end_ && !beyond(position_->first);
}

void KeyScan::look_up(const KeyIndex& index, Meter& meter) {
  if (!meter.spend(kDescentUnits)) return;
  finished_ = true;  // Whatever is found is the last.
  KeyEntry* const entry = index.find(range_.key);
  const Version* const version = entry == nullptr ? nullptr : entry->versions.find(at_);
  if (version != nullptr && !version->tombstone()) row_ = Row{entry, version};
}

std::optional<KeyScan::Row> KeyScan::peek(const KeyIndex& index, Meter& meter) {
  if (row_) return row_;
  if (finished_) return std::nullopt;
  if (range_.end.empty()) {
    look_up(index, meter);
    return row_;
  }
  bool paid = false;
  if (!placed_) {
    if (meter.empty()) return std::nullopt;
    meter.charge(kDescentUnits);
    if (!seek(index)) {
      finished_ = true;
      return std::nullopt;
    }
    paid = true;  // The descent brings its first key along: the smallest budget makes progress.
  }
  while (true) {
    if (position_ == end_ || beyond(position_->first)) {
      finished_ = true;
      return std::nullopt;
    }
    if (!paid && !meter.spend()) return std::nullopt;
    paid = false;
    KeyEntry* const entry = position_->second.get();
    ++position_;
    const Version* const version = entry->versions.find(at_);
    if (version == nullptr || version->tombstone()) continue;
    row_ = Row{entry, version};
    return row_;
  }
}

void KeyScan::pause() {
  if (range_.end.empty()) {
    // A row that still stands is looked up again.
    finished_ = finished_ && !row_;
    row_.reset();
    return;
  }
  if (finished_ || !placed_) return;
  placed_ = false;
  if (row_) {
    next_ = row_->entry->key;
    row_.reset();
    return;
  }
  if (position_ == end_ || beyond(position_->first)) {
    finished_ = true;
    return;
  }
  next_ = position_->first;
}

}  // namespace detcd::mvcc
