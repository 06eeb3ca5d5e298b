// One Range read as etcd answers it (ETCD.md §2.2), resumable: collect, sort, cut. It reads at one
// revision that the caller has checked and pinned; what it answers doesn't depend on the budgets.
// Unlike etcd's, the sort is stable: rows that are equal in the sort target stay in key order.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "mvcc/meter.h"
#include "mvcc/scan.h"
#include "mvcc/store.h"
#include "mvcc/types.h"

namespace detcd::mvcc {

enum class RangeOrder : std::uint8_t { kNone, kAscend, kDescend };
enum class RangeTarget : std::uint8_t { kKey, kVersion, kCreate, kMod, kValue };

struct RangeQuery {
  KeyRange range;
  Revision at = 0;
  std::int64_t limit = 0;  // ≤ 0: none.
  bool keys_only = false;
  bool count_only = false;
  RangeOrder order = RangeOrder::kNone;
  RangeTarget target = RangeTarget::kKey;
  Revision min_mod = 0;  // Of these four, 0 is unset.
  Revision max_mod = 0;
  Revision min_create = 0;
  Revision max_create = 0;
};

struct RangeResult {
  std::vector<KeyValue> rows;
  std::int64_t count = 0;  // Of all keys in the range, before filters and limit.
  bool more = false;
};

// A growing list of rows in blocks: no push moves more than one block's worth.
class Rows {
 public:
  static constexpr std::size_t kBlock = 1024;
  void push(KeyValue row);
  [[nodiscard]] KeyValue& at(std::size_t i) { return blocks_[i / kBlock][i % kBlock]; }
  [[nodiscard]] std::size_t size() const;
  // The rows, when they are but one block.
  [[nodiscard]] bool single() const { return blocks_.size() <= 1; }
  std::vector<KeyValue> take_single();
  // Frees block by block; true when nothing is left.
  bool release(Meter& meter);

 private:
  std::vector<std::vector<KeyValue>> blocks_;
};

// A stable merge sort of [0, size) that can stop after every element.
class SortWork {
 public:
  SortWork(Rows& rows, RangeTarget target, bool descending)
      : rows_(&rows), target_(target), descending_(descending) {}
  // True when sorted.
  bool advance(Meter& meter);
  [[nodiscard]] std::uint32_t place(std::size_t i) const { return from_[i]; }

 private:
  [[nodiscard]] bool before(std::uint32_t a, std::uint32_t b) const;
  bool start(Meter& meter);
  void begin_merge(std::size_t low);

  Rows* rows_;
  RangeTarget target_;
  bool descending_;
  std::size_t width_ = 0;  // Of the sorted runs; 0 before they exist.
  std::size_t low_ = 0;    // The merge in progress: [low, middle) with [middle, high).
  std::size_t middle_ = 0;
  std::size_t high_ = 0;
  std::size_t left_ = 0;
  std::size_t right_ = 0;
  std::vector<std::uint32_t> from_;
  std::vector<std::uint32_t> to_;
};

class RangeRead {
 public:
  explicit RangeRead(RangeQuery query);
  Advance advance(const Store& store, Meter& meter);
  // After Done, once.
  RangeResult take() { return std::move(result_); }

 private:
  enum class Phase : std::uint8_t { kCollect, kSort, kCut, kFree, kDone };
  Advance collect(const Store& store, Meter& meter);
  [[nodiscard]] bool passes(const Version& version) const;
  // None: its bytes are needed first.
  [[nodiscard]] std::optional<KeyValue> row(const Store& store, const KeyScan::Row& found) const;
  void end_collecting();
  bool cut(Meter& meter);

  RangeQuery query_;
  KeyScan scan_;
  Phase phase_ = Phase::kCollect;
  bool index_only_ = false;   // The rows need no record.
  std::size_t rows_max_ = 0;  // Where collecting stops and only counting goes on.
  Rows rows_;
  std::size_t kept_ = 0;
  std::optional<SortWork> sort_;
  RangeResult result_;
};

}  // namespace detcd::mvcc
