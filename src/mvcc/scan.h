// A resumable walk over the keys of a range that are live at one revision, in key order. Between
// two advances it stands on a key by name, so that keys may come and go meanwhile.
#pragma once

#include <optional>
#include <string>

#include "mvcc/key_index.h"
#include "mvcc/meter.h"
#include "mvcc/types.h"

namespace detcd::mvcc {

class KeyScan {
 public:
  struct Row {
    KeyEntry* entry = nullptr;
    const Version* version = nullptr;
  };

  KeyScan(KeyRange range, Revision at) : range_(std::move(range)), at_(at), next_(range_.key) {}

  // The row it stands on, which stays until pop(); none when the range has ended (finished()) or
  // the meter is empty.
  std::optional<Row> peek(const KeyIndex& index, Meter& meter);
  void pop() { row_.reset(); }
  // At the end of an advance: before anything else may change the index.
  void pause();
  [[nodiscard]] bool finished() const { return finished_ && !row_; }

 private:
  // Of a range that is one key.
  void look_up(const KeyIndex& index, Meter& meter);
  bool seek(const KeyIndex& index);
  [[nodiscard]] bool beyond(std::string_view key) const;

  KeyRange range_;
  Revision at_;
  std::string next_;     // Where to go on: the first key at or after it.
  bool placed_ = false;  // `position_` is good.
  bool finished_ = false;
  KeyIndex::Tree::const_iterator position_;  // After the row's key.
  KeyIndex::Tree::const_iterator end_;
  std::optional<Row> row_;
};

}  // namespace detcd::mvcc
