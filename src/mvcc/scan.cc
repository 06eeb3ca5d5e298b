#include "mvcc/scan.h"

namespace detcd::mvcc {
namespace {

constexpr std::string_view kFromKey("\0", 1);

}  // namespace

bool KeyScan::beyond(std::string_view key) const {
  if (range_.end.empty()) return key != range_.key;
  return range_.end != kFromKey && key >= range_.end;
}

bool KeyScan::seek(const KeyIndex& index) {
  position_ = range_.end.empty() ? index.tree().find(next_) : index.tree().lower_bound(next_);
  end_ = index.tree().end();
  placed_ = true;
  return position_ != end_ && !beyond(position_->first);
}

std::optional<KeyScan::Row> KeyScan::peek(const KeyIndex& index, Meter& meter) {
  if (row_) return row_;
  if (finished_) return std::nullopt;
  bool paid = false;
  if (!placed_) {
    if (meter.empty()) return std::nullopt;
    meter.charge(3);
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
