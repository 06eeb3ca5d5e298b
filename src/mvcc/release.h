// What compactions will release, in the order of the revision that releases it, with running
// totals: so that a compaction knows in logarithmic time how many bytes and which part of the state
// hash leave the state, and the sweep finds what to free without searching the index.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

#include "mvcc/key_index.h"
#include "mvcc/types.h"

namespace detcd::mvcc {

// Of a set of records: the sum of their frames' lengths and of their hashes (modulo 2^64).
struct Totals {
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;
  Totals& operator+=(const Totals& other) {
    bytes += other.bytes;
    hash += other.hash;
    return *this;
  }
  friend Totals operator+(Totals a, const Totals& b) { return a += b; }
  friend Totals operator-(const Totals& a, const Totals& b) {
    return {a.bytes - b.bytes, a.hash - b.hash};
  }
  friend bool operator==(const Totals&, const Totals&) = default;
};

class ReleaseQueue {
 public:
  struct Item {
    Place place;  // What releases it lies at this place, or is the tombstone itself.
    KeyEntry* entry = nullptr;
    Totals through;  // Of all items ever pushed up to and including this one.
  };

  // Places come in ascending order.
  void push(Place place, KeyEntry& entry, const Totals& released) {
    end_ += released;
    items_.push_back({place, &entry, end_});
  }
  // Of all items at or before revision `main`; never before one that was popped.
  [[nodiscard]] Totals through(Revision main) const {
    const auto after = std::partition_point(
        items_.begin(), items_.end(), [main](const Item& item) { return item.place.main <= main; });
    return after == items_.begin() ? popped_ : (after - 1)->through;
  }
  [[nodiscard]] const Item* front() const { return items_.empty() ? nullptr : &items_.front(); }
  void pop() {
    popped_ = items_.front().through;
    items_.pop_front();
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }

 private:
  std::deque<Item> items_;
  Totals popped_;
  Totals end_;
};

}  // namespace detcd::mvcc
