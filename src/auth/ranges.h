// Ranges of keys that permissions grant: merged where they touch or overlap, so that what several
// permissions cover together is covered (ETCD.md §2.9, Check order).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace detcd::auth {

// Where a range ends: before a key, or never.
class Bound {
 public:
  static Bound before(std::string_view key) { return Bound(std::string(key), false); }
  static Bound never() { return Bound("", true); }
  // Whether `key` lies before it.
  [[nodiscard]] bool is_after(std::string_view key) const { return open_ || key < key_; }
  [[nodiscard]] bool is_open() const { return open_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  friend bool operator==(const Bound&, const Bound&) = default;
  friend bool operator<(const Bound& a, const Bound& b) {
    return !a.open_ && (b.open_ || a.key_ < b.key_);
  }

 private:
  Bound(std::string key, bool open) : key_(std::move(key)), open_(open) {}
  std::string key_;
  bool open_;
};

struct Interval {
  std::string begin;
  Bound end = Bound::never();
  friend bool operator==(const Interval&, const Interval&) = default;
};
// As etcd writes ranges: an empty end is the one key, "\0" is none.
[[nodiscard]] Interval interval(std::string_view key, std::string_view range_end);

class Ranges {
 public:
  // The empty ones among them add nothing.
  [[nodiscard]] static Ranges merge(std::vector<Interval> intervals);
  // How far it covers from `key` on without a gap; none when it doesn't cover `key`.
  [[nodiscard]] const Bound* reach(std::string_view key) const;
  // Disjoint, not touching each other, ascending.
  [[nodiscard]] const std::vector<Interval>& intervals() const { return intervals_; }

 private:
  std::vector<Interval> intervals_;
};

// Whether all of them together cover `wanted` without a gap.
[[nodiscard]] bool cover(const std::vector<const Ranges*>& granted, const Interval& wanted);

}  // namespace detcd::auth
